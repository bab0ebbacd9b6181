//! Waiting with `poll(2)`: the whole list goes to the kernel with each call, and is searched.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::PollFlags;

use super::poller::{Poller, Ready};
use super::slab::Token;
use crate::accept::Listener;
use crate::serve::readiness::{Interest, Readiness};
use crate::sys::poll::PollSet;

/// One row for each socket of the listener and one for each place of a client, free places
/// included.
#[derive(Debug, Default)]
pub struct Poll {
    rows: PollSet,
    /// The rows of the listener come first.
    listeners: usize,
    tokens: Vec<Option<Token>>,
}

impl Poll {
    /// An empty list.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Poller for Poll {
    /// Called before the first client comes: the number of these rows never changes.
    fn watch_listener(&mut self, listener: &Listener) -> io::Result<()> {
        for (row, socket) in listener.descriptors().enumerate() {
            self.rows.set(row, socket, PollFlags::POLLIN);
            self.listeners = self.listeners.max(row + 1);
        }
        Ok(())
    }

    fn ignore_listener(&mut self, _: &Listener) -> io::Result<()> {
        (0..self.listeners).for_each(|row| self.rows.clear(row));
        Ok(())
    }

    // ANCHOR: watch
    fn watch(
        &mut self,
        client: BorrowedFd<'_>,
        token: Token,
        interest: Interest,
        before: Option<Interest>,
    ) -> io::Result<()> {
        if before != Some(interest) {
            let events = match interest {
                Interest::Readable => PollFlags::POLLIN,
                Interest::Writable => PollFlags::POLLOUT,
            };
            self.rows.set(self.row(token), client, events);
            self.remember(token);
        }
        Ok(())
    }
    // ANCHOR_END: watch

    fn forget(&mut self, token: Token) {
        self.rows.clear(self.row(token));
    }

    // ANCHOR: wait
    fn wait(&mut self, time: Duration, out: &mut Vec<Ready>) -> io::Result<()> {
        match self.rows.wait(time) {
            Ok(0) | Err(Errno::EINTR) => return Ok(()),
            outcome => outcome?,
        };
        for (row, events) in self.rows.ready() {
            out.push(match row.checked_sub(self.listeners) {
                None => Ready::Listener,
                Some(place) => match self.tokens[place] {
                    Some(token) => Ready::Client(token, readiness(events)),
                    None => continue,
                },
            });
        }
        Ok(())
    }
    // ANCHOR_END: wait
}

impl Poll {
    fn remember(&mut self, token: Token) {
        if token.place() >= self.tokens.len() {
            self.tokens.resize(token.place() + 1, None);
        }
        self.tokens[token.place()] = Some(token);
    }

    fn row(&self, token: Token) -> usize {
        self.listeners + token.place()
    }
}

/// A read or a write returns the error of a broken connection, so both are worth a try.
fn readiness(events: PollFlags) -> Readiness {
    let ended = events.intersects(PollFlags::POLLHUP | PollFlags::POLLERR | PollFlags::POLLNVAL);
    Readiness {
        readable: ended || events.contains(PollFlags::POLLIN),
        writable: ended || events.contains(PollFlags::POLLOUT),
        ended,
    }
}
