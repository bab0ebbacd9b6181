//! **Poll**: one process that waits for all its clients at once, with `poll(2)`.
//!
//! ```text
//!   clients                           the process
//!
//!     A ─────┐      ┌─▶ poll ▶ which are ready? ▶ look through the list ─┐
//!     B ─────┼──────┤     all of it, each time                           │
//!     C ─────┤      └──── a piece of A ◀── a piece of C ◀── accept ◀─────┘
//!     … ─────┘            as far as each gets without waiting
//! ```
//!
//! *What it costs*: no process and no thread per client, only a few kilobytes. But each wait hands
//! the whole list of clients to the kernel, and both sides search it. So the price of a request
//! grows with the number of connected clients, idle ones included.
//!
//! *When it breaks*: with thousands of idle clients, by that price. With a handler that waits or
//! computes, because all other clients wait for it. It uses one core.
//!
//! *In the wild*: thttpd, and programs that have to run where there is neither epoll nor kqueue.
//! `select` is the same with an array of bits, and ends at 1024 descriptors.

use std::io;

use super::{HowMany, Model, RUNS_EVERYWHERE};
use crate::accept::{Listener, SHARED};
use crate::serve::{EventLoop, Poll, Ready};
use crate::server::Server;

pub(super) const MODEL: Model = Model {
    name: "poll",
    aliases: &[],
    summary: "one process that waits for all clients with poll",
    accepts: "the process",
    clients_per_worker: "all",
    in_the_wild: "thttpd",
    chapter: "09-poll.md",
    processes: HowMany::One,
    threads: HowMany::One,
    holds_all_clients: true,
    strategies: &[SHARED],
    triggers: &[],
    needs_io_uring: false,
    check: RUNS_EVERYWHERE,
    run,
};

// ANCHOR: run
fn run(server: &Server<'_>, listener: Listener) -> io::Result<()> {
    listener.set_nonblocking()?;
    let mut clients = EventLoop::new(server, listener, Poll::new())?;
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
