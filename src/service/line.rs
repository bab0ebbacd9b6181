//! What two masters tell each other while both are there: a word each, in memory that they share.
//!
//! Whether somebody else serves decides what becomes of the clients in the accept queue, so it has
//! to be known and not guessed: a process that has just been started serves nobody yet, and one
//! that is about to end is nobody's stand-in.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use crate::sys::shared::SharedWords;

/// How far a master is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It has been started, and has never been ready.
    Starting,
    /// It serves.
    Serving,
    /// It was asked to end.
    Ending,
}

/// One end of the line.
pub struct Line {
    words: SharedWords,
    own: usize,
}

const PREDECESSOR: usize = 0;
const SUCCESSOR: usize = 1;
const WORDS: usize = 2;

const STARTING: u64 = 0;
const SERVING: u64 = 1;
const ENDING: u64 = 2;

impl Line {
    /// The end of a master that serves and is about to start another.
    ///
    /// # Errors
    /// No memory or no descriptor is to be had.
    pub fn open() -> nix::Result<Self> {
        let words = SharedWords::create(c"servers-line", WORDS)?;
        words[PREDECESSOR].store(SERVING, SeqCst);
        let own = PREDECESSOR;
        Ok(Self { words, own })
    }

    /// The end of the one that was started, from what it has inherited.
    ///
    /// # Errors
    /// It is no such memory.
    pub fn adopt(memory: OwnedFd) -> nix::Result<Self> {
        let words = SharedWords::adopt(memory, WORDS)?;
        let own = SUCCESSOR;
        Ok(Self { words, own })
    }

    /// This one is ready to serve.
    pub fn serves(&self) {
        // Whoever was asked to end before it was ready is no help to the other.
        let _ = self.words[self.own].compare_exchange(STARTING, SERVING, SeqCst, SeqCst);
    }

    /// This one ends. To be said before a look at [`Line::other`]: of two that are asked at the
    /// same time at least one then sees that nobody will be here.
    pub fn ends(&self) {
        self.words[self.own].store(ENDING, SeqCst);
    }

    /// How far the other is, if it is still alive.
    pub fn other(&self) -> Standing {
        let other: &AtomicU64 = &self.words[SUCCESSOR - self.own];
        match other.load(SeqCst) {
            STARTING => Standing::Starting,
            SERVING => Standing::Serving,
            _ => Standing::Ending,
        }
    }
}

impl AsFd for Line {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.words.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_end_hears_what_the_other_says() {
        let old = Line::open().unwrap();
        let memory = old.as_fd().try_clone_to_owned().unwrap();
        let new = Line::adopt(memory).unwrap();
        assert_eq!(
            (old.other(), new.other()),
            (Standing::Starting, Standing::Serving)
        );
        new.serves();
        assert_eq!(old.other(), Standing::Serving);
        old.ends();
        assert_eq!(
            (old.other(), new.other()),
            (Standing::Serving, Standing::Ending)
        );
        new.ends();
        new.serves();
        assert_eq!(old.other(), Standing::Ending, "whoever ends does not begin");
    }

    #[test]
    fn other_memory_is_refused() {
        let file = tempfile::tempfile().unwrap();
        assert!(Line::adopt(file.into()).is_err());
    }
}
