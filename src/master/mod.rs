//! The pre-fork machinery: a master that owns the listener and a pool of worker processes, serves
//! nobody, and keeps the pool whole.

mod backoff;
mod children;
mod pool;

use std::io;
use std::net::TcpStream;

use nix::sys::signal::Signal;
use nix::unistd::Pid;

use crate::accept::{Door, Entrance, Listener};
use crate::serve::Server;
use crate::sys::process::{self, Fork};
use crate::sys::signal::{self, Signals};
pub use children::Children;
use pool::Pool;

/// What a worker process works with.
pub struct Worker<'a> {
    server: &'a Server<'a>,
    door: Door,
}

impl Worker<'_> {
    /// The next connection, in the way of the chosen strategy; see [`Listener::accept`].
    pub fn accept(&self) -> io::Result<Option<TcpStream>> {
        self.door.accept()
    }

    /// This worker's listener, for models that wait in other ways; see [`Door::listener`].
    pub fn listener(&self) -> io::Result<&Listener> {
        self.door.listener()
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
    let slots = server.workers;
    let (accept, manner) = (server.accept, server.manner);
    let mut entrance = Entrance::open(accept, manner, listener, slots)?;
    let mut pool = Pool::new(slots);
    while !signal::stopping() {
        fill(&mut pool, &mut entrance, server, work);
        match entrance.wait(&signals, pool.next_try())? {
            Some(Signal::SIGTERM | Signal::SIGINT) => signal::begin_stop(),
            _ => pool.reap(&mut entrance),
        }
    }
    last_call(&mut pool, &mut entrance, server, work);
    entrance.close();
    pool.stop(&signals, &mut entrance)
}
// ANCHOR_END: run

/// Makes a worker for each free slot, as far as the system lets it.
// ANCHOR: fill
fn fill(pool: &mut Pool, entrance: &mut Entrance, server: &Server, work: Work) {
    while let Some(slot) = pool.vacancy() {
        match spawn(slot, entrance, server, work) {
            Ok(pid) => pool.filled(slot, pid),
            Err(error) => {
                let pause = pool.failed();
                crate::log!("fork: {error}; again in {pause:?}");
            }
        }
    }
}
// ANCHOR_END: fill

/// Forks a worker for a slot.
fn spawn(slot: usize, entrance: &mut Entrance, server: &Server, work: Work) -> io::Result<Pid> {
    entrance.prepare(slot)?;
    match process::fork()? {
        Fork::Parent(pid) => Ok(pid),
        Fork::Child => {
            server.scoreboard.enter(slot);
            process::leave_after(|| {
                let door = entrance.door(slot);
                finish(door.and_then(|door| work(&Worker { server, door })))
            });
        }
    }
}

/// The wish to stop has come while slots were vacant, their workers having died: where connections
/// wait for them, a last worker answers those. It inherits the wish to stop, so it does no more.
fn last_call(pool: &mut Pool, entrance: &mut Entrance, server: &Server, work: Work) {
    // The signal of a death may still be in the queue, behind the wish to stop.
    pool.reap(entrance);
    for slot in pool.vacancies() {
        if entrance.waiting(slot).unwrap_or(0) > 0 {
            match spawn(slot, entrance, server, work) {
                Ok(pid) => pool.filled(slot, pid),
                Err(error) => crate::log!("connections are lost: fork: {error}"),
            }
        }
    }
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
