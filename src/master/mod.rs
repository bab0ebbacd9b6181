//! The pre-fork machinery: a master that owns the listener and a pool of worker processes, serves
//! nobody, and keeps the pool whole.
//!
//! ```text
//!                      ┌────────────────────────────────────────────┐
//!                      ▼                                            │
//!    look: who has ended, is ready, is wedged?   (scoreboard)       │
//!                      ▼                                            │
//!    steps: who is to come, who is to go?        (pure rules)       │
//!                      ▼                                            │
//!    wait for a signal, a connection or a tick ─────────────────────┘
//! ```
//!
//! The rules are pure and each in a file of its own: how many workers there should be
//! (`sizing`), whether anybody takes those who wait (`queue`), how one generation replaces another
//! (`turnover`), who is wedged (`liveness`), how long to wait after failures (`backoff`).

mod backoff;
mod children;
mod crew;
mod current;
mod liveness;
mod member;
mod pool;
mod queue;
mod sizing;
#[cfg(test)]
mod sizing_tests;
mod tenure;
mod ticker;
mod turnover;
mod upgrade;
mod worker;

use std::io;
use std::time::Instant;

use nix::unistd::Pid;

use crate::accept::{Listener, SharedListeners};
use crate::serve::Server;
use crate::sys::errors::plain;
use crate::sys::exit::leave_after;
use crate::sys::process::{self, Fork};
use crate::sys::signal::{self, Event, Signals};
pub use children::Children;
use crew::Crew;
use pool::Pool;
use tenure::Tenure;
use upgrade::End;
use worker::Post;
pub use worker::{Work, Worker};

/// Forks the workers before any request arrives, keeps the pool whole, and returns when all
/// have gone after the wish to stop.
///
/// # Errors
/// When workers had to be killed, none ever became ready, or the master's own system calls fail.
pub fn run(server: &Server, listener: Listener, work: Work) -> io::Result<()> {
    run_threads(server, listener, 1, work)
}

/// [`run`] for workers with `threads` threads that serve, each with a record of its own in the
/// scoreboard: a worker has as many in a row, from the slot that its process has entered.
///
/// # Errors
/// As [`run`].
// ANCHOR: run
pub fn run_threads(
    server: &Server,
    listener: Listener,
    threads: usize,
    work: Work,
) -> io::Result<()> {
    let signals = Signals::take_over()?;
    let mut listeners = open(server, listener)?;
    let mut pool = Pool::new(server, threads, Instant::now());
    // This process has no slot: it serves nobody.
    server.scoreboard.vacate(0);
    let mut tenure = Tenure::begin(server.configuration, Instant::now());
    while !signal::stopping() && !tenure.is_over(&pool) {
        tenure.look(&mut pool, Instant::now());
        pool.look(&mut listeners, Instant::now())?;
        act(&mut pool, &mut listeners, &tenure.crew(work));
        let now = Instant::now();
        let due = pool.until_due(now).min(tenure.until_due(&pool, now));
        let demand = pool.awaits_demand(now);
        match listeners.wait(&signals, Some(due), demand)? {
            Event::Signal(signal) => match tenure.end(signal) {
                None => tenure.obey(signal, &mut pool, &listeners),
                // The next look begins with it.
                Some(End::Leave) => {}
                Some(End::Graceful) => signal::begin_stop(),
                Some(End::Fast) => return pool.children.stop_fast(&signals),
                Some(End::Forced) => return pool.children.kill(&signals),
            },
            Event::Readable(_) => {
                pool.demand(listeners.waiting(0)?, Instant::now());
            }
            Event::Timeout => {}
        }
    }
    if tenure.is_over(&pool) {
        return pool.has_left();
    }
    last_call(&mut pool, &mut listeners, &tenure.crew(work))?;
    listeners.close();
    pool.stop(&signals, &mut listeners)
}
// ANCHOR_END: run

/// The way of all workers to the connections.
///
/// A successor opens no listener beside those that it was given: should it have to go again, and
/// its predecessor stay, whoever waited at that one would be lost.
fn open(server: &Server, listener: Listener) -> io::Result<SharedListeners> {
    let (mut count, given) = (server.workers, listener.count());
    if server.configuration.succession().predecessor().is_some() && given < count {
        count = given;
        if server.accept.has_queue_per_worker {
            crate::log!(
                "upgrade: {} workers share {given} listeners",
                server.workers
            );
        }
    }
    SharedListeners::open(server.accept, server.strategy_options, listener, count)
}

/// Tells whoever is to go, and starts whoever is to come, as far as the
/// system lets it.
// ANCHOR: act
fn act(pool: &mut Pool, listeners: &mut SharedListeners, crew: &Crew) {
    let steps = pool.steps(Instant::now());
    pool.retire(&steps, Instant::now());
    for _ in 0..steps.start {
        let post = pool.post();
        match spawn(post, listeners, crew) {
            Ok(pid) => pool.filled(pid, post, Instant::now()),
            Err(error) => {
                let pause = pool.unfilled(post, Instant::now());
                crate::log!("fork: {}; again in {pause:?}", plain(&error));
                return;
            }
        }
    }
}
// ANCHOR_END: act

/// Forks a worker for a post.
// ANCHOR: spawn
fn spawn(at: Post, port: &mut SharedListeners, crew: &Crew) -> io::Result<Pid> {
    let requests = crew.allowance();
    port.prepare(at.slot)?;
    match process::fork()? {
        Fork::Parent(pid) => Ok(pid),
        Fork::Child => leave_after(|| crew.live(at, port, requests)),
    }
}
// ANCHOR_END: spawn

/// The wish to stop has come while workers were missing: where connections wait for them, a last
/// worker answers those. It inherits the wish to stop, so it does no more.
fn last_call(pool: &mut Pool, listeners: &mut SharedListeners, crew: &Crew) -> io::Result<()> {
    // Whoever has sent all workers away may have left connections in the accept queue.
    pool.resume();
    // The signal of a death may still be in the queue, behind the wish to stop.
    pool.look(listeners, Instant::now())?;
    pool.demand(listeners.waiting(0)?, Instant::now());
    for _ in 0..pool.missing() {
        let post = pool.post();
        if listeners.waiting(post.seat)? == 0 {
            continue;
        }
        match spawn(post, listeners, crew) {
            Ok(pid) => pool.filled(pid, post, Instant::now()),
            Err(error) => crate::log!("connections are lost: fork: {}", plain(&error)),
        }
    }
    Ok(())
}
