//! **uring**: one process that has the kernel do the waiting and the work.
//!
//! ```text
//!   clients      the process                             the kernel
//!
//!                submissions ──▶ receive A │ send B │ receive C │ …
//!     A ═══════════════════════════════════▶ …
//!     B ◀═══════════════════════════════════ as each can be done
//!     C ═══════════════════════════════════▶ …
//!                completions ◀── B sent │ C's bytes │ A's bytes │ …
//!                    │
//!                    └─▶ answer, submit the next operation, and so on
//! ```
//!
//! *What it costs*: one system call a turn, whatever the number of clients that are served in it.
//! The kernel may write to the memory of an operation at any time until its completion, so each
//! piece of such memory needs an owner.
//!
//! *When it breaks*: with a handler that blocks, like every model of one thread: all clients wait.
//! And where io_uring is forbidden, as in many containers and some distributions.
//!
//! *In the wild*: storage engines first (ScyllaDB, TigerBeetle). Of network servers newer ones, as
//! an option beside epoll.

use std::io;

use super::{HowMany, Model};
use crate::accept::{Listener, SHARED};
use crate::serve::{CompletionLoop, Done};
use crate::server::Server;
use crate::sys::uring;

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
    check: |_| uring::check(),
    run,
};

// ANCHOR: run
fn run(server: &Server<'_>, listener: Listener) -> io::Result<()> {
    let mut clients = CompletionLoop::new(server, listener)?;
    while clients.wait()? {
        while let Some(done) = clients.take() {
            serve(&mut clients, done)?;
        }
        clients.run_timers()?;
    }
    Ok(())
}

fn serve(clients: &mut CompletionLoop<'_>, done: Done) -> io::Result<()> {
    match done {
        Done::Accepted {
            key,
            client,
            goes_on,
        } => clients.accepted(key, client, goes_on),
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
