//! The configuration in force: the one that the master began with, or the last that it has read.

use crate::server::{Configuration, Server};

/// A reload that fails leaves it as it was: the file is wrong, or no worker can start with it.
pub(super) struct ActiveConfiguration<'a> {
    first: &'a dyn Configuration,
    /// The last with which a worker has become ready, unless that is the first.
    proven: Option<Box<dyn Configuration + 'a>>,
    /// The last that was read, until a worker has become ready with it.
    candidate: Option<Box<dyn Configuration + 'a>>,
}

impl<'a> ActiveConfiguration<'a> {
    pub(super) fn new(first: &'a dyn Configuration) -> Self {
        Self {
            first,
            proven: None,
            candidate: None,
        }
    }

    /// The server as it is configured now.
    pub(super) fn server(&self) -> Server<'_> {
        match self.candidate.as_ref().or(self.proven.as_ref()) {
            Some(configuration) => configuration.server(),
            None => self.first.server(),
        }
    }

    /// Reads the configuration again.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub(super) fn reload(&mut self) -> Result<(), String> {
        self.candidate = Some(self.first.reload()?);
        Ok(())
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
