//! `reload`: does a reload lose a request?
//!
//! A closed loop asks all the time, with a connection for each request or with connections that
//! stay. Meanwhile the lab reloads the server again and again. A reload is over when none of the
//! workers is left that there were before. In the end a second master takes over from the first
//! one. Every request is accounted for: answered, failed, or in flight when the load was stopped.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::bench::accounting::ProcessTree;
use crate::bench::server::ServerUnderTest;
use crate::lab::context::Context;
use crate::lab::definition::Definition;
use crate::lab::figures::Figures;
use crate::lab::outcome::{LeftOut, Observed};
use crate::lab::problem::Problem;
use crate::lab::scratch::Scratch;
use crate::load::{self, Amount, Outcome, Plan, Target, Watch};

/// Peers, with the signal that reloads each without an interruption.
const PEERS: [(&str, Signal); 3] = [
    ("nginx", Signal::SIGHUP),
    ("apache-event", Signal::SIGUSR1),
    ("gunicorn-gthread", Signal::SIGHUP),
];
/// Load between two reloads, so that each meets one.
const BETWEEN: Duration = Duration::from_millis(100);
/// The lab ends the load long before.
const LOAD_MAX: Duration = Duration::from_secs(300);

/// The numbers of the lab's file.
struct Numbers {
    workers: usize,
    reloads: usize,
    connections: usize,
}

pub(super) fn run(lab: &Definition, context: &Context<'_>) -> Result<Observed, Problem> {
    let numbers = Numbers {
        workers: lab.number("workers", context.quick)?,
        reloads: lab.number("reloads", context.quick)?,
        connections: lab.number("connections", context.quick)?,
    };
    let mut observed = Observed::default();
    for model in ["prefork", "event"] {
        for stays in [false, true] {
            ours(context, model, stays, &numbers, &mut observed.figures)?;
        }
    }
    for (peer, signal) in PEERS {
        let scratch = Scratch::new()?;
        match scratch.peer(peer)? {
            Err(why) => observed.left_out.push(LeftOut {
                rows: vec![peer.to_owned(), row(peer, true)],
                why,
            }),
            Ok(contender) => {
                for stays in [false, true] {
                    let name = row(peer, stays);
                    context.step(&format!("{name}: {} reloads under load", numbers.reloads));
                    let server = context.start_contender(&contender)?;
                    let steps = || reloads(context, &server, signal, numbers.reloads);
                    let (outcome, done) = under_load(context, &server, stays, &numbers, steps)?;
                    enter(&name, &outcome, done, &mut observed.figures);
                    context.stop(&name, server)?;
                }
            }
        }
    }
    Ok(observed)
}

/// `prefork`, and `prefork-kept` with connections that stay.
fn row(name: &str, stays: bool) -> String {
    match stays {
        true => format!("{name}-kept"),
        false => name.to_owned(),
    }
}

fn ours(
    context: &Context<'_>,
    model: &str,
    stays: bool,
    numbers: &Numbers,
    figures: &mut Figures,
) -> Result<(), Problem> {
    let name = row(model, stays);
    let (workers, count) = (numbers.workers, numbers.reloads);
    context.step(&format!(
        "{name}: {count} reloads and an upgrade under load"
    ));
    let scratch = Scratch::new()?;
    let pidfile = scratch.path().join("pid");
    let command = format!(
        "{model} --workers {workers} --pidfile {}",
        pidfile.display()
    );
    let server = context.start(&command)?;
    context.wait_for_slots(&server, workers)?;
    let (outcome, (done, upgrades)) = under_load(context, &server, stays, numbers, || {
        let done = reloads(context, &server, Signal::SIGHUP, count)?;
        let upgrades = upgrade(context, &server, &pidfile, workers)?;
        Ok((done, upgrades))
    })?;
    enter(&name, &outcome, done, figures);
    figures.count(&name, "upgrades", upgrades);
    // The first master has ended, as it should. Its successor is in the same process group.
    if let Some(successor) = named(&pidfile) {
        kill(successor, Signal::SIGTERM).ok();
    }
    let is_empty = || server.processes().count().is_ok_and(|it| it == 0);
    context.wait_for(&format!("{name}: the second master ends"), is_empty)
}

