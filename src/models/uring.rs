//! **uring**: one process that has the kernel do the waiting and the work.
//!
//! ```text
//!   clients      the process                             the kernel
//!
//!                submissions ──▶ receive A │ send B │ receive C │ …
//!     A ═══════════════════════════════════▶ …
//!     B ◀═══════════════════════════════════ as each can be done
//!     C ═══════════════════════════════════▶ …
//!                completions ◀── B sent │ C's octets │ A's octets │ …
//!                    │
//!                    └─▶ answer, ask for the next thing, and so on
//! ```
//!
//! *What it costs*: one system call a turn, however many clients have something to be done in it.
//! Memory that the kernel may write to at any time, and so an owner for each piece of it.
//!
//! *When it breaks*: with a handler that blocks, as any model of one thread: everybody waits. And
//! where it is forbidden: many containers and some distributions do not allow io_uring.
//!
//! *In the wild*: storage engines first (ScyllaDB, TigerBeetle); of network servers newer ones, as
//! an option beside epoll.

use std::io;

use super::{HowMany, Model};
use crate::accept::{Listener, SHARED};
use crate::serve::{CompletionLoop, Done, Server};

pub(super) const MODEL: Model = Model {
    name: "uring",
    aliases: &["io_uring"],
    summary: "one process that gets completions from io_uring",
    accepts: "the kernel, for the process",
    clients_per_worker: "all",
    in_the_wild: "newer proxies and databases",
    chapter: "12-uring.md",
    processes: HowMany::One,
    threads: HowMany::One,
    holds_all_clients: true,
    strategies: &[SHARED],
    triggers: &[],
    needs_io_uring: true,
    run,
};

// ANCHOR: run
fn run(server: &Server<'_>, listener: Listener) -> io::Result<()> {
    let mut clients = CompletionLoop::new(server, listener)?;
    while clients.wait()? {
        while let Some(done) = clients.take() {
            serve(&mut clients, done)?;
        }
        clients.look_around()?;
    }
    Ok(())
}

fn serve(clients: &mut CompletionLoop<'_>, done: Done) -> io::Result<()> {
    match done {
        Done::Accepted { client, goes_on } => clients.accepted(client, goes_on),
        Done::Received {
            key,
            count,
            goes_on,
        } => clients.received(key, count, goes_on),
        Done::Sent { key, count, parcel } => clients.sent(key, count, parcel),
        Done::Read { key, count, parcel } => clients.read(key, count, parcel),
    }
}
// ANCHOR_END: run
