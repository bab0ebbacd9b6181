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
    server: &'a Server<'a>,
    listener: &'a Listener,
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
// ANCHOR: run
pub fn run(server: &Server, listener: Listener, work: Work) -> io::Result<()> {
    let signals = Signals::take_over()?;
    let mut pool = Pool::new(server.workers);
    while !signal::stopping() {
        fill(
            &mut pool,
            &Worker {
                server,
                listener: &listener,
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
                worker.server.scoreboard.enter(slot);
                process::leave_after(|| finish(begin(worker, work)));
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

/// What a worker does before it serves, and then its work.
fn begin(worker: &Worker<'_>, work: Work) -> io::Result<()> {
    let configuration = worker.server.configuration;
    configuration.give_up_rights().map_err(io::Error::other)?;
    work(worker)
}

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
