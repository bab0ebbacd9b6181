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
//! (`sizing`), how one generation replaces another (`turnover`), who is wedged (`liveness`), how
//! long to wait after failures (`backoff`).

mod backoff;
mod children;
mod current;
mod liveness;
mod member;
mod pool;
mod sizing;
#[cfg(test)]
mod sizing_tests;
mod tenure;
mod ticker;
mod turnover;
mod upgrade;
mod worker;

use std::io;
use std::os::fd::AsFd;
use std::time::Instant;

use crate::accept::Listener;
use crate::serve::Server;
use crate::sys::process::{self, Fork};
use crate::sys::signal::{self, Event, Signals};
pub use children::Children;
use pool::Pool;
use tenure::Tenure;
use upgrade::End;
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
    let mut pool = Pool::new(server, threads, Instant::now());
    let mut tenure = Tenure::begin(server.configuration, Instant::now());
    while !signal::stopping() && !tenure.is_over(&pool) {
        tenure.look(&pool, Instant::now());
        pool.look(Instant::now())?;
        take_steps(&mut pool, &tenure.server(), &listener, work);
        let now = Instant::now();
        let queue = [listener.as_fd()];
        let watched = &queue[..usize::from(pool.awaits_demand(now))];
        let pause = pool.until_due(now).min(tenure.until_due(&pool, now));
        match signals.wait_beside(Some(pause), watched)? {
            Event::Signal(signal) => match tenure.end(signal) {
                None => tenure.obey(signal, &mut pool, &queue),
                Some(End::Leave) => pool.drain(),
                Some(End::Graceful) => signal::begin_stop(),
                Some(End::Fast) => return pool.children.stop_fast(&signals),
            },
            Event::Readable(_) => {
                pool.demand(listener.waiting()?, Instant::now());
            }
            Event::Timeout => {}
        }
    }
    drop(listener);
    pool.children.stop(&signals)
}
// ANCHOR_END: run

/// Starts whoever is to come, as far as the system lets it, and tells whoever is to go.
// ANCHOR: take_steps
fn take_steps(pool: &mut Pool<'_>, server: &Server<'_>, listener: &Listener, work: Work) {
    let steps = pool.steps(Instant::now());
    pool.retire(&steps, Instant::now());
    for _ in 0..steps.start {
        let post = pool.post();
        let requests = allowance(&server.pool);
        match process::fork() {
            Ok(Fork::Child) => {
                let worker = Worker {
                    server,
                    listener,
                    post,
                };
                process::leave_after(|| worker.live(requests, work));
            }
            Ok(Fork::Parent(pid)) => pool.filled(pid, post, Instant::now()),
            Err(error) => {
                let pause = pool.unfilled(post, Instant::now());
                crate::log!("fork: {error}; again in {pause:?}");
                return;
            }
        }
    }
}
// ANCHOR_END: take_steps

/// Requests that a worker may answer; 0 for no end. The master draws the number: its children
/// would all draw the same.
fn allowance(rules: &crate::serve::Pool) -> u64 {
    match rules.max_requests {
        0 => 0,
        requests => requests.saturating_add(fastrand::u64(0..=rules.max_requests_jitter)),
    }
}
