//! One listening socket: a TCP port or a Unix socket.

use std::io;
use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use crate::sys::address::Address;
use crate::sys::log::Level;
use crate::sys::quota::Quota;
use crate::sys::{net, reuseport};

/// No blocking call on a socket lasts longer than this without a look at the clock and at the
/// request to stop. A signal that comes between the look and the call is noticed this much later.
pub const TICK: Duration = Duration::from_millis(250);

/// A listening socket and what does not change about it.
pub(super) struct Socket {
    descriptor: OwnedFd,
    address: Address,
    queue_limit: u32,
}

impl Socket {
    /// A socket that listens already.
    pub(super) fn adopt(descriptor: OwnedFd) -> io::Result<Self> {
        net::set_inherited(&descriptor, TICK)?;
        let address = net::local_address(&descriptor);
        let address = address.ok_or_else(|| io::Error::other("a listener without an address"))?;
        let queue_limit = match address {
            Address::Tcp(_) => net::accept_queue_limit(&descriptor)?,
            // The kernel does not report the limit of a Unix socket, but it caps it.
            Address::Unix(_) => net::queue_limit_of(i32::MAX),
        };
        Ok(Self {
            descriptor,
            address,
            queue_limit,
        })
    }

    /// Another socket at the same address, with an accept queue of its own.
    pub(super) fn beside(&self) -> io::Result<Self> {
        let address = self.address.tcp().ok_or(io::ErrorKind::Unsupported)?;
        Self::adopt(reuseport::listen_beside(&self.descriptor, address)?)
    }

    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    pub(super) fn queue_limit(&self) -> u32 {
        self.queue_limit
    }

    /// The next connection. Reads and writes of the client block for a tick at most.
    ///
    /// Only TCP connections inherit that from their listener. A Unix connection does not block at
    /// all, and its driver waits with `poll`: the sandbox refuses to set options of sockets,
    /// because the listener is one.
    #[inline]
    pub(super) fn accept(&self) -> nix::Result<TcpStream> {
        match self.address {
            Address::Tcp(_) => net::accept(&self.descriptor),
            Address::Unix(_) => net::accept_nonblocking(&self.descriptor),
        }
    }

    /// The next connection, which does not block.
    #[inline]
    pub(super) fn accept_nonblocking(&self) -> nix::Result<TcpStream> {
        net::accept_nonblocking(&self.descriptor)
    }

    pub(super) fn set_nonblocking(&self) -> nix::Result<()> {
        net::set_nonblocking(&self.descriptor, true)
    }

    /// Clears O_NONBLOCK if a process that shares the socket has set it.
    pub(super) fn make_blocking(&self) -> nix::Result<()> {
        net::set_nonblocking(&self.descriptor, false)
    }

    /// Connections that wait in the accept queue. Of a Unix socket the kernel only says whether
    /// any does, so it counts as one at most.
    pub(super) fn waiting(&self) -> io::Result<u32> {
        match self.address {
            Address::Tcp(_) => Ok(net::accept_queue_length(&self.descriptor)?),
            Address::Unix(_) => Ok(net::is_readable(&self.descriptor)?.into()),
        }
    }

    /// The most connections that may wait now: for a Unix socket, as many as its queue takes.
    pub(super) fn waiting_at_most(&self) -> io::Result<u32> {
        match (&self.address, self.waiting()?) {
            (Address::Unix(_), 1..) => Ok(self.queue_limit),
            (_, waiting) => Ok(waiting),
        }
    }

    /// See [`super::Listener::reopen_if_shut`].
    pub(super) fn reopen_if_shut(&self) -> io::Result<()> {
        if net::is_listening(&self.descriptor) {
            return Ok(());
        }
        let address = &self.address;
        REOPENED.log(format_args!(
            "a worker has shut down the listener of {address}; it listens again"
        ));
        let backlog = i32::try_from(self.queue_limit).unwrap_or(i32::MAX);
        Ok(net::listen_again(&self.descriptor, address, backlog)?)
    }
}

/// A worker that a client has taken over can shut it down again and again.
static REOPENED: Quota = Quota::new(Level::Warn, "listeners that were shut down");

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}
