//! The models: one short file each, and the registry that the command line, the tests, the bench
//! and the book all read.
//!
//! The same thing has the same name in every file, so that the difference between two files is
//! the difference between two models.

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
use crate::serve::{Server, Trigger};

/// A way to structure a server: who accepts, who serves, how many clients one worker holds.
pub struct Model {
    /// What the command line calls it.
    pub name: &'static str,
    /// Other names for it.
    pub aliases: &'static [&'static str],
    /// One line for people.
    pub summary: &'static str,
    /// Who calls accept.
    pub accepts: &'static str,
    /// How many clients one worker holds at a time.
    pub clients_per_worker: &'static str,
    /// The strategies that `--accept` can choose from, the default first.
    pub strategies: &'static [Strategy],
    /// Who is built like this.
    pub in_the_wild: &'static str,
    /// Its chapter, below `chapters/`.
    pub chapter: &'static str,
    /// Serves until the process is asked to stop and every request in flight is finished.
    ///
    /// The model owns the listener: when to close it, and in which process, is part of its story.
    /// The server is there for as long as the process, since tasks of a runtime may need it at any
    /// time.
    pub run: fn(&'static Server<'static>, Listener) -> io::Result<()>,
}

/// The models that `master` keeps a pool for.
const WITH_MASTER: [&str; 3] = ["prefork", "worker", "event"];

impl Model {
    /// Whether a master keeps a pool of workers and serves nobody itself. Such a server can be
    /// reloaded and upgraded while it serves, and its master keeps rights that its workers give up.
    pub fn has_master(&self) -> bool {
        WITH_MASTER.contains(&self.name)
    }

    /// Whether the process that is started has children. If not, it serves by itself.
    pub fn has_children(&self) -> bool {
        self.has_master() || self.name == "fork"
    }

    /// Whether it is made of io_uring, which a sandbox has to leave to it.
    pub fn is_made_of_uring(&self) -> bool {
        self.name == "uring"
    }

    /// Whether its master can tell workers with room for a client from those without, so that the
    /// pool can grow and shrink with the load. Where a worker holds any number of clients none is
    /// ever full.
    pub fn can_size_its_pool(&self) -> bool {
        ["prefork", "worker"].contains(&self.name)
    }

    /// Whether one worker holds as many clients as it has descriptors for.
    pub fn holds_all(&self) -> bool {
        self.clients_per_worker == "all"
    }

    /// The triggers that `--trigger` can choose from, the default first; none where nobody waits
    /// with epoll.
    pub fn triggers(&self) -> &'static [Trigger] {
        match self.name {
            "epoll" | "event" => &Trigger::ALL,
            _ => &[],
        }
    }

    /// Whether this machine can run it; to be asked before anybody is told the port.
    ///
    /// # Errors
    /// What is missing, and what can be done.
    pub fn check(&self) -> io::Result<()> {
        match self.is_made_of_uring() {
            true => uring::check(),
            false => Ok(()),
        }
    }
}

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

impl Model {
    /// Whether its workers last, so that each serves many connections. Where every connection has a
    /// worker of its own, there is nothing that workers could share evenly or not.
    pub fn workers_last(&self) -> bool {
        !matches!(self.name, "fork" | "threaded")
    }
}

/// The model of that name or alias.
pub fn find(name: &str) -> Option<&'static Model> {
    ALL.iter()
        .find(|model| model.name == name || model.aliases.contains(&name))
}
