//! One listener for all workers, and a lock: its holder calls `accept`, the others wait for it.
//!
//! ```text
//!   clients        accept queue                 the lock
//!
//!     A ──────────────────────┬──▶ worker 0: ▶ [ holds it: accept ]
//!     B ──▶ [ B C ] ──────────┘    worker 1:   waits for it
//!     C ──▶                        worker 2:   serves, then waits
//! ```
//!
//! Why a lock, where the kernel lets all of them call `accept`? Not every kernel did. Some woke all
//! sleeping processes for each connection, others knew no `accept` by several processes at all. A
//! lock left the kernel with one process at a time (UNP sections 30.6 to 30.8).

use std::io;

use super::{Accepted, Acceptor, Listener};

/// A lock that several processes share.
pub(super) trait Lock: Sync {
    /// Waits for this worker's turn, which lasts until the value that is returned is dropped.
    /// `None` after a tick, so that the caller can look whether it is to stop.
    fn turn(&self) -> io::Result<Option<impl Sized>>;
}

/// A listener behind a lock.
pub(super) struct Locked<L> {
    listener: Listener,
    lock: L,
}

impl<L: Lock> Locked<L> {
    pub(super) fn new(listener: Listener, lock: L) -> Self {
        Self { listener, lock }
    }
}

impl<L: Lock> Acceptor for Locked<L> {
    /// One worker at a time. Once the server stops and the accept queue is drained, no worker waits
    /// for its turn any more.
    // ANCHOR: accept
    fn accept_while(&self, meanwhile: &mut dyn FnMut()) -> Accepted {
        loop {
            meanwhile();
            if self.listener.is_finished()? {
                return Ok(None);
            }
            if let Some(_turn) = self.lock.turn()? {
                return self.listener.accept_while(meanwhile);
            }
        }
    }
    // ANCHOR_END: accept
}
