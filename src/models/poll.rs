//! **Poll**: one process that waits for all its clients at once, with `poll(2)`.
//!
//! ```text
//!   clients                           the process
//!
//!     A ─────┐      ┌─▶ poll ▶ who is ready? ▶ look through the list ─┐
//!     B ─────┼──────┤     all of it, each time                        │
//!     C ─────┤      └──── a piece of A ◀── a piece of C ◀── accept ◀──┘
//!     … ─────┘            as far as each gets without waiting
//! ```
//!
//! *What it costs*: no process and no thread per client: a few kilobytes. But the whole list of
//! clients goes into the kernel and is searched, there and here, with each wait: the price of a
//! request grows with the number of those who are connected and say nothing.
//!
//! *When it breaks*: with thousands of idle clients, by that price; and with a handler that waits
//! or computes, since everybody else waits for it. One core is all that it can use.
//!
//! *In the wild*: thttpd, and whatever has to run where there is neither epoll nor kqueue. `select`
//! is the same with an array of bits, and ends at 1024 descriptors.

use std::io;

use super::{HowMany, Model};
use crate::accept::{Listener, SHARED};
use crate::serve::{EventLoop, Poll, Ready, Server};

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
    run,
};

// ANCHOR: run
fn run(server: &Server<'_>, listener: Listener) -> io::Result<()> {
    listener.set_nonblocking()?;
    let mut clients = EventLoop::new(server, listener, Poll::new())?;
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
