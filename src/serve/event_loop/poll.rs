//! Waiting with `poll(2)`: the whole list goes to the kernel with each call, and is searched.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::PollFlags;

use super::poller::{Poller, Ready};
use super::slab::Token;
use crate::serve::readiness::{Interest, Readiness};
use crate::sys::poll::PollSet;

/// The row of the listener; clients come behind it.
const LISTENER: usize = 0;

/// One row for the listener and one for each place of a client, free places included.
#[derive(Debug, Default)]
pub struct Poll {
    rows: PollSet,
    tokens: Vec<Option<Token>>,
}

impl Poll {
    /// An empty list.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Poller for Poll {
    fn watch_listener(&mut self, listener: BorrowedFd<'_>) -> io::Result<()> {
        self.rows.set(LISTENER, listener, PollFlags::POLLIN);
        Ok(())
    }

    fn ignore_listener(&mut self, _: BorrowedFd<'_>) -> io::Result<()> {
        self.rows.clear(LISTENER);
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
            self.rows.set(row(token), client, events);
            self.remember(token);
        }
        Ok(())
    }
    // ANCHOR_END: watch

    fn forget(&mut self, token: Token) {
        self.rows.clear(row(token));
    }

    // ANCHOR: wait
    fn wait(&mut self, time: Duration, out: &mut Vec<Ready>) -> io::Result<()> {
        match self.rows.wait(time) {
            Ok(0) | Err(Errno::EINTR) => return Ok(()),
            outcome => outcome?,
        };
        for (row, events) in self.rows.ready() {
            out.push(match row {
                LISTENER => Ready::Listener,
                _ => match self.tokens[row - 1] {
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
}

fn row(token: Token) -> usize {
    token.place() + 1
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
