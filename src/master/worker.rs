//! A worker process, as the model sees it.

use std::io;
use std::net::TcpStream;

use crate::accept::{Acceptor, Listener};
use crate::serve::Server;

/// What a worker process works with. Its threads may share it.
pub struct Worker<'a> {
    pub(super) server: &'a Server<'a>,
    pub(super) acceptor: Box<dyn Acceptor>,
    pub(super) post: Post,
}

/// Where a worker works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Post {
    /// Its process's record in the scoreboard, the first if it has several. Nobody else has it
    /// while the process lives.
    pub(super) slot: usize,
    /// Its place among those of its generation, from 0. When it dies, its successor gets the same;
    /// while generations change, one of each may have it.
    pub(super) seat: usize,
    /// Its generation, from 1.
    pub(super) generation: u64,
}

/// What a worker process does until it is asked to stop.
pub type Work = fn(&Worker<'_>) -> io::Result<()>;

impl<'a> Worker<'a> {
    /// What all workers share.
    pub fn server(&self) -> &'a Server<'a> {
        self.server
    }

    /// The next connection, in the way of the chosen strategy; see [`Listener::accept`]. `None`
    /// when the worker is to end.
    ///
    /// # Errors
    /// As [`Listener::accept`].
    pub fn accept(&self) -> io::Result<Option<TcpStream>> {
        let scoreboard = self.server.scoreboard;
        self.ready();
        scoreboard.holds(0);
        let client = self.acceptor.accept_while(&mut || scoreboard.beat())?;
        match client {
            Some(_) => scoreboard.holds(1),
            None => scoreboard.leaving(),
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

    /// Serves one client to its end; see [`Server::serve`].
    pub fn serve(&self, client: &TcpStream) {
        self.server.serve(client);
    }

    /// Tells the master that there is nothing left that could go wrong before the first client.
    /// [`Worker::accept`] does it for those who accept with it. Once is enough; more is no harm.
    pub fn ready(&self) {
        let Post {
            slot, generation, ..
        } = self.post;
        self.server.scoreboard.ready(slot, generation);
    }

    /// The worker's place among those of its generation, from 0; a successor gets the same.
    pub fn seat(&self) -> usize {
        self.post.seat
    }
}
