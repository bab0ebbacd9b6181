//! What stands behind a [`Server`], as far as its models need to know.

use std::time::Instant;

use super::Server;
use crate::service::Succession;

/// The settings of a server, which its master can read again.
pub trait Configuration: Sync {
    /// A server with these settings.
    fn server(&self) -> Server<'_>;

    /// Gives up for good the privileges that serving does not need. Called once in each process
    /// that serves, after its fork and before its first connection: in workers, not in their
    /// master.
    ///
    /// # Errors
    /// A sentence: this process must not serve.
    fn drop_privileges(&self) -> Result<(), String>;

    /// Reads the configuration again.
    ///
    /// # Errors
    /// A sentence, with the place of the mistake. The old configuration stays in force.
    fn reload(&self) -> Result<Box<dyn Configuration + '_>, String>;

    /// Does a part of what has to be done before the first worker starts with a configuration that
    /// [`Configuration::reload`] has returned, until `end` at the latest. True when nothing is
    /// left. A master calls it between two rounds of its loop: it has other work meanwhile.
    fn prepare(&self, end: Instant) -> bool {
        let _ = end;
        true
    }

    /// Whether a process of its own serves the status (`--status-bind`).
    fn has_status_process(&self) -> bool {
        false
    }

    /// Serves the status until this process is asked to stop. Called in a child that has nothing
    /// else to do, and that still has all privileges.
    ///
    /// # Errors
    /// A sentence.
    fn serve_status(&self) -> Result<(), String> {
        Ok(())
    }

    /// What a master hands down to its successor.
    fn succession(&self) -> &Succession;
}
