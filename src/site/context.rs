//! What the routes are given: the settings of the site.

use std::fmt;
use std::time::Duration;

use super::files::Root;
use crate::scoreboard::Scoreboard;
use crate::status::Source;

/// The site: `Site::route` lists its routes.
pub struct Site<'a> {
    /// The directory that `/files/` serves, if any.
    pub root: Option<Root>,
    /// The most bytes that `/bytes` sends.
    pub bytes_max: u64,
    /// The longest that `/sleep` and `/cpu` hold a worker.
    pub wait_max: Duration,
    /// Whether there are routes that crash and wedge whoever serves them.
    pub lab: bool,
    /// Where a handler that takes its time shows that it is alive.
    pub scoreboard: Option<&'a Scoreboard>,
    /// The status pages, if they are shown at all.
    pub status: Option<StatusPages>,
}

impl Default for Site<'_> {
    fn default() -> Self {
        Self {
            root: None,
            bytes_max: 1 << 30,
            wait_max: Duration::from_secs(60),
            lab: false,
            scoreboard: None,
            status: None,
        }
    }
}

impl Site<'_> {
    /// A handler that waits on purpose calls this, so that it is taken for slow and not for wedged.
    pub(super) fn beat(&self) {
        if let Some(scoreboard) = self.scoreboard {
            scoreboard.beat();
        }
    }
}

/// The status pages and who may see them.
pub struct StatusPages {
    /// What they show.
    pub source: Source,
    /// Who may see them.
    pub open_to: OpenTo,
}

/// Who may see the status pages: they tell what others ask for, and from where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenTo {
    /// Clients on the same machine. Behind a proxy on this machine, that is everybody.
    Local,
    /// Everybody.
    Anyone,
}

impl fmt::Debug for StatusPages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StatusPages")
            .field("open_to", &self.open_to)
            .finish_non_exhaustive()
    }
}
