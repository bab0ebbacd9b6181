//! What all workers of a pool have in common, and the life of each.

use std::io;

use super::worker::{Post, Work, Worker};
use crate::accept::SharedListeners;
use crate::serve::Server;

/// What the workers work with, and what they do.
pub(super) struct Crew<'a> {
    pub(super) server: Server<'a>,
    pub(super) work: Work,
}

impl Crew<'_> {
    /// Requests that the next worker may answer; 0 for no end. The master draws the number: its
    /// children would all draw the same.
    pub(super) fn allowance(&self) -> u64 {
        let rules = &self.server.pool;
        match rules.max_requests {
            0 => 0,
            requests => requests.saturating_add(fastrand::u64(0..=rules.max_requests_jitter)),
        }
    }

    /// A worker's whole life, in this order: what it is, what it may use, its work. Returns its
    /// exit code.
    ///
    /// Whatever is given up for good (the user, the right to open files) is given up before the
    /// work begins, and after all is open that it needs.
    pub(super) fn live(&self, post: Post, listeners: &mut SharedListeners, requests: u64) -> i32 {
        self.server.scoreboard.enter(post.slot);
        self.server.lifetime.begin(requests);
        match self.serve(post, listeners) {
            Ok(()) => 0,
            Err(error) => {
                crate::log!("worker: {error}");
                1
            }
        }
    }

    fn serve(&self, post: Post, listeners: &mut SharedListeners) -> io::Result<()> {
        let Self { server, work } = self;
        let acceptor = listeners.acceptor(post.slot, post.seat)?;
        let rights = server.configuration.give_up_rights();
        rights.map_err(io::Error::other)?;
        work(&Worker {
            server,
            acceptor,
            post,
        })
    }
}
