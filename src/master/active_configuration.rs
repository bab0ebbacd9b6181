//! The configuration in force: the one that the master began with, or the last that it has read.

use std::time::Instant;

use crate::server::{Configuration, Server};

/// A reload that fails leaves it as it was: the file is wrong, or no worker can start with it.
pub(super) struct ActiveConfiguration<'a> {
    first: &'a dyn Configuration,
    /// The last with which a worker has become ready, unless that is the first.
    proven: Option<Box<dyn Configuration + 'a>>,
    /// The last whose preparation is done, until a worker has become ready with it.
    candidate: Option<Box<dyn Configuration + 'a>>,
    /// The last that was read, until its preparation is done.
    read: Option<Box<dyn Configuration + 'a>>,
}

impl<'a> ActiveConfiguration<'a> {
    pub(super) fn new(first: &'a dyn Configuration) -> Self {
        Self {
            first,
            proven: None,
            candidate: None,
            read: None,
        }
    }

    /// The server as it is configured now.
    pub(super) fn server(&self) -> Server<'_> {
        match self.candidate.as_ref().or(self.proven.as_ref()) {
            Some(configuration) => configuration.server(),
            None => self.first.server(),
        }
    }

    /// Reads the configuration again. It is in force once it is prepared.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub(super) fn reload(&mut self) -> Result<(), String> {
        self.read = None;
        self.read = Some(self.first.reload()?);
        Ok(())
    }

    /// Whether a configuration was read that is not in force yet.
    pub(super) fn is_preparing(&self) -> bool {
        self.read.is_some()
    }

    /// Goes on with the preparation, until `end` at the latest. True if that has put the
    /// configuration into force.
    pub(super) fn prepare(&mut self, end: Instant) -> bool {
        let is_prepared = |read: &mut Box<dyn Configuration + 'a>| read.prepare(end);
        let prepared = self.read.take_if(is_prepared);
        let is_done = prepared.is_some();
        if is_done {
            self.candidate = prepared;
        }
        is_done
    }

    /// Forgets a configuration that was read and is not in force yet.
    pub(super) fn cancel(&mut self) {
        self.read = None;
    }

    /// A worker has become ready with the configuration in force.
    pub(super) fn confirm(&mut self) {
        if let Some(candidate) = self.candidate.take() {
            self.proven = Some(candidate);
        }
    }

    /// Goes back to the last configuration that a worker has become ready with.
    pub(super) fn give_up(&mut self) {
        self.candidate = None;
    }
}
