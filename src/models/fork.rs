//! **Fork**: a child process for each connection.
//!
//! ```text
//!   clients        parent                         children
//!
//!     A ─────────▶ accept ▶ fork ───────────────▶ serve A … exit
//!                    ▲        │
//!                    └────────┘ straight back to accept
//!     B ─────────▶ accept ▶ fork ───────────────▶ serve B … exit
//!                    ▲        │
//!                    └────────┘ reaping whoever has exited
//! ```
//!
//! *What it costs*: a process per connection. Its page tables are copied, its memory is copied
//! page by page where it is written to, and all of it is torn down again: some hundred
//! microseconds each time, and more the more memory the parent uses.
//!
//! *When it breaks*: with many short connections (the cost of fork is paid for each), and with many
//! long ones (a process each). Nothing limits it but the limit that it sets itself.
//!
//! *In the wild*: sshd and PostgreSQL, whose connections live long and must be kept apart.

use std::io;
use std::net::TcpStream;
use std::thread;

use super::{HowMany, Model};
use crate::accept::{EXHAUSTED_PAUSE, Listener, SHARED};
use crate::master::Children;
use crate::scoreboard::Slots;
use crate::serve::{Server, TurnedAway};
use crate::sys::exit::leave_after;
use crate::sys::process::{self, Fork};
use crate::sys::signal::Signals;

pub(super) const MODEL: Model = Model {
    name: "fork",
    aliases: &["forking"],
    summary: "a child process for each connection",
    accepts: "the parent",
    clients_per_worker: "1",
    in_the_wild: "sshd, PostgreSQL",
    chapter: "03-fork.md",
    processes: HowMany::PerConnection,
    threads: HowMany::One,
    holds_all_clients: false,
    strategies: &[SHARED],
    triggers: &[],
    needs_io_uring: false,
    run,
};

// ANCHOR: run
fn run(server: &Server<'_>, listener: Listener) -> io::Result<()> {
    let mut children = Children::default();
    let slots = Slots::default();
    // The parent has no slot: it serves nobody.
    server.scoreboard.vacate(0);
    let bury = |slot| {
        server.scoreboard.vacate(slot);
        slots.give_back(slot);
    };
    let mut away = TurnedAway::new(server.scoreboard);
    while let Some(client) = listener.accept_while(|| {
        children.reap_all(bury);
        away.sweep();
    })? {
        if children.len() >= server.connections_max {
            away.add(client);
            continue;
        }
        // Else each child would render the date for itself.
        server.look_at_clock();
        let slot = slots.take();
        match fork(&mut children, bury) {
            Fork::Child => {
                drop(listener);
                // Else they stay open for as long as the child lives.
                away.close();
                leave_after(|| serve(server, slot, &client));
            }
            Fork::Parent(pid) => children.add(pid, slot),
        }
    }
    drop(listener);
    let signals = Signals::take_over()?;
    children.stop(|_| Ok(signals.wait(None)?))
}
// ANCHOR_END: run

/// The child's whole life.
fn serve(server: &Server<'_>, slot: usize, client: &TcpStream) -> i32 {
    server.scoreboard.enter(slot);
    server.serve(client);
    0
}

/// Forks, however long it takes: the client that has been accepted waits, and those behind it
/// wait in the accept queue, until a process or memory is to be had again.
// ANCHOR: exhausted
fn fork(children: &mut Children<usize>, bury: impl Fn(usize)) -> Fork {
    loop {
        match process::fork() {
            Ok(fork) => return fork,
            Err(error) => {
                crate::log!("fork: {error}; waiting until that changes");
                thread::sleep(EXHAUSTED_PAUSE);
                children.reap_all(&bury);
            }
        }
    }
}
// ANCHOR_END: exhausted
