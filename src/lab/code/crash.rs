//! `crash`: who dies with whom, when a handler crashes its process?
//!
//! Some clients have had an answer and stay; each knows from `/pid` which process serves it. One
//! more client asks the same and then for `/crash`. Afterwards every client that stayed asks once
//! more on its connection. The clients without an answer are compared with those whose process was
//! the one that died.

use std::time::{Duration, Instant};

use crate::bench::server::ServerUnderTest;
use crate::lab::client::{self, Client};
use crate::lab::context::Context;
use crate::lab::definition::Definition;
use crate::lab::figures::{Figures, Unit};
use crate::lab::outcome::Observed;
use crate::lab::problem::Problem;

/// The routes that fail on purpose, and connections that last longer than the lab.
const OPTIONS: &str = "--lab --keep-alive-timeout 120s";
const MS_PER_S: f64 = 1000.0;

/// Row, command, and the slots of a pool of processes, which have to be there again in the end.
type Entry = (&'static str, String, Option<usize>);

fn servers(workers: usize, threads: usize) -> Vec<Entry> {
    let all = workers * threads;
    vec![
        ("fork", "fork".to_owned(), None),
        ("prefork", format!("prefork --workers {all}"), Some(all)),
        ("threaded", "threaded".to_owned(), None),
        ("prethreaded", format!("prethreaded --threads {all}"), None),
        (
            "worker",
            format!("worker --workers {workers} --threads {threads}"),
            Some(all),
        ),
        ("epoll", "epoll".to_owned(), None),
        ("event", format!("event --workers {workers}"), Some(workers)),
        ("async", "async".to_owned(), None),
    ]
}

pub(super) fn run(lab: &Definition, context: &Context<'_>) -> Result<Observed, Problem> {
    let workers = lab.number("workers", context.quick)?;
    let threads = lab.number("threads", context.quick)?;
    // One slot is left for the client that asks for the crash.
    let clients = (workers * threads).saturating_sub(1);
    let rounds = lab.number("rounds", context.quick)?;
    let servers = servers(workers, threads);
    let mut observed = Observed::default();
    for round in 0..rounds {
        for (index, (name, command, slots)) in servers.iter().enumerate() {
            let what = format!("{name}: {clients} clients, and a crash");
            let done = round * servers.len() + index;
            context.step_of(&what, done, rounds * servers.len());
            let server = context.start(&format!("{command} {OPTIONS}"))?;
            if let Some(slots) = slots {
                context.wait_for_slots(&server, *slots)?;
            }
            crash(
                context,
                name,
                (server, *slots),
                clients,
                &mut observed.figures,
            )?;
        }
    }
    Ok(observed)
}

/// A client that stays, and the process that serves it.
struct Staying {
    client: Client,
    served_by: u32,
}

impl Staying {
    fn come(server: &ServerUnderTest) -> std::io::Result<Staying> {
        let mut client = Client::connect(server.address())?;
        let answer = client.ask("/pid")?;
        let pid = answer.split_whitespace().next();
        let served_by = pid.and_then(|it| it.parse().ok());
        let served_by = served_by.ok_or(std::io::ErrorKind::InvalidData)?;
        Ok(Staying { client, served_by })
    }
}

fn crash(
    context: &Context<'_>,
    name: &str,
    (mut server, slots): (ServerUnderTest, Option<usize>),
    clients: usize,
    figures: &mut Figures,
) -> Result<(), Problem> {
    let come = |_| Staying::come(&server);
    let asking = || format!("cannot ask {name}");
    let staying: Result<Vec<Staying>, _> = (0..clients).map(come).collect();
    let mut staying = staying.map_err(Problem::io(asking()))?;
    let mut crashing = Staying::come(&server).map_err(Problem::io(asking()))?;
    let dies = crashing.served_by;
    let sent = crashing.client.send("/crash", true);
    sent.map_err(Problem::io(asking()))?;
    let crashed = Instant::now();
    let has_ended = || {
        let pids = server.processes().pids();
        pids.is_ok_and(|it| !it.contains(&dies))
    };
    context.wait_for(&format!("{name}: the process crashes"), has_ended)?;
    let mut lost = 0;
    for it in &mut staying {
        lost += usize::from(it.client.ask("/pid").is_err());
        context.check()?;
    }
    figures.count(name, "clients", clients);
    let with_it = staying.iter().filter(|it| it.served_by == dies).count();
    figures.count(name, "in-its-process", with_it);
    figures.count(name, "lost", lost);
    drop(staying);
    // The number of a process whose threads are still ending can be waited for only after them.
    let was_the_server = server.processes().0.as_raw().unsigned_abs() == dies;
    let lives = !was_the_server && server.check_alive().is_ok();
    let again = lives.then(|| whole_again(context, &server, slots, crashed));
    let again = again.transpose()?;
    figures.count(name, "lives", usize::from(lives));
    figures.add(name, "whole-again", Unit::Milliseconds, again);
    match lives {
        true => context.stop(name, server),
        // Dropped: it has ended already, and not in good order.
        false => Ok(()),
    }
}

/// How long it took until the server had all its workers again and answered, in ms.
fn whole_again(
    context: &Context<'_>,
    server: &ServerUnderTest,
    slots: Option<usize>,
    crashed: Instant,
) -> Result<f64, Problem> {
    if let Some(slots) = slots {
        context.wait_for_slots(server, slots)?;
    }
    let answer = client::ask(server.address(), "/pid");
    answer.map_err(Problem::io("the server lives, and does not answer"))?;
    let took: Duration = crashed.elapsed();
    Ok(took.as_secs_f64() * MS_PER_S)
}
