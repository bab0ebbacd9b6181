//! `silent-clients`: how many clients that send nothing stop a server?
//!
//! Silent clients come one by one. After each of them a further client asks for something. A server
//! is stopped when this client gets no answer, or a 503. Then the last silent client leaves: if the
//! waiting client is answered now, the silent one was the cause, and not a slow machine.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::bench::server::ServerUnderTest;
use crate::lab::client::{self, Client};
use crate::lab::context::Context;
use crate::lab::definition::Definition;
use crate::lab::figures::{Figures, Unit};
use crate::lab::outcome::{LeftOut, Observed};
use crate::lab::problem::Problem;
use crate::lab::scratch::Scratch;
use crate::models;

/// Silent clients are not to be cut off while the lab runs.
const PATIENT: &str = "--head-timeout 120s";
/// How soon a client that was turned away comes again.
const AGAIN_AFTER: Duration = Duration::from_millis(10);
const PROXY: &str = "nginx";
const BEHIND_PROXY: &str = "prefork-behind-nginx";
/// What the recipe of the proxy does with every other path than `/`, and what it is to do.
const NOT_FOUND: &str = "return 404;";

/// The numbers of the lab's file.
struct Numbers {
    workers: usize,
    threads: usize,
    /// The limit of models with a process or a thread for each connection.
    limit: usize,
    /// So many silent clients come at the most.
    most: usize,
    /// How long the client that asks waits for its answer.
    patience: Duration,
}

impl Numbers {
    /// What follows `servers run`, and how many clients the server then serves at a time; none
    /// where connections do not occupy a process or a thread.
    fn servers(&self) -> Vec<(&'static str, String, Option<usize>)> {
        let (workers, threads, limit) = (self.workers, self.threads, self.limit);
        let all = workers * threads;
        let limited = |model: &str| format!("{model} --max-connections {limit}");
        vec![
            ("iterative", "iterative".to_owned(), Some(1)),
            ("fork", limited("fork"), Some(limit)),
            (
                "prefork",
                format!("prefork --workers {workers}"),
                Some(workers),
            ),
            ("threaded", limited("threaded"), Some(limit)),
            (
                "prethreaded",
                format!("prethreaded --threads {all}"),
                Some(all),
            ),
            (
                "worker",
                format!("worker --workers {workers} --threads {threads}"),
                Some(all),
            ),
            ("poll", "poll".to_owned(), None),
            ("epoll", "epoll".to_owned(), None),
            ("event", format!("event --workers {workers}"), None),
            ("uring", "uring".to_owned(), None),
            ("async", "async".to_owned(), None),
        ]
    }
}

pub(super) fn run(lab: &Definition, context: &Context<'_>) -> Result<Observed, Problem> {
    let numbers = Numbers {
        workers: lab.number("workers", context.quick)?,
        threads: lab.number("threads", context.quick)?,
        limit: lab.number("limit", context.quick)?,
        most: lab.number("silent", context.quick)?,
        patience: Duration::from_millis(lab.number("patience-ms", context.quick)? as u64),
    };
    let mut observed = Observed::default();
    let servers = numbers.servers();
    let count = servers.len() + 1;
    for (index, (name, command, slots)) in servers.into_iter().enumerate() {
        let lacking = models::find(name).and_then(|model| model.check(None).err());
        if let Some(why) = lacking {
            let (rows, why) = (vec![name.to_owned()], format!("{name}: {why}"));
            observed.left_out.push(LeftOut { rows, why });
            continue;
        }
        context.step_of(&format!("{name}: silent clients come"), index, count);
        let server = context.start(&format!("{command} {PATIENT}"))?;
        if let Some(slots) = slots.filter(|_| command.contains("--workers")) {
            context.wait_for_slots(&server, slots)?;
        }
        let seen = Seen::of(context, server.address(), &numbers)?;
        seen.enter(name, slots, &mut observed.figures);
        context.stop(name, server)?;
    }
    context.step_of(
        &format!("{BEHIND_PROXY}: silent clients come"),
        count - 1,
        count,
    );
    behind_proxy(context, &numbers, &mut observed)?;
    Ok(observed)
}

