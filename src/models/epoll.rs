//! **Epoll**: one process that waits for all its clients at once, with `epoll(7)`.
//!
//! ```text
//!   clients        the kernel's list          the process
//!
//!     A ─────────▶ [ A  B  C  … ]      ┌─▶ epoll_wait ▶ C, A ─┐
//!     B ─────────▶   the ready ones    │    only those ready  │
//!     C ─────────▶   stand apart ──────┤                      │
//!     … ─────────▶                     └── a piece of A ◀── a piece of C
//! ```
//!
//! *What it costs*: one system call per client, to have it on the list. After that the cost of a
//! wait depends on how many clients are ready, not on how many are connected.
//!
//! *When it breaks*: with a handler that waits or computes, because all other clients wait for it;
//! and beyond what one core can do.
//!
//! *In the wild*: Redis, Node.js, HAProxy before it had threads. They hold many connections and
//! wait for nothing else.

use std::io;

use super::{HowMany, Model, RUNS_EVERYWHERE};
use crate::accept::{Listener, SHARED};
use crate::serve::{Epoll, EventLoop, Ready};
use crate::server::{Server, Trigger};

pub(super) const MODEL: Model = Model {
    name: "epoll",
    aliases: &[],
    summary: "one process that waits for all clients with epoll",
    accepts: "the process",
    clients_per_worker: "all",
    in_the_wild: "Redis, Node.js",
    chapter: "10-epoll.md",
    processes: HowMany::One,
    threads: HowMany::One,
    holds_all_clients: true,
    strategies: &[SHARED],
    triggers: &Trigger::ALL,
    needs_io_uring: false,
    check: RUNS_EVERYWHERE,
    run,
};

// ANCHOR: run
pub(super) fn run(server: &Server<'_>, listener: Listener) -> io::Result<()> {
    listener.set_nonblocking()?;
    let poller = Epoll::new(server.trigger)?;
    let mut clients = EventLoop::new(server, listener, poller)?;
    let mut ready = Vec::new();
    while clients.wait(&mut ready)? {
        for source in ready.drain(..) {
            match source {
                Ready::Listener => clients.accept()?,
                Ready::Client(client, readiness) => {
                    clients.serve(client, readiness);
                }
            }
        }
        clients.run_timers()?;
    }
    Ok(())
}
// ANCHOR_END: run
