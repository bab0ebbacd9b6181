//! Which configuration is in force.

use crate::serve::{Configuration, Server};

/// The configuration that the master began with, or the last that was read since.
pub(super) struct Current<'a> {
    first: &'a dyn Configuration,
    reloaded: Option<Box<dyn Configuration + 'a>>,
}

impl<'a> Current<'a> {
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
    /// Why it is no good. Then all stays as it was.
    pub(super) fn reload(&mut self) -> Result<(), String> {
        self.reloaded = Some(self.first.reload()?);
        Ok(())
    }
}
