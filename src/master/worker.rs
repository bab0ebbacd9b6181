//! A worker process, as the model sees it.

use std::io;
use std::net::TcpStream;

use crate::accept::Listener;
use crate::serve::Server;
use crate::sys::slot;

/// What a worker process works with. Its threads may share it.
pub struct Worker<'a> {
    pub(super) server: &'a Server<'a>,
    pub(super) listener: &'a Listener,
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

impl Worker<'_> {
    /// The next connection; see [`Listener::accept`]. `None` when the worker is to end.
    ///
    /// # Errors
    /// As [`Listener::accept`].
    pub fn accept(&self) -> io::Result<Option<TcpStream>> {
        let scoreboard = self.server.scoreboard;
        self.ready();
        scoreboard.holds(0);
        let client = self.listener.accept_while(|| scoreboard.beat())?;
        scoreboard.holds(u64::from(client.is_some()));
        Ok(client)
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

    /// The child's whole life, in this order: what it is, what it may use, its work. Whatever is
    /// given up for good (the user, the right to open files) is given up before the work begins.
    pub(super) fn live(&self, requests: u64, work: Work) -> i32 {
        self.server.scoreboard.enter(self.post.slot);
        debug_assert_eq!(slot::get(), self.post.slot);
        self.server.lifetime.begin(requests);
        let rights = self.server.configuration.give_up_rights();
        match rights.map_err(io::Error::other).and_then(|()| work(self)) {
            Ok(()) => 0,
            Err(error) => {
                crate::log!("worker: {error}");
                1
            }
        }
    }
}
