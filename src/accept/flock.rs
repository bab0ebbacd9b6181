//! The lock is one on a file: `flock(2)`, much as in UNP section 30.7.
//!
//! *What it costs*: two system calls per connection. *When it breaks*: when the holder is stopped
//! (SIGSTOP), because then all workers wait for it. When the holder dies, the kernel closes its
//! files and so releases the lock.

use std::io;

use super::locked::{Lock, Locked};
use super::one_queue::OneQueue;
use super::shared::SHARED;
use super::socket::TICK;
use super::strategy::Strategy;
use crate::sys::file_lock::{FileLock, LockFile};
use crate::sys::ticker::Ticker;

/// `--accept flock`.
pub const FLOCK: Strategy = Strategy {
    name: "flock",
    summary: "the holder of a file lock accepts",
    open: |listener, _, _| {
        let file = LockFile::create(c"servers-accept-lock")?;
        // If it cannot be opened here, for want of /proc, no worker could open it.
        file.open()?;
        Ok(OneQueue::boxed(listener, move |listener| {
            let lock = FlockLock::of(&file)?;
            Ok(Box::new(Locked::new(listener, lock)))
        }))
    },
    ..SHARED
};

/// One worker's handle of the lock.
struct FlockLock {
    file: FileLock,
    /// `flock` has no timeout, so a timer's signal interrupts it once a tick.
    _ticker: Ticker,
}

impl FlockLock {
    /// To be made in the worker: a lock belongs to the open file, so each worker has to open the
    /// file itself, and a timer belongs to one process.
    fn of(file: &LockFile) -> io::Result<Self> {
        Ok(Self {
            file: file.open()?,
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
