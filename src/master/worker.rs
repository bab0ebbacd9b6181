//! A worker process, as its model sees it.

use std::io;
use std::net::TcpStream;

use crate::accept::{Acceptor, Listener};
use crate::server::Server;

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
    }

    /// The worker's number within its generation, from 0; a successor gets the same.
    pub fn index(&self) -> usize {
        self.assignment.index
    }
}
