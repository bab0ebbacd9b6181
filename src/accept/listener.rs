//! A listening socket. Every process or thread that holds it may accept from it.

use std::io;
use std::iter;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering::Relaxed};

use nix::errno::Errno;

use super::errors::{self, is_lasting, log_exhausted, recover};
use super::socket::Socket;
use crate::sys::address::Address;
use crate::sys::{log_files, net, signal};
use crate::trace;

/// The next client, or `None` when the server has stopped.
pub type Accepted = io::Result<Option<TcpStream>>;

/// What one try to accept gives.
pub enum Attempt {
    /// A connection.
    Client(TcpStream),
    /// The accept queue is empty.
    Empty,
    /// A connection waits, but accepting it fails with an error that lasts: no descriptor, no
    /// memory, or an error that no manual names. The log says which.
    Exhausted,
    /// The server stops and all that was in the queue at that moment has been taken; or this
    /// worker leaves, and other workers take what is in the queue.
    Over,
}

/// What one worker accepts from. The threads of the worker share it.
pub trait Acceptor: Sync {
    /// The next connection, or `None` when this worker is to end; see [`Listener::accept_while`].
    ///
    /// # Errors
    /// As [`Listener::accept`].
    fn accept_while(&self, meanwhile: &mut dyn FnMut()) -> Accepted;

    /// The listener behind it, for workers that wait for it with epoll. `None` where a lock or the
    /// master decides when this worker may accept.
    fn listener(&self) -> Option<&Listener> {
        None
    }
}

/// A listening socket, or several at different addresses. The port closes when the last process
/// drops it.
pub struct Listener {
    socket: Socket,
    /// Sockets at other addresses; see [`Listener::join`].
    pub(super) others: Vec<Socket>,
    /// Of several sockets, the one at which the next search for a connection begins.
    pub(super) turn: AtomicUsize,
    /// Whether this process has set O_NONBLOCK on its sockets.
    pub(super) is_nonblocking: AtomicBool,
    /// More listeners at the same addresses that were inherited with it; see [`Listener::with`].
    siblings: Vec<Self>,
    /// Once the server stops: how many connections of the accept queue are still to be answered, by
    /// all threads together. Before that, [`SERVING`].
    left_to_drain: AtomicI64,
}

/// Nothing is to be drained: the server has not been asked to stop, or no thread has looked since.
const SERVING: i64 = -1;

impl Listener {
    /// Listens on `address` (port 0 picks a free one). Up to `backlog` connections may wait in the
    /// accept queue.
    pub fn bind(address: SocketAddr, backlog: i32) -> io::Result<Self> {
        Self::adopt(net::listen(address, backlog)?)
    }

    /// A socket that listens already, because this process has inherited it.
    pub fn adopt(socket: OwnedFd) -> io::Result<Self> {
        Ok(Self::of(Socket::adopt(socket)?, Vec::new()))
    }

    fn of(socket: Socket, others: Vec<Socket>) -> Self {
        Self {
            socket,
            others,
            turn: AtomicUsize::new(0),
            is_nonblocking: AtomicBool::new(false),
            siblings: Vec::new(),
            left_to_drain: AtomicI64::new(SERVING),
        }
    }

    /// Other listeners at the same addresses, with accept queues of their own of the same length.
    ///
    /// # Errors
    /// See [`crate::sys::reuseport::listen_beside`].
    pub fn beside(&self) -> io::Result<Self> {
        let others = self.others.iter().map(Socket::beside);
        Ok(Self::of(
            self.socket.beside()?,
            others.collect::<io::Result<_>>()?,
        ))
    }

    /// This listener and others at other addresses as one: it takes the connections of all.
    pub fn join(mut self, others: impl IntoIterator<Item = Self>) -> Self {
        for other in others {
            self.others.push(other.socket);
            self.others.extend(other.others);
        }
        self
    }

    /// This listener together with others at its addresses, in the order in which all of them
    /// began to listen. A process inherits several if its predecessor had one for each worker.
    pub fn with(mut self, siblings: Vec<Self>) -> Self {
        self.siblings = siblings;
        self
    }

    /// How many listeners these are, with this one.
    pub fn count(&self) -> usize {
        1 + self.siblings.len()
    }

    /// The other listeners. The caller holds them from now on.
    pub(super) fn take_siblings(&mut self) -> Vec<Self> {
        std::mem::take(&mut self.siblings)
    }

    /// The sockets, in the order in which they were opened.
    pub(super) fn sockets(&self) -> impl Iterator<Item = &Socket> {
        iter::once(&self.socket).chain(&self.others)
    }

    /// The descriptors of all sockets, to be watched or handed down.
    pub fn descriptors(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.sockets().map(AsFd::as_fd)
    }

    /// The addresses of all sockets, with the ports that were picked.
    pub fn addresses(&self) -> impl Iterator<Item = &Address> {
        self.sockets().map(Socket::address)
    }

    /// A process that shares the listener can shut it down (`shutdown(2)`), and then no process can
    /// accept any more. If that has happened, listens again. Connections that waited are lost.
    ///
    /// # Errors
    /// Another server has taken the port.
    pub(super) fn reopen_if_shut(&self) -> io::Result<()> {
        self.sockets().try_for_each(Socket::reopen_if_shut)
    }

    /// Connections that the kernel lets wait here: the backlog, or net.core.somaxconn if that is
    /// less.
    pub fn queue_limit(&self) -> io::Result<u32> {
        Ok(self.socket.queue_limit())
    }

    /// Connections that wait in the accept queue.
    pub fn waiting(&self) -> io::Result<u32> {
        self.sockets().map(Socket::waiting).sum()
    }

