//! **Threaded**: a thread for each connection.
//!
//! ```text
//!   clients        main thread                    threads, all in one process
//!
//!     A ─────────▶ accept ▶ spawn ──────────────▶ serve A … end
//!                    ▲        │
//!                    └────────┘ straight back to accept
//!     B ─────────▶ accept ▶ spawn ──────────────▶ serve B … end
//! ```
//!
//! *What it costs*: a thread per connection: a stack and a few kernel structures, but no page
//! tables to copy, so a fraction of a fork.
//!
//! *When it breaks*: with very many connections (a stack each), with a handler that is not
//! thread-safe, and with a crash, which takes all clients along.
//!
//! *In the wild*: MySQL, classic Java servers, many internal services.

use std::io;
use std::net::TcpStream;
use std::sync::Arc;
use std::thread::{self, Scope};

use super::{HowMany, Model, RUNS_EVERYWHERE};
use crate::accept::{EXHAUSTED_PAUSE, Listener, SHARED};
use crate::server::{Admission, NO_THREAD, Place, STACK_BYTES, Server};

pub(super) const MODEL: Model = Model {
    name: "threaded",
    aliases: &["thread"],
    summary: "a thread for each connection",
    accepts: "the main thread",
    clients_per_worker: "1",
    in_the_wild: "MySQL, classic Java servers",
    chapter: "06-threaded.md",
    processes: HowMany::One,
    threads: HowMany::PerConnection,
    holds_all_clients: false,
    strategies: &[SHARED],
    triggers: &[],
    needs_io_uring: false,
    check: RUNS_EVERYWHERE,
    run,
};

// ANCHOR: run
fn run(server: &Server<'_>, listener: Listener) -> io::Result<()> {
    let admission = Admission::new(server);
    // The scope ends when the last thread has: that is the graceful stop.
    thread::scope(|scope| {
        while let Some(admitted) = admission.accept(&listener, || {})? {
            spawn(scope, Arc::new(admitted), |admitted| {
                let (client, place) = &*admitted;
                place.enter();
                server.serve(client);
                drop(admitted);
            });
        }
        drop(listener);
        Ok(())
    })
}
// ANCHOR_END: run

/// Starts a thread, and tries again until the system permits one. The client that has been accepted
/// waits meanwhile, and those behind it wait in the accept queue.
///
/// The connection is shared because a thread that could not be made drops what it was given. The
/// last of the two to drop it closes it and frees its place.
// ANCHOR: spawn
fn spawn<'scope, 'env: 'scope>(
    scope: &'scope Scope<'scope, 'env>,
    admitted: Arc<(TcpStream, Place<'env>)>,
    serve: impl Fn(Arc<(TcpStream, Place<'env>)>) + Copy + Send + 'scope,
) {
    loop {
        let theirs = Arc::clone(&admitted);
        let thread = thread::Builder::new().stack_size(STACK_BYTES);
        match thread.spawn_scoped(scope, move || serve(theirs)) {
            Ok(_) => return NO_THREAD.worked(),
            Err(error) => {
                NO_THREAD.failed(error);
                thread::sleep(EXHAUSTED_PAUSE);
            }
        }
    }
}
// ANCHOR_END: spawn
