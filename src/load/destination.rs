//! Where connections lead, where they come from, and the bytes that they carry. One thread's own.

use std::cell::Cell;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{self, AddressFamily, SockFlag, SockType, SockaddrStorage};
use nix::sys::socket::{UnixAddr, sockopt};

use super::target::Address;
use super::{Error, Plan};

/// One address of the target, as connect(2) takes it.
enum Peer {
    Inet(AddressFamily, SockaddrStorage),
    Unix(UnixAddr),
}

/// What all clients of a thread need to open connections.
pub(super) struct Destination {
    peers: Vec<Peer>,
    /// The address that the last connection was made to, which the next one tries first.
    preferred: Cell<usize>,
    /// Whether `preferred` has been connected to, and not only guessed.
    settled: Cell<bool>,
    /// Whether connections carry more than one request.
    keep_alive: bool,
    /// Where connections come from, in turn; empty leaves it to the kernel.
    sources: Vec<SockaddrStorage>,
    next_source: Cell<usize>,
}

impl Destination {
    pub(super) fn new(plan: &Plan, thread: usize) -> Result<Self, Error> {
        let peers = plan.target.addresses.iter().map(Peer::new);
        let sources = plan.sources.iter();
        Ok(Self {
            peers: peers.collect::<Result<_, _>>()?,
            preferred: Cell::new(0),
            settled: Cell::new(false),
            keep_alive: plan.keep_alive && plan.requests_per_connection != Some(1),
            sources: sources
                .map(|&source| SockaddrStorage::from(SocketAddr::new(source, 0)))
                .collect(),
            next_source: Cell::new(thread % plan.sources.len().max(1)),
        })
    }

    /// How many addresses a connection may try.
    pub(super) fn addresses(&self) -> usize {
        self.peers.len()
    }

    /// The address that connections are made to, once there was one.
    pub(super) fn settled(&self) -> Option<usize> {
        self.settled.get().then(|| self.preferred.get())
    }

    /// The address that a new connection tries first.
    pub(super) fn preferred(&self) -> usize {
        self.preferred.get()
    }

    /// A connection to this address has succeeded.
    pub(super) fn settle(&self, address: usize) {
        self.preferred.set(address);
        self.settled.set(true);
    }

    /// Opens a socket and begins to connect it to this address.
    pub(super) fn connect(&self, address: usize, place: &mut Option<OwnedFd>) -> Result<(), Errno> {
        let peer = &self.peers[address];
        let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
        match peer {
            Peer::Unix(address) => {
                let opened = socket::socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
                socket::connect(place.insert(opened).as_raw_fd(), address)
            }
            Peer::Inet(family, address) => {
                let opened = socket::socket(*family, SockType::Stream, flags, None)?;
                let opened = place.insert(opened);
                // Nagle's algorithm delays a small write only behind an unacknowledged one. A
                // connection for a single request has none, so it is spared the system call.
                if self.keep_alive {
                    socket::setsockopt(opened, sockopt::TcpNoDelay, &true)?;
                }
                if !self.sources.is_empty() {
                    self.bind(opened)?;
                }
                socket::connect(opened.as_raw_fd(), address)
            }
        }
    }

    /// The port is left to connect(2), which may give the same one to connections that lead to
    /// different places: IP_BIND_ADDRESS_NO_PORT of ip(7).
    fn bind(&self, socket: &OwnedFd) -> Result<(), Errno> {
        let turn = self.next_source.get();
        self.next_source.set((turn + 1) % self.sources.len());
        socket::setsockopt(socket, sockopt::IpBindAddressNoPort, &true)?;
        socket::bind(socket.as_raw_fd(), &self.sources[turn])
    }
}

impl Peer {
    fn new(address: &Address) -> Result<Self, Error> {
        Ok(match address {
            Address::Inet(address) => {
                let family = match address {
                    SocketAddr::V4(_) => AddressFamily::Inet,
                    SocketAddr::V6(_) => AddressFamily::Inet6,
                };
                Self::Inet(family, SockaddrStorage::from(*address))
            }
            Address::Unix(path) => {
                let named = UnixAddr::new(path).map_err(|errno| Error::SocketPath {
                    path: path.clone(),
                    reason: errno.into(),
                });
                Self::Unix(named?)
            }
        })
    }
}

/// The bytes of each kind of request of the workload.
pub(super) struct Requests {
    kinds: Vec<Rendered>,
}

struct Rendered {
    /// With more requests to follow on the connection.
    kept: Vec<u8>,
    /// As the last request of its connection.
    last: Vec<u8>,
    is_head: bool,
}

impl Requests {
    pub(super) fn new(plan: &Plan) -> Self {
        let (authority, path) = (&plan.target.authority, &plan.target.path);
        let kinds = plan.workload.requests().iter().map(|kind| Rendered {
            kept: kind.render(authority, path, false),
            last: kind.render(authority, path, true),
            is_head: kind.is_head(),
        });
        Self {
            kinds: kinds.collect(),
        }
    }

    pub(super) fn bytes(&self, kind: usize, is_last: bool) -> &[u8] {
        let kind = &self.kinds[kind];
        if is_last { &kind.last } else { &kind.kept }
    }

    /// Whether answers to this kind have no body.
    pub(super) fn is_head(&self, kind: usize) -> bool {
        self.kinds[kind].is_head
    }
}