    /// The next connection. `None` when the server was asked to stop and all that was in the accept
    /// queue at that moment has been taken; or when this worker leaves and other workers take what
    /// is in the queue.
    ///
    /// # Errors
    /// Only what waiting cannot cure. A client that left before it was accepted is passed over,
    /// and a lack of descriptors or memory is waited out.
    pub fn accept(&self) -> Accepted {
        self.accept_while(|| {})
    }

    /// [`Listener::accept`], which calls `meanwhile` at least once a tick while no client comes.
    // ANCHOR: accept
    pub fn accept_while(&self, mut meanwhile: impl FnMut()) -> Accepted {
        loop {
            meanwhile();
            if self.is_finished()? {
                return Ok(None);
            }
            match self.next() {
                Ok(client) => {
                    self.count_taken(&client);
                    return Ok(Some(client));
                }
                Err(Errno::EAGAIN) if self.is_draining() => {
                    // The other threads need not find out for themselves.
                    self.left_to_drain.store(0, Relaxed);
                    return Ok(None);
                }
                // After a tick, or at once if a process that shares the
                // listener has set O_NONBLOCK for all of them.
                Err(Errno::EAGAIN) => self.look_how_it_waits()?,
                Err(error) => recover(error)?,
            }
        }
    }
    // ANCHOR_END: accept

    /// The next connection, or EAGAIN after a tick without one.
    #[inline]
    fn next(&self) -> nix::Result<TcpStream> {
        match self.others.is_empty() {
            true => self.socket.accept(),
            false => self.wait_for_any(),
        }
    }

    /// Undoes what another process may have done to a socket that it shares.
    fn look_how_it_waits(&self) -> io::Result<()> {
        match self.others.is_empty() {
            true => self.socket.make_blocking()?,
            false => self.is_nonblocking.store(false, Relaxed),
        }
        Ok(())
    }

    /// Whether this process takes no further connection from here: it was asked to stop and all
    /// that was in the accept queue then is taken, or this worker leaves. Called at each tick, so
    /// it also looks whether log files were opened anew.
    pub(super) fn is_finished(&self) -> io::Result<bool> {
        log_files::follow();
        Ok(signal::retiring() || signal::stopping() && self.left_to_drain()? == 0)
    }

    /// One call of `accept`, for a master that takes clients for its workers.
    pub(super) fn accept_one(&self) -> nix::Result<TcpStream> {
        let client = match self.others.is_empty() {
            true => self.socket.accept(),
            false => self.take_any(),
        }?;
        self.count_taken(&client);
        Ok(client)
    }

    /// From now on no accept waits, in this process or in any other that holds the listener: the
    /// flag belongs to the open socket (`open(2)`). So it is for models whose processes all want
    /// it, each before its first accept.
    ///
    /// # Errors
    /// None that a listening socket knows.
    pub fn set_nonblocking(&self) -> io::Result<()> {
        Ok(self.sockets().try_for_each(Socket::set_nonblocking)?)
    }

    /// One try to accept, for loops that must not wait. The connection does not block either.
    ///
    /// # Errors
    /// As [`Listener::accept`].
    // ANCHOR: try_accept
    pub fn try_accept(&self) -> io::Result<Attempt> {
        loop {
            if self.is_finished()? {
                return Ok(Attempt::Over);
            }
            match self.next_now() {
                Ok(client) => {
                    self.count_taken(&client);
                    return Ok(Attempt::Client(client));
                }
                Err(Errno::EAGAIN) if self.is_draining() => {
                    return Ok(Attempt::Over);
                }
                Err(Errno::EAGAIN) => return Ok(Attempt::Empty),
                Err(error) if is_lasting(error) => {
                    log_exhausted(error);
                    return Ok(Attempt::Exhausted);
                }
                Err(error) => recover(error)?,
            }
        }
    }
    // ANCHOR_END: try_accept

    /// The next connection, or EAGAIN if there is none.
    #[inline]
    fn next_now(&self) -> nix::Result<TcpStream> {
        match self.others.is_empty() {
            true => self.socket.accept_nonblocking(),
            false => self.first_ready(Socket::accept_nonblocking),
        }
    }

    fn is_draining(&self) -> bool {
        self.left_to_drain.load(Relaxed) != SERVING
    }

    /// How many connections are left of those that were in the queue when the server was asked to
    /// stop, as far as no other process has taken them. Without the count a busy port would never
    /// let the server stop. O_NONBLOCK instead would hold for all processes that share the
    /// listener, and those that are not to stop would never wait again.
    ///
    /// `Relaxed` suffices: the count is the only thing that the threads tell each other here. A
    /// thread that sees an old value makes one more call of `accept`.
    // ANCHOR: drain
    pub(super) fn left_to_drain(&self) -> io::Result<i64> {
        let queues = self.sockets().map(Socket::waiting_at_most);
        let queued = i64::from(queues.sum::<io::Result<u32>>()?);
        // Of several threads, the first sets the count.
        let left = &self.left_to_drain;
        let _ = left.compare_exchange(SERVING, queued, Relaxed, Relaxed);
        Ok(left.fetch_min(queued, Relaxed).min(queued))
    }

    pub(super) fn count_taken(&self, client: &TcpStream) {
        trace::accepted(client);
        errors::accepted();
        let one_less = |left: i64| (left > 0).then(|| left - 1);
        // Before the stop there is nothing to count, which is no error.
        let _ = self.left_to_drain.fetch_update(Relaxed, Relaxed, one_less);
    }
    // ANCHOR_END: drain
}

impl Acceptor for Listener {
    fn accept_while(&self, meanwhile: &mut dyn FnMut()) -> Accepted {
        Self::accept_while(self, meanwhile)
    }

    fn listener(&self) -> Option<&Self> {
        Some(self)
    }
}

#[cfg(test)]
#[path = "listener_tests.rs"]
mod tests;
