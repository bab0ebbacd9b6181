//! What two masters tell each other during an upgrade: one word each, in shared memory.
//!
//! A master that stops leaves its accept queue to the other master only if that one serves. It must
//! know this, not guess it: a process that was just started serves no client yet, and one that is
//! about to end will not serve the next.

use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use crate::sys::shared::{PrivateWords, SharedWords};

/// How far the other master is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeerState {
    /// There is no other master, or it was asked to end.
    Gone,
    /// It was started and has not been ready yet.
    Starting,
    /// Its workers answer requests.
    Serving,
}

/// One master's end of the channel. Its workers do not have it: a client that has taken one over
/// could say on it that another master serves, and the accept queue would be left to no process.
pub struct UpgradeChannel {
    words: PrivateWords,
    own: usize,
}

const PREDECESSOR: usize = 0;
const SUCCESSOR: usize = 1;
const WORDS: usize = 2;

const STARTING: u64 = 0;
const SERVING: u64 = 1;
const ENDING: u64 = 2;

impl UpgradeChannel {
    /// The end of a master that serves and is about to start its successor, and the descriptor that
    /// the successor inherits.
    ///
    /// # Errors
    /// ENOMEM, EMFILE or ENFILE.
    pub fn open() -> nix::Result<(Self, OwnedFd)> {
        let words = SharedWords::create(c"servers-upgrade", WORDS)?;
        words[PREDECESSOR].store(SERVING, SeqCst);
        let (words, descriptor) = words.without_children()?;
        let own = PREDECESSOR;
        Ok((Self { words, own }, descriptor))
    }

    /// The successor's end, from the descriptor that it has inherited.
    ///
    /// # Errors
    /// The descriptor is not such memory.
    pub fn adopt(memory: OwnedFd) -> nix::Result<Self> {
        let (words, _) = SharedWords::adopt(memory, WORDS)?.without_children()?;
        let own = SUCCESSOR;
        Ok(Self { words, own })
    }

    /// Says that this master serves, unless it has already said that it ends.
    pub fn announce_serving(&self) {
        let _ = self.words[self.own].compare_exchange(STARTING, SERVING, SeqCst, SeqCst);
    }

    /// Says that this master ends. It must say so before it reads [`UpgradeChannel::peer`]: if both
    /// are asked to end at the same time, at least one of them then sees that it is alone, and
    /// answers the accept queue. That needs one order of all four accesses, hence `SeqCst`.
    pub fn announce_ending(&self) {
        self.words[self.own].store(ENDING, SeqCst);
    }

    /// What the other master has said. A process that was killed says nothing more.
    pub fn peer(&self) -> PeerState {
        let word: &AtomicU64 = &self.words[SUCCESSOR - self.own];
        match word.load(SeqCst) {
            STARTING => PeerState::Starting,
            SERVING => PeerState::Serving,
            _ => PeerState::Gone,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_master_reads_what_the_other_has_said() {
        let (old, memory) = UpgradeChannel::open().unwrap();
        let new = UpgradeChannel::adopt(memory).unwrap();
        assert_eq!(
            (old.peer(), new.peer()),
            (PeerState::Starting, PeerState::Serving)
        );
        new.announce_serving();
        assert_eq!(old.peer(), PeerState::Serving);
        old.announce_ending();
        assert_eq!(
            (old.peer(), new.peer()),
            (PeerState::Serving, PeerState::Gone)
        );
        new.announce_ending();
        new.announce_serving();
        assert_eq!(old.peer(), PeerState::Gone, "an end is not taken back");
    }

    #[test]
    fn other_memory_is_refused() {
        let file = tempfile::tempfile().unwrap();
        assert!(UpgradeChannel::adopt(file.into()).is_err());
    }
}
