//! A fixed number of threads, made in advance.

use std::io;
use std::thread::{self, Scope, ScopedJoinHandle};
use std::time::Instant;

use crate::accept::EXHAUSTED_PAUSE;
use crate::sys::line_counts::Common;
use crate::sys::outage::Outage;
use crate::sys::signal;

/// Address space for a thread's stack. The kernel provides memory only where the thread touches it.
pub const STACK_BYTES: usize = 256 * 1024;

/// The system refuses this process a thread.
pub static NO_THREAD: Outage = Outage::common("thread", Common::Threads);

/// Threads that all do the same work, each with a number of its own, from 0.
pub struct ThreadPool<'scope, 'env, W> {
    scope: &'scope Scope<'scope, 'env>,
    size: usize,
    work: W,
    threads: Vec<ScopedJoinHandle<'scope, io::Result<()>>>,
    /// When the system last refused to make a thread.
    refused: Option<Instant>,
}

impl<'scope, 'env, W> ThreadPool<'scope, 'env, W>
where
    W: Fn(usize) -> io::Result<()> + Copy + Send + 'scope,
{
    /// A pool of `size` threads, or of as many as the system permits: see [`ThreadPool::complete`].
    pub fn start(scope: &'scope Scope<'scope, 'env>, size: usize, work: W) -> Self {
        let mut pool = Self {
            scope,
            size,
            work,
            threads: Vec::with_capacity(size),
            refused: None,
        };
        pool.complete();
        pool
    }

    // ANCHOR: complete
    /// Makes the threads that are missing. When the system refuses one, the
    /// others serve, and a later call tries again after a pause.
    pub fn complete(&mut self) {
        let waits = |refused: Instant| refused.elapsed() < EXHAUSTED_PAUSE;
        while self.is_incomplete() && !self.refused.is_some_and(waits) {
            let (number, work) = (self.threads.len(), self.work);
            let thread = thread::Builder::new().stack_size(STACK_BYTES);
            match thread.spawn_scoped(self.scope, move || work(number)) {
                Ok(thread) => {
                    NO_THREAD.worked();
                    self.threads.push(thread);
                }
                Err(error) => {
                    NO_THREAD.failed(error);
                    self.refused = Some(Instant::now());
                }
            }
        }
    }
    // ANCHOR_END: complete

    fn is_incomplete(&self) -> bool {
        self.threads.len() < self.size
    }

    /// Waits until the last thread has ended, which is after the request to stop. Until that
    /// request comes, it makes the threads that are missing.
    ///
    /// # Errors
    /// The first error that a thread has returned.
    pub fn finish(mut self) -> io::Result<()> {
        while self.is_incomplete() && !signal::stopping() && !signal::retiring() {
            thread::sleep(EXHAUSTED_PAUSE);
            self.complete();
        }
        let mut result = Ok(());
        for thread in self.threads {
            let ended = thread
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            result = result.and(ended);
        }
        result
    }
}
