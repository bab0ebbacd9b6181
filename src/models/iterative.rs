//! **Iterative**: one process, one client at a time.
//!
//! ```text
//!   clients      accept queue        the process
//!
//!     A ───────────────────────────▶ accept ▶ serve A … close
//!     B ──────────▶ [ B ]                                     ▶ accept ▶ serve B … close
//!     C ──────────▶ [ B C ]                                                             ▶ …
//!                   B and C wait for A, whatever A does
//! ```
//!
//! *What it costs*: nothing beyond the request itself. It is the yardstick: what another model
//! costs more than this one is the price of serving several clients at once.
//!
//! *When it breaks*: with the second client. A client that is slow, or that keeps its connection
//! open, holds up all others. All but one of the machine's cores are idle.
//!
//! *In the wild*: `inetd` services marked `wait`, metrics endpoints, small tools.

use std::io;

use super::{HowMany, Model, RUNS_EVERYWHERE};
use crate::accept::{Listener, SHARED};
use crate::server::Server;

pub(super) const MODEL: Model = Model {
    name: "iterative",
    aliases: &[],
    summary: "one process, one client at a time",
    accepts: "the process",
    clients_per_worker: "1, the rest wait",
    in_the_wild: "inetd wait services, small tools",
    chapter: "02-iterative.md",
    processes: HowMany::One,
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
    while let Some(client) = listener.accept()? {
        server.serve(&client);
        drop(client);
    }
    Ok(())
}
// ANCHOR_END: run