/// Asks all the time while `steps` are taken.
fn under_load<T>(
    context: &Context<'_>,
    server: &ServerUnderTest,
    stays: bool,
    numbers: &Numbers,
    steps: impl FnOnce() -> Result<T, Problem>,
) -> Result<(Outcome, T), Problem> {
    let plan = Plan {
        connections: numbers.connections,
        amount: Amount::Duration(LOAD_MAX),
        keep_alive: stays,
        ..Plan::new(Target::at(server.address(), "/"))
    };
    let watch = Watch::default();
    let (outcome, taken) = thread::scope(|scope| {
        let loading = scope.spawn(|| load::run(&plan, &watch));
        // Not before the load is there.
        let begun = || watch.requests.load(Relaxed) > 0 || loading.is_finished();
        let begins = context.wait_for("the first answer", begun);
        let taken = begins.and_then(|()| steps());
        watch.stop.store(true, Relaxed);
        let outcome = loading.join();
        (
            outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            taken,
        )
    });
    let outcome = outcome.map_err(|error| Problem::Other(error.to_string()))?;
    Ok((outcome, taken?))
}

fn enter(name: &str, outcome: &Outcome, reloads: usize, figures: &mut Figures) {
    let mut count = |figure: &str, value: u64| figures.count(name, figure, value as usize);
    count("reloads", reloads as u64);
    count("asked", outcome.attempted);
    count("answered", outcome.requests);
    count("in-flight", outcome.in_flight_at_stop);
    count("failed", outcome.errors.total());
}

/// Reloads the server so often, and returns how often all its workers were replaced.
fn reloads(
    context: &Context<'_>,
    server: &ServerUnderTest,
    signal: Signal,
    count: usize,
) -> Result<usize, Problem> {
    let master = server.processes().0;
    let workers = || workers(server.processes());
    let mut done = 0;
    for _ in 0..count {
        context.pause(BETWEEN)?;
        let before = workers()?;
        // The server is a child that has not been reaped, so the number is its own.
        kill(master, signal).map_err(|errno| Problem::Other(format!("kill: {errno}")))?;
        let is_new = || workers().is_ok_and(|it| !it.is_empty() && it.is_disjoint(&before));
        context.wait_for("all workers have been replaced", is_new)?;
        done += 1;
    }
    context.pause(BETWEEN)?;
    Ok(done)
}

/// The processes of a server without the one that was started.
fn workers(tree: ProcessTree) -> Result<BTreeSet<u32>, Problem> {
    let pids = tree.pids().map_err(Problem::io("cannot look into /proc"))?;
    let master = tree.0.as_raw().cast_unsigned();
    Ok(pids.into_iter().filter(|pid| *pid != master).collect())
}

/// Starts a second master beside the first, and lets the first one go.
fn upgrade(
    context: &Context<'_>,
    server: &ServerUnderTest,
    pidfile: &Path,
    slots: usize,
) -> Result<usize, Problem> {
    let master = server.processes().0;
    let signal = |which| {
        let sent = kill(master, which);
        sent.map_err(|errno| Problem::Other(format!("kill: {errno}")))
    };
    signal(Signal::SIGUSR2)?;
    let serves = || {
        let successor = named(pidfile).filter(|pid| *pid != master);
        successor.is_some_and(|pid| children(pid) >= slots)
    };
    context.wait_for("the second master has its workers", serves)?;
    context.pause(BETWEEN)?;
    signal(Signal::SIGQUIT)?;
    let number = master.as_raw().cast_unsigned();
    let has_ended = || {
        let pids = server.processes().pids();
        pids.is_ok_and(|it| !it.contains(&number))
    };
    context.wait_for("the first master has ended", has_ended)?;
    context.pause(BETWEEN)?;
    Ok(1)
}

/// The process that a pidfile names.
fn named(pidfile: &Path) -> Option<Pid> {
    let text = fs::read_to_string(pidfile).ok()?;
    text.trim().parse().ok().map(Pid::from_raw)
}

fn children(pid: Pid) -> usize {
    let text = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    text.map_or(0, |text| text.split_whitespace().count())
}
