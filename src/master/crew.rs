//! What all workers of a pool have in common, and the life of each.

use std::io;

use super::worker::{Post, Work, Worker};
use crate::accept::{Entrance, Listener};
use crate::serve::Server;

/// What the workers work with, and what they do.
pub(super) struct Crew<'a> {
    pub(super) server: &'a Server<'a>,
    pub(super) work: Work,
}

impl Crew<'_> {
    /// Opens the way to the connections of `listener` for all of them.
    pub(super) fn open(&self, listener: Listener) -> io::Result<Entrance> {
        let Self { server, .. } = self;
        Entrance::open(server.accept, server.manner, listener, server.workers)
    }

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
    /// Whatever is given up for good (privileges, the right to open files) is to be given up before
    /// the work begins, and the tie to the master to be made again behind it, since a change of
    /// user undoes it: see [`crate::sys::process::tie_to`].
    pub(super) fn live(&self, post: Post, entrance: &mut Entrance, requests: u64) -> i32 {
        let Self { server, work } = self;
        server.scoreboard.enter(post.slot);
        server.lifetime.begin(requests);
        let door = entrance.door(post.slot, post.seat);
        match door.and_then(|door| work(&Worker { server, door, post })) {
            Ok(()) => 0,
            Err(error) => {
                crate::log!("worker: {error}");
                1
            }
        }
    }
}
