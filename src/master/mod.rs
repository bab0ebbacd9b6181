//! A master process: it owns the listener and a pool of worker processes, keeps the pool at its
//! size, and serves no client.
//!
//! ```text
//!            ┌───────────────────────────────────────────────────────────────┐
//!            ▼                                                               │
//!    reap_workers     which have ended?                (waitpid)             │
//!    murder_workers   which hang?                      (scoreboard)          │
//!    recycle_workers  which are too old or too large?  (statm)               │
//!    resize           how many should there be?        (scoreboard)          │
//!    manage_workers   spawn and retire until there are that many             │
//!    wait             for a signal, a connection, or the next thing due ─────┘
//! ```
//!
//! | file | what it holds |
//! | --- | --- |
//! | `state` | the master beside its pool: configuration, upgrade, service manager |
//! | `pool/` | the workers: `spawn`, `reap` (ready, ended), `end` (retired, killed), `size` |
//! | `worker_state` | one worker as the master sees it |
//! | `worker` | a worker in its own process |
//! | `policy/` | the rules, pure: sizing, rollout, liveness, recycling, back-off |
//! | `upgrade` | two masters at once |
//! | `status_process` | the child that serves the status at an address of its own |
//! | `lines` | kinds of log lines, each with a quota |
//! | `children` | processes and their ends, also for the `fork` model |
//!
//! # Invariants
//!
//! - What can fail in a reload fails in the master, before anything changes.
//! - No client is lost with a worker: the master keeps the listeners and channels of its workers,
//!   and no listener is closed while its accept queue may hold a client.
//! - A worker that makes progress is not killed for being slow. The clock for that only counts time
//!   in which the master itself was running.
//! - A worker that is retired cuts off no client. Stopping ends: after `--graceful-timeout`, or at
//!   a second signal, by force and with exit code 1.
//! - A master leaves its accept queue to another master only if that one says that it serves.

mod active_configuration;
mod children;
mod interval;
mod lines;
mod policy;
mod pool;
mod state;
mod status_process;
mod upgrade;
mod worker;
mod worker_state;

use std::io;
use std::time::Instant;

use crate::accept::{Listener, SharedListeners};
use crate::server::Server;
use crate::sys::oom;
use crate::sys::signal::{self, Event, Signals};
use crate::sys::title;
pub use children::Children;
use pool::Pool;
use state::MasterState;
use status_process::StatusProcess;
use upgrade::Stop;
pub use worker::{Work, Worker};

/// Forks the workers before any request arrives, keeps the pool at its size, and returns when the
/// last worker has ended after a stop.
///
/// # Errors
/// Workers had to be killed, no worker ever became ready, or a system call of the master fails.
pub fn run(server: &Server, listener: Listener, work: Work) -> io::Result<()> {
    run_threads(server, listener, 1, work)
}

/// [`run`] for workers with `threads` serving threads. Each thread has a slot of the scoreboard; a
/// worker has that many in a row.
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
    oom::protect_master();
    take_title();
    let mut listeners = open(server, listener)?;
    let mut pool = Pool::new(server, threads, Instant::now());
    // The master has no slot: it serves no client.
    server.scoreboard.vacate(0);
    let mut state = MasterState::begin(server.configuration, Instant::now());
    let mut status = StatusProcess::new(server.configuration);
    while !signal::stopping() && !state.is_over(&pool) {
        state.update(&mut pool, Instant::now());
        state.keep(&mut status, Instant::now());
        pool.reap_workers(&mut listeners, Instant::now())?;
        pool.murder_workers(Instant::now());
        pool.recycle_workers(Instant::now());
        pool.resize(&listeners, Instant::now())?;
        pool.manage_workers(&mut listeners, &state.worker_context(work));
        let now = Instant::now();
        let due = pool.until_due(now).min(state.until_due(&pool, now));
        let demand = pool.awaits_demand(now);
        match listeners.wait(&signals, Some(due), demand)? {
            Event::Signal(signal) => match state.stop_for(signal) {
                None => state.handle_signal(signal, &mut pool, &listeners),
                // The next update goes on with it.
                Some(Stop::HandOver | Stop::Delayed) => {}
                Some(Stop::Graceful) => signal::begin_stop(),
                Some(Stop::Fast) => return pool.children.stop_fast(&signals),
                Some(Stop::Forced) => return pool.children.kill(&signals),
            },
            Event::Readable(_) => {
                pool.demand(listeners.waiting(0)?, Instant::now());
            }
            Event::Timeout => {}
        }
    }
    if state.is_over(&pool) {
        return pool.has_left();
    }
    pool.final_drain(&mut listeners, &state.worker_context(work))?;
    listeners.close();
    pool.stop(&signals, &mut listeners)
}
// ANCHOR_END: run

/// `ps` shows which of the processes is the master, and what it was started with.
fn take_title() {
    let arguments = std::env::args_os().skip(1);
    let arguments: Vec<_> = arguments
        .map(|it| it.to_string_lossy().into_owned())
        .collect();
    title::take(&format!("servers: master {}", arguments.join(" ")));
}

/// Opens what the workers accept from.
///
/// A successor opens no listener beside those that it has inherited. If it ended and its
/// predecessor stayed, the connections in the queue of such a listener would be lost.
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
