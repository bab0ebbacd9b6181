//! **Pre-fork**: children made before the requests arrive, each accepting for itself.
//!
//! ```text
//!   clients      accept queue       children                  master
//!
//!     A ────────────────┬─────────▶ 0: accept ▶ serve A ▶ …     forks them all first,
//!     B ────────────────┼─────────▶ 1: accept ▶ serve B ▶ …     then waits for signals:
//!     C ──────▶ [ C ] ──┴─────────▶ 2: accept (waiting)         a child that dies
//!                                   one client each             is replaced
//! ```
//!
//! *What it costs*: next to nothing per connection, because the processes are there already.
//! Memory for the pool, which the children share with the master until one of them writes to it.
//!
//! *When it breaks*: when all children are busy. Each client, even an idle one, holds a child. So
//! slow clients and kept-open connections make all others wait: the pool's size is the limit.
//!
//! *In the wild*: Apache's prefork MPM, Gunicorn's sync workers, unicorn, php-fpm. It serves code
//! that is not thread-safe, and a crash takes one client with it.

use std::io;

use super::{HowMany, Model, RUNS_EVERYWHERE};
use crate::accept::{FLOCK, Listener, MUTEX, PASS, REUSEPORT, SHARED};
use crate::master::{self, Worker};
use crate::server::Server;

pub(super) const MODEL: Model = Model {
    name: "prefork",
    aliases: &[],
    summary: "a master and a pool of children that each accept",
    accepts: "each child, or the master",
    clients_per_worker: "1",
    in_the_wild: "Apache prefork, Gunicorn sync, php-fpm",
    chapter: "04-prefork.md",
    processes: HowMany::Pool,
    threads: HowMany::One,
    holds_all_clients: false,
    strategies: &[SHARED, FLOCK, MUTEX, PASS, REUSEPORT],
    triggers: &[],
    needs_io_uring: false,
    check: RUNS_EVERYWHERE,
    run,
};

// ANCHOR: run
fn run(server: &Server<'_>, listener: Listener) -> io::Result<()> {
    master::run(server, listener, work)
}

fn work(worker: &Worker<'_>) -> io::Result<()> {
    worker.ready();
    while let Some(client) = worker.accept()? {
        worker.server.serve(&client);
        drop(client);
    }
    Ok(())
}
// ANCHOR_END: run
