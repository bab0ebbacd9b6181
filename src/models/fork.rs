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
//!                    └────────┘ reaping the children that have exited
//! ```
//!
//! *What it costs*: a process per connection. The kernel copies the parent's page tables, copies
//! each page of memory that the child writes to, and tears all of it down again. That takes some
//! hundred microseconds each time, and more if the parent uses more memory.
//!
//! *When it breaks*: with many short connections, because each pays for a fork, and with many long
//! ones, because each keeps a process. Its only limit is the one that it sets itself.
//!
//! *In the wild*: sshd and PostgreSQL, whose connections live long and must be kept apart.

use std::io;
use std::net::TcpStream;
use std::thread;

use super::{HowMany, Model, RUNS_EVERYWHERE};
use crate::accept::{EXHAUSTED_PAUSE, Listener, SHARED};
use crate::master::Children;
use crate::server::{Admission, Place, Server};
use crate::sys::exit::leave_after;
use crate::sys::outage::Outage;
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
    check: RUNS_EVERYWHERE,
    run,
};

// ANCHOR: run
fn run(server: &Server<'_>, listener: Listener) -> io::Result<()> {
    let admission = Admission::new(server);
    let mut children = Children::default();
    while let Some((client, place)) = admission.accept(&listener, || {
        children.reap_all(drop);
    })? {
        match fork(server, &mut children) {
            Fork::Child => {
                drop(listener);
                admission.close_rejected();
                leave_after(|| serve(server, &place, &client));
            }
            // The place is free again when the child is reaped.
            Fork::Parent(pid) => children.add(pid, place),
        }
        // The parent's copy: the child has its own.
        drop(client);
    }
    drop(listener);
    let signals = Signals::take_over()?;
    children.stop(|_| Ok(signals.wait(None)?))
}
// ANCHOR_END: run

/// The child's whole life. Its exit closes the connection.
fn serve(server: &Server<'_>, place: &Place<'_>, client: &TcpStream) -> i32 {
    place.enter();
    server.serve(client);
    0
}

/// The system refuses a process.
static NO_PROCESS: Outage = Outage::new("fork");

/// Forks, and tries again until a process and memory are available. The client that has been
/// accepted waits meanwhile, and those behind it wait in the accept queue.
// ANCHOR: exhausted
fn fork(server: &Server<'_>, children: &mut Children<Place<'_>>) -> Fork {
    // Otherwise each child would render the date for itself.
    server.render_date();
    loop {
        match process::fork() {
            Ok(fork) => {
                NO_PROCESS.worked();
                return fork;
            }
            Err(error) => {
                NO_PROCESS.failed(error);
                thread::sleep(EXHAUSTED_PAUSE);
                children.reap_all(drop);
            }
        }
    }
}
// ANCHOR_END: exhausted
