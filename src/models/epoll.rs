//! **Epoll**: one process that waits for all its clients at once, with `epoll(7)`.
//!
//! ```text
//!   clients        the kernel's list          the process
//!
//!     A ─────────▶ [ A  B  C  … ]      ┌─▶ epoll_wait ▶ C, A ─┐
//!     B ─────────▶   who is ready      │    only who is ready │
//!     C ─────────▶   stands apart ─────┤                      │
//!     … ─────────▶                     └── a piece of A ◀── a piece of C
//! ```
//!
//! *What it costs*: a system call per client, once, to have it on the list. From then on a wait
//! costs what those cost who are ready, however many are connected besides.
//!
//! *When it breaks*: with a handler that waits or computes, since everybody else waits for it; and
//! beyond what one core can do.
//!
//! *In the wild*: Redis, Node.js, HAProxy before it had threads: whoever holds many connections and
//! never waits for anything but them.

use std::io;

use super::{HowMany, Model};
use crate::accept::{Listener, SHARED};
use crate::serve::{Epoll, EventLoop, Ready, Server, Trigger};

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
    run,
};

// ANCHOR: run
fn run(server: &Server<'_>, listener: Listener) -> io::Result<()> {
    listener.set_nonblocking()?;
    let poller = Epoll::new(server.trigger)?;
    let mut clients = EventLoop::new(server, listener, poller)?;
    let mut ready = Vec::new();
    while clients.wait(&mut ready)? {
        for who in ready.drain(..) {
            match who {
                Ready::Listener => clients.accept()?,
                Ready::Client(client, signs) => clients.serve(client, signs),
            }
        }
        clients.look_around()?;
    }
    Ok(())
}
// ANCHOR_END: run
