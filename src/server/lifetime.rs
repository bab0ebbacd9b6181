//! How long a worker lives, counted in requests.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::sys::signal;

/// Requests that this process may still answer before it makes room for another.
///
/// Each worker has its own count: memory is copied when a process forks.
#[derive(Debug, Default)]
pub struct Lifetime {
    /// 0 stands for no end. The threads of a worker share the count and nothing that depends on
    /// it, so `Relaxed` suffices.
    left: AtomicU64,
}

impl Lifetime {
    /// From now on this process may answer so many; 0 for no end.
    pub fn begin(&self, requests: u64) {
        self.left.store(requests, Relaxed);
    }

    /// Another request is about to be answered: whether its connection has to close behind it,
    /// because this worker is to end. If `may_stay` says that it is still needed, the question
    /// comes again with the next request.
    #[inline]
    pub(super) fn ends_with_this(&self, may_stay: impl FnOnce() -> bool) -> bool {
        let left = self.left.load(Relaxed);
        // Threads share the count, so only the subtraction tells which of them takes the last.
        if left > 0 && self.left.fetch_sub(1, Relaxed) <= 1 {
            if may_stay() {
                self.left.store(1, Relaxed);
            } else {
                self.left.store(0, Relaxed);
                signal::retire();
            }
        }
        signal::retiring()
    }
}
