//! The configuration in force: the one that the master began with, or the last that it has read.

use crate::server::{Configuration, Server};

/// A failed reload leaves it as it was.
pub(super) struct ActiveConfiguration<'a> {
    first: &'a dyn Configuration,
    reloaded: Option<Box<dyn Configuration + 'a>>,
}

impl<'a> ActiveConfiguration<'a> {
    pub(super) fn new(first: &'a dyn Configuration) -> Self {
        Self {
            first,
            reloaded: None,
        }
    }

    /// The server as it is configured now.
    pub(super) fn server(&self) -> Server<'_> {
        match &self.reloaded {
            Some(configuration) => configuration.server(),
            None => self.first.server(),
        }
    }

    /// Reads the configuration again.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub(super) fn reload(&mut self) -> Result<(), String> {
        self.reloaded = Some(self.first.reload()?);
        Ok(())
    }
}
