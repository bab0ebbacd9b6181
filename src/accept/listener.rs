//! A listening socket. Every process or thread that holds it may accept from it.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::time::Duration;

use nix::errno::Errno;

use super::errors::{self, is_lasting, log_exhausted, recover};
use crate::sys::{net, reuseport, signal};

/// No blocking call on a socket lasts longer than this without a look at the clock and at the
/// request to stop. A signal that comes between the look and the call is noticed this much later.
pub const TICK: Duration = Duration::from_millis(250);

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

/// A listening socket. The port closes when the last process drops it.
pub struct Listener {
    socket: TcpListener,
    /// More listeners on the same port that were inherited with it; see [`Listener::with`].
    siblings: Vec<Self>,
    /// Kept for [`Listener::reopen_if_shut`].
    address: SocketAddr,
    queue_limit: u32,
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
    pub fn adopt(socket: TcpListener) -> io::Result<Self> {
        net::set_inherited(&socket, TICK)?;
        Ok(Self {
            address: socket.local_addr()?,
            queue_limit: net::accept_queue_limit(&socket)?,
            socket,
            siblings: Vec::new(),
            left_to_drain: AtomicI64::new(SERVING),
        })
    }

    /// Another listener on the same port, with an accept queue of its own of the same length.
    ///
    /// # Errors
    /// See [`reuseport::listen_beside`].
    pub fn beside(&self) -> io::Result<Self> {
        Self::adopt(reuseport::listen_beside(&self.socket)?)
    }

    /// This listener together with others on its port, in the order in which all of them began to
    /// listen. A process inherits several if its predecessor had a listener for each worker.
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

    /// The bare socket, without what this process knows of a stop.
    pub(super) fn into_socket(self) -> TcpListener {
        self.socket
    }

    /// The address, with the port that was picked.
    pub fn address(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }

    /// A process that shares the listener can shut it down (`shutdown(2)`), and then no process can
    /// accept any more. If that has happened, listens again. Connections that waited are lost.
    ///
    /// # Errors
    /// Another server has taken the port.
    pub(super) fn reopen_if_shut(&self) -> io::Result<()> {
        if net::is_listening(&self.socket) {
            return Ok(());
        }
        let address = self.address;
        crate::log!("a worker has shut down the listener of {address}; it listens again");
        let backlog = i32::try_from(self.queue_limit).unwrap_or(i32::MAX);
        Ok(net::listen_again(&self.socket, address, backlog)?)
    }

    /// Connections that the kernel lets wait here: the backlog, or net.core.somaxconn if that is
    /// less.
    pub fn queue_limit(&self) -> io::Result<u32> {
        Ok(self.queue_limit)
    }

    /// Connections that wait in the accept queue.
    pub fn waiting(&self) -> io::Result<u32> {
        Ok(net::accept_queue_length(&self.socket)?)
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
            match net::accept(&self.socket) {
                Ok(client) => {
                    self.count_taken();
                    return Ok(Some(client));
                }
                Err(Errno::EAGAIN) if self.is_draining() => {
                    // The other threads need not find out for themselves.
                    self.left_to_drain.store(0, Relaxed);
                    return Ok(None);
                }
                // After a tick, or at once if a process that shares the
                // listener has set O_NONBLOCK for all of them.
                Err(Errno::EAGAIN) => net::make_blocking(&self.socket)?,
                Err(error) => recover(error)?,
            }
        }
    }
    // ANCHOR_END: accept

    /// Whether this process takes no further connection from here: it was asked to stop and all
    /// that was in the accept queue then is taken, or this worker leaves.
    pub(super) fn is_finished(&self) -> io::Result<bool> {
        Ok(signal::retiring() || signal::stopping() && self.left_to_drain()? == 0)
    }

    /// One call of `accept`, for a master that takes clients for its workers.
    pub(super) fn accept_one(&self) -> nix::Result<TcpStream> {
        let client = net::accept(&self.socket)?;
        self.count_taken();
        Ok(client)
    }

    /// From now on no accept waits, in this process or in any other that holds the listener: the
    /// flag belongs to the open socket (`open(2)`). So it is for models whose processes all want
    /// it, each before its first accept.
    ///
    /// # Errors
    /// None that a listening socket knows.
    pub fn set_nonblocking(&self) -> io::Result<()> {
        self.socket.set_nonblocking(true)
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
            match net::accept_nonblocking(&self.socket) {
                Ok(client) => {
                    self.count_taken();
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
        let queued = i64::from(self.waiting()?);
        // Of several threads, the first sets the count.
        let left = &self.left_to_drain;
        let _ = left.compare_exchange(SERVING, queued, Relaxed, Relaxed);
        Ok(left.fetch_min(queued, Relaxed).min(queued))
    }

    pub(super) fn count_taken(&self) {
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

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use nix::fcntl::{FcntlArg, OFlag, fcntl};

    use super::*;

    /// A worker that a client has taken over could make the loops of all others spin.
    #[test]
    fn a_listener_that_does_not_wait_is_made_to_wait_again() {
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), 16).unwrap();
        listener.set_nonblocking().unwrap();
        let (mut calls, mut client) = (0, None);
        let accepted = listener.accept_while(|| {
            calls += 1;
            if calls == 2 {
                client = TcpStream::connect(listener.address().unwrap()).ok();
            }
        });
        assert!(accepted.unwrap().is_some());
        let flags = OFlag::from_bits_truncate(fcntl(&listener, FcntlArg::F_GETFL).unwrap());
        assert!(!flags.contains(OFlag::O_NONBLOCK));
    }
}
