//! The pre-fork machinery: a master that owns the listener and a pool of worker processes, serves
//! nobody, and keeps the pool whole.

mod backoff;
mod children;
mod pool;

use std::io;
use std::net::TcpStream;

use nix::sys::signal::Signal;

use crate::accept::Listener;
use crate::serve::Server;
use crate::sys::process::{self, Fork};
use crate::sys::signal::{self, Signals};
pub use children::Children;
use pool::Pool;

/// What a worker process works with.
pub struct Worker<'a> {
    /// What all models share.
    pub server: &'a Server<'a>,
    listener: &'a Listener,
    /// Slots of the scoreboard that each worker process has: one for each of its threads.
    slots: usize,
}

impl Worker<'_> {
    /// The next connection; see [`Listener::accept`].
    pub fn accept(&self) -> io::Result<Option<TcpStream>> {
        self.listener.accept()
    }

    /// Serves one client to its end; see [`Server::serve`].
    pub fn serve(&self, client: &TcpStream) {
        self.server.serve(client);
    }
}

/// What a worker process does until it is asked to stop.
pub type Work = fn(&Worker<'_>) -> io::Result<()>;

/// Forks the workers before any request arrives, replaces those that die, and returns when all
/// have gone after the wish to stop.
///
/// # Errors
/// When workers had to be killed, or the master's own system calls fail.
pub fn run(server: &Server, listener: Listener, work: Work) -> io::Result<()> {
    run_threads(server, listener, 1, work)
}

/// [`run`] with workers that have `threads` threads each, and the slots from their own on for them.
/// A worker makes its threads itself: the master has but one.
///
/// # Errors
/// The same.
// ANCHOR: run
pub fn run_threads(
    server: &Server,
    listener: Listener,
    threads: usize,
    work: Work,
) -> io::Result<()> {
    let signals = Signals::take_over()?;
    let mut pool = Pool::new(server.workers);
    while !signal::stopping() {
        fill(
            &mut pool,
            &Worker {
                server,
                listener: &listener,
                slots: threads,
            },
            work,
        );
        match signals.wait(pool.next_try())? {
            Some(Signal::SIGTERM | Signal::SIGINT) => signal::begin_stop(),
            _ => pool.reap(),
        }
    }
    drop(listener);
    pool.children.stop(&signals)
}
// ANCHOR_END: run

/// Makes a worker for each free slot, as far as the system lets it.
// ANCHOR: fill
fn fill(pool: &mut Pool, worker: &Worker<'_>, work: Work) {
    while let Some(slot) = pool.vacancy() {
        match process::fork() {
            Ok(Fork::Child) => {
                worker.server.scoreboard.enter(slot * worker.slots);
                process::leave_after(|| finish(work(worker)));
            }
            Ok(Fork::Parent(pid)) => pool.filled(slot, pid),
            Err(error) => {
                let pause = pool.failed();
                crate::log!("fork: {error}; again in {pause:?}");
            }
        }
    }
}
// ANCHOR_END: fill

/// A worker's exit code.
fn finish(result: io::Result<()>) -> i32 {
    match result {
        Ok(()) => 0,
        Err(error) => {
            crate::log!("worker: {error}");
            1
        }
    }
}
