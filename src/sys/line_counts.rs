//! Counts behind the limits on log lines.
//!
//! Many lines are written by processes that do not last: `fork` has one for each connection, and a
//! pool replaces its workers. With a limit of its own in each process, a client could write as many
//! lines as it opens connections. So all processes of a server count such lines together.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};

use super::clock;
use super::shared::SharedWords;

/// Lines that any process of a server may write; each kind has counts of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Common {
    /// Messages of panics.
    Panics,
    /// Requests that took long.
    SlowRequests,
    /// Files of the site that cannot be opened.
    Files,
    /// Workers that have died with the accept mutex.
    AcceptMutex,
    /// Connections that cannot be accepted.
    Accept,
    /// Connections that cannot be taken from the master.
    Passed,
    /// Threads that cannot be made.
    Threads,
    /// Lines of the access log that are lost.
    AccessLog,
    /// Connections without a header of the PROXY protocol.
    ProxyHeaders,
}

const KINDS: usize = Common::ProxyHeaders as usize + 1;
/// Words of each kind.
const WORDS_OF_KIND: usize = 3;
/// Words of all kinds together.
pub const WORDS: usize = KINDS * WORDS_OF_KIND;

/// The memory, and the first word in it that is for the counts. Empty in a process that serves
/// nothing: it counts for itself.
static COMMON: OnceLock<(Arc<SharedWords>, usize)> = OnceLock::new();

/// From now on this process and its children count in [`WORDS`] words of this memory, from `start`
/// on. The first such memory stays.
pub fn share(memory: Arc<SharedWords>, start: usize) {
    let _ = COMMON.set((memory, start));
}

/// A moment for the counts, on the clock that all processes share. Never 0, which means none.
pub(super) fn now_ms() -> u64 {
    (clock::monotonic_us() / 1000).max(1)
}

/// The counts of one kind of line. A worker that a client has taken over can write any number into
/// common ones, so nothing but the number of lines may depend on them.
pub(super) struct Counts {
    common: Option<Common>,
    own: [AtomicU64; WORDS_OF_KIND],
}

impl Counts {
    /// Of this process alone. A child goes on from what they were at the fork.
    pub(super) const fn own() -> Self {
        Self {
            common: None,
            own: [const { AtomicU64::new(0) }; WORDS_OF_KIND],
        }
    }

    /// Of all processes of the server.
    pub(super) const fn common(kind: Common) -> Self {
        Self {
            common: Some(kind),
            ..Self::own()
        }
    }

    pub(super) fn words(&self) -> &[AtomicU64; WORDS_OF_KIND] {
        let common = self.common.and_then(|kind| {
            let (memory, start) = COMMON.get()?;
            let start = start + kind as usize * WORDS_OF_KIND;
            memory.get(start..)?.first_chunk()
        });
        common.unwrap_or(&self.own)
    }
}
