//! What the ways of waiting have in common.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use super::slab::Token;
use crate::accept::Listener;
use crate::serve::readiness::{Interest, Readiness};

/// What is ready after a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ready {
    /// A connection is in the accept queue.
    Listener,
    /// A client's socket is ready.
    Client(Token, Readiness),
}

/// A facility of the kernel that waits for many sockets at once.
pub trait Poller {
    /// From now on the listener is reported as long as a connection is in the accept queue of one
    /// of its sockets.
    fn watch_listener(&mut self, listener: &Listener) -> io::Result<()>;

    /// From now on the listener is not reported.
    fn ignore_listener(&mut self, listener: &Listener) -> io::Result<()>;

    /// From now on the client is reported when it is ready for `interest`; `before` is what it was
    /// watched for until now.
    fn watch(
        &mut self,
        client: BorrowedFd<'_>,
        token: Token,
        interest: Interest,
        before: Option<Interest>,
    ) -> io::Result<()>;

    /// The client's socket is about to be closed.
    fn forget(&mut self, token: Token);

    /// Waits until a socket is ready, for `time` at most, and appends those that are. The listener
    /// comes first: where several processes share it, a new client waits for the process that the
    /// kernel has woken. Nothing is appended when a signal ends the wait.
    fn wait(&mut self, time: Duration, out: &mut Vec<Ready>) -> io::Result<()>;
}
