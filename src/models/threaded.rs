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
//! thread-safe, and with a crash: it takes all clients along.
//!
//! *In the wild*: MySQL, classic Java servers, many internal services.

use std::io;
use std::net::TcpStream;
use std::sync::Arc;
use std::thread::{self, Scope};

use super::{HowMany, Model};
use crate::accept::{EXHAUSTED_PAUSE, Listener, SHARED};
use crate::scoreboard::Slots;
use crate::serve::{STACK_BYTES, Server, TurnedAway};

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
    run,
};

// ANCHOR: run
fn run(server: &Server<'_>, listener: Listener) -> io::Result<()> {
    let slots = &Slots::default();
    // This thread has no slot: it serves nobody.
    server.scoreboard.vacate(0);
    let mut away = TurnedAway::new(server.scoreboard);
    // The scope ends when the last thread has: that is the graceful stop.
    thread::scope(|scope| {
        while let Some(client) = listener.accept_while(|| away.sweep())? {
            if slots.taken() >= server.connections_max {
                away.add(client);
                continue;
            }
            let slot = slots.take();
            spawn(scope, &Arc::new(client), move |client| {
                server.scoreboard.enter(slot);
                server.serve(client);
                server.scoreboard.vacate(slot);
                slots.give_back(slot);
            });
        }
        drop(listener);
        Ok(())
    })
}
// ANCHOR_END: run

/// Starts a thread, however long it takes: the client that has been accepted waits, and those
/// behind it wait in the accept queue.
///
/// The client is shared because a thread that could not be made takes what it was given along.
// ANCHOR: spawn
fn spawn<'scope>(
    scope: &'scope Scope<'scope, '_>,
    client: &Arc<TcpStream>,
    serve: impl Fn(&TcpStream) + Copy + Send + 'scope,
) {
    loop {
        let theirs = Arc::clone(client);
        let thread = thread::Builder::new().stack_size(STACK_BYTES);
        match thread.spawn_scoped(scope, move || serve(&theirs)) {
            Ok(_) => return,
            Err(error) => {
                crate::log!("thread: {error}; waiting until that changes");
                thread::sleep(EXHAUSTED_PAUSE);
            }
        }
    }
}
// ANCHOR_END: spawn
