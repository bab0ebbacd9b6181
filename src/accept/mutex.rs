//! The lock is a mutex in shared memory, as in UNP section 30.8.
//!
//! *What it costs*: nothing while nobody else wants it; otherwise a system call to wait and one to
//! wake the next (`futex(2)`). *When it breaks*: when its holder is stopped (SIGSTOP): all wait for
//! it. A holder that dies lets go only because the mutex is a robust one; see [`Kind`].

use std::io;

use super::locked::Lock;
use super::shared::TICK;
use crate::sys::mutex::{Kind, SharedMutex};

/// What the master makes and all workers share.
pub(super) struct MutexLock {
    mutex: SharedMutex,
}

impl MutexLock {
    /// A mutex in memory that is shared with all who are forked from now on.
    pub(super) fn new(kind: Kind) -> io::Result<Self> {
        let mutex = SharedMutex::new(kind)?;
        Ok(Self { mutex })
    }
}

impl Lock for MutexLock {
    // ANCHOR: turn
    fn turn(&self) -> io::Result<Option<impl Sized>> {
        let held = self.mutex.lock(TICK)?;
        if held.as_ref().is_some_and(|held| held.inherited) {
            crate::log!("the accept mutex is taken over from a dead worker");
        }
        Ok(held)
    }
    // ANCHOR_END: turn
}
