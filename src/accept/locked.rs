//! One listener for all, and a lock: whoever holds it calls `accept`, the others wait for the lock.
//!
//! ```text
//!   clients        accept queue                 the lock
//!
//!     A ──────────────────────┬──▶ worker 0: ▶ [ holds it: accept ]
//!     B ──▶ [ B C ] ──────────┘    worker 1:   waits for it
//!     C ──▶                        worker 2:   serves, then waits
//! ```
//!
//! Why a lock, where the kernel lets all of them call `accept`? Because not every kernel did:
//! where it woke all sleepers for each connection, or knew no `accept` by several processes at all,
//! a lock in front of it left it with one (UNP sections 30.6 to 30.8).

use std::io;

use super::{Accepted, Listener};

/// A lock that several processes share.
pub(super) trait Lock {
    /// Waits until it is this worker's turn, which lasts until what is returned is dropped. `None`
    /// after a tick, so that the caller can look about.
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

    /// [`Listener::accept_while`], by one worker at a time. Once the server stops, nobody waits for
    /// a turn if there is nothing to be had.
    // ANCHOR: accept
    pub(super) fn accept_while(&self, mut meanwhile: impl FnMut()) -> Accepted {
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
