//! The settings of the site, which every route gets.

use std::fmt;
use std::time::Duration;

use super::files::Root;
use crate::scoreboard::Scoreboard;
use crate::status::Source;
use crate::sys::signal;

/// The request handler with its settings; `Site::route` lists its routes.
pub struct Site<'a> {
    /// The directory that `/files/` serves, if any.
    pub root: Option<Root>,
    /// The most bytes that a client may ask `/bytes` for.
    pub bytes_max: u64,
    /// The longest time for which `/sleep` and `/cpu` may hold a worker.
    pub wait_max: Duration,
    /// CPU time that every answer costs in addition: a known difference between two servers.
    pub extra_cpu: Duration,
    /// Whether the routes exist that crash or wedge the worker that serves them.
    pub lab: bool,
    /// Where a slow handler counts up its heartbeat.
    pub scoreboard: Option<&'a Scoreboard>,
    /// The status pages, if the server shows them at all.
    pub status: Option<StatusPages>,
    /// Whether it has no other pages: at an address of its own (`--status-bind`).
    pub is_status_only: bool,
}

impl Default for Site<'_> {
    fn default() -> Self {
        Self {
            root: None,
            bytes_max: 1 << 30,
            wait_max: Duration::from_secs(60),
            extra_cpu: Duration::ZERO,
            lab: false,
            scoreboard: None,
            status: None,
            is_status_only: false,
        }
    }
}

impl Site<'_> {
    /// Whether the server is about to stop and puts that off (`--drain-delay`).
    pub(super) fn is_draining(&self) -> bool {
        signal::draining() || self.scoreboard.is_some_and(Scoreboard::is_draining)
    }

    /// Counts up the heartbeat of this worker. A handler that waits on purpose calls this, so that
    /// the master takes the worker for slow and not for wedged.
    pub(super) fn beat(&self) {
        if let Some(scoreboard) = self.scoreboard {
            scoreboard.beat();
        }
    }
}

/// The status pages, and the clients that may see them.
pub struct StatusPages {
    /// Where their reports come from.
    pub source: Source,
    /// Which clients get them.
    pub open_to: OpenTo,
}

/// The clients that may see the status pages. The pages tell what other clients ask for, and from
/// which addresses, so by default they are not public.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenTo {
    /// Clients on the same machine. Behind a proxy on this machine, that means every client.
    Local,
    /// All clients that use an IP address or the name localhost. For an address that only this
    /// machine has: a page from anywhere, in a browser on this machine, can reach it, too.
    Named,
    /// All clients.
    Anyone,
}

impl fmt::Debug for StatusPages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StatusPages")
            .field("open_to", &self.open_to)
            .finish_non_exhaustive()
    }
}
