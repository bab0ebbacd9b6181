//! What the ways of waiting have in common.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use super::slab::Token;

/// What a connection that cannot go on is waiting for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interest {
    /// Octets from the client, or its end.
    Readable,
    /// Room for octets to the client.
    Writable,
}

/// What the kernel says after a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ready {
    /// Somebody is in the accept queue.
    Listener,
    /// A client may go on.
    Client(Token, Signs),
}

/// What of a connection is ready.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Signs {
    /// A read will not wait.
    pub readable: bool,
    /// A write will not wait.
    pub writable: bool,
    /// The client sends no more, or the connection is broken: reading will come to an end.
    pub ended: bool,
}

/// The kernel's promise to say when somebody is ready, in one of its forms.
pub trait Poller {
    /// Reports the listener as long as somebody is in its accept queue.
    fn watch_listener(&mut self, listener: BorrowedFd<'_>) -> io::Result<()>;

    /// Reports it no more.
    fn ignore_listener(&mut self, listener: BorrowedFd<'_>) -> io::Result<()>;

    /// Reports the client when it is ready for `interest`; `before` is what it was watched for.
    fn watch(
        &mut self,
        client: BorrowedFd<'_>,
        token: Token,
        interest: Interest,
        before: Option<Interest>,
    ) -> io::Result<()>;

    /// The client's socket is about to be closed.
    fn forget(&mut self, token: Token);

    /// Waits until somebody is ready, for `time` at most, and appends who is, the listener
    /// first: where several processes share it, whoever was woken for a new client keeps it
    /// waiting. Nobody is added when a signal ends the wait.
    fn wait(&mut self, time: Duration, out: &mut Vec<Ready>) -> io::Result<()>;
}
