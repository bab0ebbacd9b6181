//! **Worker**: children made in advance, with several threads each.
//!
//! ```text
//!   clients      accept queue       children, threads         master
//!
//!     A ────────────────┬─────────▶ 0 ┬ accept ▶ serve A      forks the children first,
//!     B ────────────────┼─────────▶   └ accept ▶ serve B      then waits for signals:
//!     C ────────────────┼─────────▶ 1 ┬ accept ▶ serve C      a child that dies is replaced,
//!     D ──────▶ [ D ] ──┴─────────▶   └ accept (waiting)      with all its threads
//! ```
//!
//! *What it costs*: what pre-fork costs, but one process for M clients instead of M processes. That
//! takes less memory, and a process loads once what all its threads use.
//!
//! *When it breaks*: when all threads of all children are busy. A handler that is not thread-safe
//! is wrong here, too. A crash takes the M clients of one child along, but no others.
//!
//! *In the wild*: Apache's worker MPM, Gunicorn's gthread workers, Puma in its clustered mode.

use std::io;
use std::thread;

use super::{HowMany, Model, RUNS_EVERYWHERE};
use crate::accept::{Listener, SHARED};
use crate::master::{self, Worker};
use crate::scoreboard::slot;
use crate::server::{Server, ThreadPool};

pub(super) const MODEL: Model = Model {
    name: "worker",
    aliases: &["gthread"],
    summary: "a master and a pool of children with a pool of threads each",
    accepts: "each thread of each child",
    clients_per_worker: "1 a thread",
    in_the_wild: "Apache worker, Gunicorn gthread, Puma",
    chapter: "08-worker.md",
    processes: HowMany::Pool,
    threads: HowMany::Pool,
    holds_all_clients: false,
    strategies: &[SHARED],
    triggers: &[],
    needs_io_uring: false,
    check: RUNS_EVERYWHERE,
    run,
};

// ANCHOR: run
fn run(server: &Server<'_>, listener: Listener) -> io::Result<()> {
    master::run_threads(server, listener, server.thread_count(), work)
}

fn work(worker: &Worker<'_>) -> io::Result<()> {
    let (server, first) = (worker.server, slot::get());
    thread::scope(|scope| {
        let pool = ThreadPool::start(scope, server.thread_count(), |thread| {
            server.scoreboard.enter(first + thread);
            worker.ready();
            while let Some(client) = worker.accept()? {
                server.serve(&client);
                drop(client);
            }
            Ok(())
        });
        pool.finish()
    })
}
// ANCHOR_END: run
