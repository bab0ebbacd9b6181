//! The models: one short file each, and the registry that the command line, the tests, the bench
//! and the book read.
//!
//! A model is one file and one row of [`ALL`]. What a model can do is a field of its row: no code
//! elsewhere asks for a model by its name. The same thing has the same name in every file, so that
//! the difference between two files is the difference between two models.

mod r#async;
mod epoll;
mod event;
mod fork;
mod iterative;
mod poll;
mod prefork;
mod prethreaded;
mod threaded;
mod uring;
mod worker;

use std::io;

use crate::accept::{Listener, Strategy};
use crate::server::{Server, Trigger};

/// A way to structure a server: who accepts, who serves, how many clients one worker holds.
pub struct Model {
    /// The command line's word for it, and the name of its source file.
    pub name: &'static str,
    /// Other words that the command line takes for it.
    pub aliases: &'static [&'static str],
    /// The structure in one line.
    pub summary: &'static str,
    /// Which process or thread calls `accept`.
    pub accepts: &'static str,
    /// How many clients one worker holds at a time, as `servers list` prints it.
    pub clients_per_worker: &'static str,
    /// Well-known programs with this structure.
    pub in_the_wild: &'static str,
    /// The chapter's file below `chapters/`.
    pub chapter: &'static str,
    /// The processes that serve. A pool of them has a master, which serves no client itself.
    pub processes: HowMany,
    /// The threads that serve in each of these processes.
    pub threads: HowMany,
    /// One worker holds as many clients as it has descriptors for. Otherwise it serves one client
    /// at a time.
    pub holds_all_clients: bool,
    /// What `--accept` can choose from, the default first.
    pub strategies: &'static [Strategy],
    /// What `--trigger` can choose from, the default first. Empty for models that do not wait with
    /// epoll.
    pub triggers: &'static [Trigger],
    /// The model makes io_uring's system calls, which a sandbox has to allow and a kernel may lack.
    pub needs_io_uring: bool,
    /// Whether this machine can run the model with so many threads, if a number was asked for. The
    /// error says what is missing, and what the user can do about it.
    check: fn(Option<usize>) -> io::Result<()>,
    /// Serves until the process is asked to stop and every request in flight is finished.
    ///
    /// The model owns the listener: when to close it, and in which process, is part of the model.
    /// The server lives as long as the process, because tasks of a runtime may use it at any time.
    pub run: fn(&'static Server<'static>, Listener) -> io::Result<()>,
}

/// How many processes or threads of a kind a model has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HowMany {
    /// The one that is there from the start.
    One,
    /// One for each connection, which ends with it.
    PerConnection,
    /// A number that an option sets: `--workers` for processes, `--threads` for threads.
    Pool,
}

impl Model {
    /// Whether a master keeps a pool of worker processes. Such a server can be reloaded and
    /// upgraded while it serves, and its master keeps privileges that its workers give up.
    /// `--workers` and the other options of a pool have an effect here and nowhere else.
    pub fn has_master(&self) -> bool {
        self.processes == HowMany::Pool
    }

    /// Whether the process that is started has children. Otherwise it serves by itself.
    pub fn has_children(&self) -> bool {
        self.processes != HowMany::One
    }

    /// Whether a process has a fixed number of threads, so that `--threads` has an effect.
    pub fn has_thread_pool(&self) -> bool {
        self.threads == HowMany::Pool
    }

    /// Whether the pool of processes can grow and shrink with the load. For that the master has to
    /// tell workers with room for a client from those without. A worker that holds all its clients
    /// at once is never full.
    pub fn can_size_its_pool(&self) -> bool {
        self.has_master() && !self.holds_all_clients
    }

    /// Whether a worker serves many connections, one after another or at once. Only then does it
    /// mean something how evenly connections are spread over the workers.
    pub fn workers_last(&self) -> bool {
        ![self.processes, self.threads].contains(&HowMany::PerConnection)
    }

    /// Whether the model itself limits the connections that it serves at once, so that
    /// `--max-connections` has an effect. A pool whose workers serve one client each is such a
    /// limit already.
    pub fn limits_connections(&self) -> bool {
        self.holds_all_clients || !self.workers_last()
    }

    /// Whether this machine can run the model, with `threads` threads if a number was asked for. To
    /// be asked before the port is announced.
    ///
    /// # Errors
    /// What is missing, and what the user can do about it.
    pub fn check(&self, threads: Option<usize>) -> io::Result<()> {
        (self.check)(threads)
    }
}

/// The check of a model that runs everywhere, with as many threads as it gets.
const RUNS_EVERYWHERE: fn(Option<usize>) -> io::Result<()> = |_| Ok(());

/// Every model, in the order of the chapters.
// ANCHOR: registry
pub const ALL: &[Model] = &[
    iterative::MODEL,
    fork::MODEL,
    prefork::MODEL,
    threaded::MODEL,
    prethreaded::MODEL,
    worker::MODEL,
    poll::MODEL,
    epoll::MODEL,
    event::MODEL,
    uring::MODEL,
    r#async::MODEL,
];
// ANCHOR_END: registry

/// Serves the status in a process of its own (`--status-bind`), as the epoll model does: a client
/// that is slow holds up no other one.
///
/// # Errors
/// Only what trying again cannot cure.
pub fn serve_status(server: &Server<'_>, listener: Listener) -> io::Result<()> {
    epoll::run(server, listener)
}

/// The model with this name or alias.
pub fn find(name: &str) -> Option<&'static Model> {
    ALL.iter()
        .find(|model| model.name == name || model.aliases.contains(&name))
}
