//! The models: one short file each, and the registry that the command line, the tests, the bench
//! and the book all read.
//!
//! The same thing has the same name in every file, so that the difference between two files is
//! the difference between two models.

mod r#async;
mod fork;
mod iterative;
mod prefork;
mod prethreaded;
mod threaded;
mod worker;

use std::io;

use crate::accept::{Listener, Strategy};
use crate::serve::Server;

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

/// Every model, in the order of the chapters.
// ANCHOR: registry
pub const ALL: &[Model] = &[
    iterative::MODEL,
    fork::MODEL,
    prefork::MODEL,
    threaded::MODEL,
    prethreaded::MODEL,
    worker::MODEL,
    r#async::MODEL,
];
// ANCHOR_END: registry

/// The model of that name or alias.
pub fn find(name: &str) -> Option<&'static Model> {
    ALL.iter()
        .find(|model| model.name == name || model.aliases.contains(&name))
}
