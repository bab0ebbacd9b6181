//! A worker in its own process: what it starts with, its life, and what its model sees of it.

use std::io;
use std::net::TcpStream;

use super::lines::FAILED;
use crate::accept::{Acceptor, Listener, SharedListeners};
use crate::server::Server;
use crate::sys::{oom, signal, title};

/// What a model's code gets in a worker process. The worker's threads may share it.
pub struct Worker<'a> {
    /// The settings that all workers share.
    pub server: &'a Server<'a>,
    pub(super) acceptor: Box<dyn Acceptor>,
    pub(super) assignment: Assignment,
}

/// A worker's place in the scoreboard and in its generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Assignment {
    /// The first of its slots in the scoreboard. No other worker has them while it lives.
    pub(super) slot: usize,
    /// Its number within its generation, from 0. When it dies, its successor gets the same. During
    /// a rollout a worker of each generation may have it.
    pub(super) index: usize,
    /// From 1; each reload begins another.
    pub(super) generation: u64,
}

/// What a worker process does until it is asked to stop.
pub type Work = fn(&Worker<'_>) -> io::Result<()>;

impl Worker<'_> {
    /// The next connection, in the way of the chosen strategy; see [`Listener::accept`]. `None`
    /// when the worker is to end.
    ///
    /// # Errors
    /// As [`Listener::accept`].
    pub fn accept(&self) -> io::Result<Option<TcpStream>> {
        let scoreboard = self.server.scoreboard;
        let client = self.acceptor.accept_while(&mut || scoreboard.beat())?;
        if client.is_none() {
            scoreboard.leaving();
        }
        Ok(client)
    }

    /// This worker's listener, for models that wait in other ways; see [`Acceptor::listener`].
    ///
    /// # Errors
    /// The strategy gives this worker none.
    pub fn listener(&self) -> io::Result<&Listener> {
        let none = || io::Error::other("this worker has no listener of its own");
        self.acceptor.listener().ok_or_else(none)
    }

    /// Tells the master that this worker has all that it needs to serve. Each worker calls it once,
    /// before its first connection; of its threads, each may.
    pub fn ready(&self) {
        let Assignment {
            slot, generation, ..
        } = self.assignment;
        self.server.scoreboard.ready(slot, generation);
        // A reload may have been faster.
        if !signal::retiring() {
            title::set_state(b"");
        }
    }

    /// The worker's number within its generation, from 0; a successor gets the same.
    pub fn index(&self) -> usize {
        self.assignment.index
    }
}

/// The configuration that the next workers serve with, and the model's code that they run.
pub(super) struct WorkerContext<'a> {
    pub(super) server: Server<'a>,
    pub(super) work: Work,
}

impl WorkerContext<'_> {
    /// Requests that the next worker may answer; 0 for no limit. The master draws the number:
    /// children inherit the state of the generator, so all of them would draw the same.
    pub(super) fn draw_max_requests(&self) -> u64 {
        let settings = &self.server.pool;
        match settings.max_requests {
            0 => 0,
            requests => requests.saturating_add(fastrand::u64(0..=settings.max_requests_jitter)),
        }
    }

    /// A worker's whole life, in the child. Returns its exit code.
    pub(super) fn run_worker(
        &self,
        assignment: Assignment,
        listeners: &mut SharedListeners,
        max_requests: u64,
    ) -> i32 {
        // A session of its own has no controlling terminal: a worker that a client controls could
        // write commands into the terminal of the shell that started the master (TIOCSTI).
        let _ = nix::unistd::setsid();
        oom::expose_worker();
        let model = self.server.configuration.succession().model();
        title::set(&format!("servers: worker {} of {model}", assignment.slot));
        title::set_state(b" (starting)");
        self.server.scoreboard.enter(assignment.slot);
        self.server.lifetime.begin(max_requests);
        match self.serve(assignment, listeners) {
            Ok(()) => 0,
            Err(error) => {
                FAILED.log(format_args!("worker: {error}"));
                1
            }
        }
    }

    /// Privileges (the user, the right to open files) are dropped after the worker has opened what
    /// it needs and before it accepts its first connection.
    fn serve(&self, assignment: Assignment, listeners: &mut SharedListeners) -> io::Result<()> {
        let Self { server, work } = self;
        let acceptor = listeners.acceptor(assignment.slot, assignment.index)?;
        let dropped = server.configuration.drop_privileges();
        dropped.map_err(io::Error::other)?;
        work(&Worker {
            server,
            acceptor,
            assignment,
        })
    }
}
