//! The lock is one on a file: `flock(2)`, much as in UNP section 30.7.
//!
//! *What it costs*: two system calls per connection. *When it breaks*: when its holder is stopped
//! (SIGSTOP): all wait for it. A holder that dies lets go, since the kernel closes its files.

use std::io;

use super::locked::Lock;
use super::shared::TICK;
use crate::sys::file_lock::{FileLock, LockFile};
use crate::sys::ticker::Ticker;

/// What the master makes.
pub(super) struct Prepared {
    file: LockFile,
}

/// What each worker has.
pub(super) struct FlockLock {
    file: FileLock,
    /// `flock` knows no timeout, so something has to interrupt it.
    _ticker: Ticker,
}

impl Prepared {
    /// A file to be locked.
    pub(super) fn new() -> io::Result<Self> {
        let file = LockFile::create(c"servers-accept-lock")?;
        // If it cannot be opened here, for want of /proc, no worker could.
        file.open()?;
        Ok(Self { file })
    }

    /// A worker's own, to be made in the worker: neither its opening of the file nor its timer may
    /// be those of another process.
    pub(super) fn own(&self) -> io::Result<FlockLock> {
        Ok(FlockLock {
            file: self.file.open()?,
            _ticker: Ticker::start(TICK)?,
        })
    }
}

impl Lock for FlockLock {
    // ANCHOR: turn
    fn turn(&self) -> io::Result<Option<impl Sized>> {
        Ok(self.file.lock()?)
    }
    // ANCHOR_END: turn
}