/// The same pool with a proxy in front, which passes on complete requests only.
fn behind_proxy(
    context: &Context<'_>,
    numbers: &Numbers,
    observed: &mut Observed,
) -> Result<(), Problem> {
    let scratch = Scratch::new()?;
    let mut proxy = match scratch.peer(PROXY)? {
        Ok(proxy) => proxy,
        Err(why) => {
            let rows = vec![BEHIND_PROXY.to_owned()];
            observed.left_out.push(LeftOut { rows, why });
            return Ok(());
        }
    };
    let command = format!("prefork --workers {} {PATIENT}", numbers.workers);
    let server = context.start(&command)?;
    context.wait_for_slots(&server, numbers.workers)?;
    let pass = format!("proxy_pass http://{};", server.address());
    let files = proxy.foreign.iter_mut();
    for text in files.flat_map(|it| it.files.values_mut()) {
        *text = text.replace(NOT_FOUND, &pass);
    }
    let front: ServerUnderTest = context.start_contender(&proxy)?;
    let seen = Seen::of(context, front.address(), numbers)?;
    seen.enter(BEHIND_PROXY, Some(numbers.workers), &mut observed.figures);
    context.stop(PROXY, front)?;
    context.stop(BEHIND_PROXY, server)
}

/// What became of one server.
struct Seen {
    /// Silent clients that came.
    silent: usize,
    /// With so many of them it still answered another client.
    withstands: usize,
    /// With so many it did not.
    stopped_by: Option<usize>,
    /// It answered when the last silent client had left.
    answers_again: bool,
}

impl Seen {
    fn of(context: &Context<'_>, server: SocketAddr, numbers: &Numbers) -> Result<Seen, Problem> {
        let mut seen = Seen {
            silent: 0,
            withstands: 0,
            stopped_by: None,
            answers_again: true,
        };
        let mut silent: Vec<TcpStream> = Vec::new();
        while seen.silent < numbers.most {
            context.check()?;
            let client = TcpStream::connect(server);
            let client = client.map_err(Problem::io("a silent client cannot connect"))?;
            let asked = ask(context, server, numbers.patience)?;
            // The place of the last client that asked may not have been free yet.
            if is_turned_away(&client) {
                context.pause(AGAIN_AFTER)?;
                continue;
            }
            silent.push(client);
            seen.silent += 1;
            if matches!(asked, Asked::Answered) {
                seen.withstands = seen.silent;
                continue;
            }
            seen.stopped_by = Some(seen.silent);
            silent.pop();
            seen.answers_again = answers_again(context, server, asked)?;
            break;
        }
        Ok(seen)
    }

    fn enter(&self, name: &str, slots: Option<usize>, figures: &mut Figures) {
        let count = |it: Option<usize>| it.map(|it| it as f64);
        figures.add(name, "slots", Unit::Count, count(slots));
        figures.count(name, "silent", self.silent);
        figures.count(name, "withstands", self.withstands);
        figures.add(name, "stopped-by", Unit::Count, count(self.stopped_by));
        let again = self.stopped_by.map(|_| usize::from(self.answers_again));
        figures.add(name, "answers-again", Unit::Count, count(again));
    }
}

/// What became of a client that asked.
enum Asked {
    Answered,
    /// By a 503, again and again.
    TurnedAway,
    /// It has no answer yet.
    Waits(Client),
}

/// Asks once. A server that turns clients away is asked again for as long as a client waits: it may
/// not have noticed yet that another client has left.
fn ask(context: &Context<'_>, server: SocketAddr, patience: Duration) -> Result<Asked, Problem> {
    let deadline = Instant::now() + patience;
    loop {
        let mut asking = Client::connect(server).map_err(Problem::io("cannot connect"))?;
        let sent = asking.send("/pid", false);
        sent.map_err(Problem::io("cannot ask"))?;
        let comes = asking.waits(patience);
        if !comes.map_err(Problem::io("cannot wait for an answer"))? {
            return Ok(Asked::Waits(asking));
        }
        if asking.answer().is_ok() {
            return Ok(Asked::Answered);
        }
        if Instant::now() >= deadline {
            return Ok(Asked::TurnedAway);
        }
        context.pause(AGAIN_AFTER)?;
    }
}

/// Whether a silent client has got something: a 503, or the end of its connection.
fn is_turned_away(client: &TcpStream) -> bool {
    let seen = client
        .set_nonblocking(true)
        .and_then(|()| client.peek(&mut [0]));
    !seen.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}

/// Whether the server serves a client now: the one that waits, or, if that was turned away,
/// another one.
fn answers_again(context: &Context<'_>, server: SocketAddr, asked: Asked) -> Result<bool, Problem> {
    if let Asked::Waits(mut client) = asked {
        return Ok(client.answer().is_ok());
    }
    let is_served = || client::ask(server, "/pid").is_ok();
    let waited = context.wait_for("the server answers again", is_served);
    context.check()?;
    Ok(waited.is_ok())
}
