//! A fixed number of threads, made in advance.

use std::io;
use std::thread::{self, Scope, ScopedJoinHandle};
use std::time::Instant;

use crate::accept::EXHAUSTED_PAUSE;
use crate::sys::signal;

/// Address space for a thread's stack; memory is only used where it is touched.
pub const STACK_BYTES: usize = 256 * 1024;

/// Threads that all do the same work, each with a number of its own, from 0.
pub struct Crew<'scope, 'env, W> {
    scope: &'scope Scope<'scope, 'env>,
    size: usize,
    work: W,
    threads: Vec<ScopedJoinHandle<'scope, io::Result<()>>>,
    /// When the system refused a thread last.
    refused: Option<Instant>,
}

impl<'scope, 'env, W> Crew<'scope, 'env, W>
where
    W: Fn(usize) -> io::Result<()> + Copy + Send + 'scope,
{
    /// A crew of `size` threads, as far as the system lets it: see [`Crew::complete`].
    pub fn start(scope: &'scope Scope<'scope, 'env>, size: usize, work: W) -> Self {
        let mut crew = Self {
            scope,
            size,
            work,
            threads: Vec::with_capacity(size),
            refused: None,
        };
        crew.complete();
        crew
    }

    // ANCHOR: complete
    /// Makes the threads that lack. When the system refuses one, those that
    /// there are serve, and the next try is at the next call, after a pause.
    pub fn complete(&mut self) {
        let waits = |refused: Instant| refused.elapsed() < EXHAUSTED_PAUSE;
        while self.lacks() && !self.refused.is_some_and(waits) {
            let (number, work) = (self.threads.len(), self.work);
            let thread = thread::Builder::new().stack_size(STACK_BYTES);
            match thread.spawn_scoped(self.scope, move || work(number)) {
                Ok(thread) => self.threads.push(thread),
                Err(error) => {
                    crate::log!("thread: {error}; waiting until that changes");
                    self.refused = Some(Instant::now());
                }
            }
        }
    }
    // ANCHOR_END: complete

    fn lacks(&self) -> bool {
        self.threads.len() < self.size
    }

    /// Waits until the last thread has ended, which is after the wish to stop, and until then makes
    /// those that lack.
    ///
    /// # Errors
    /// The first of what threads have failed with.
    pub fn finish(mut self) -> io::Result<()> {
        while self.lacks() && !signal::stopping() && !signal::retiring() {
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
