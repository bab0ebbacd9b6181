//! How long a worker lives, counted in requests.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::sys::signal;

/// Requests that this process may still answer before it makes room for another.
///
/// Each worker has its own: memory is copied when a process forks.
#[derive(Debug, Default)]
pub struct Lifetime {
    /// 0 stands for no end.
    left: AtomicU64,
}

impl Lifetime {
    /// From now on, so many; 0 for no end.
    pub fn begin(&self, requests: u64) {
        self.left.store(requests, Relaxed);
    }

    /// Another request is about to be answered: whether its connection has to close behind it,
    /// since this worker is to leave. While it `may_stay` for now, it asks again at the next.
    #[inline]
    pub(super) fn ends_with_this(&self, may_stay: impl FnOnce() -> bool) -> bool {
        let left = self.left.load(Relaxed);
        // Threads share the count, so the one that takes the last is not known before it has.
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
