//! One connection's worth of load: the system calls, and nothing of when to make them.

use std::cell::Cell;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollEvent, EpollFlags};
use nix::sys::socket::{self, AddressFamily, SockFlag, SockType, SockaddrStorage, sockopt};
use nix::unistd;

use super::response::{Answer, Response};
use super::{Failure, Plan, Target};

/// What every client of a run asks, and of whom.
pub(super) struct Question {
    family: AddressFamily,
    address: SockaddrStorage,
    request: Vec<u8>,
    keep_alive: bool,
    /// Where connections come from, in turn; empty leaves it to the kernel.
    sources: Vec<SockaddrStorage>,
    next_source: Cell<usize>,
}

/// One client: at most one connection, with at most one request in flight.
#[derive(Default)]
pub(super) struct Client {
    socket: Option<OwnedFd>,
    phase: Phase,
    response: Response,
    /// What epoll was last told about the socket, if it knows it.
    armed: Option<EpollFlags>,
    /// Whether the connection has carried a whole request.
    carried: bool,
    /// Connections established so far.
    pub(super) opened: u64,
    /// Bytes received so far.
    pub(super) bytes: u64,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Phase {
    #[default]
    Connecting,
    /// So many bytes of the request are sent.
    Sending(usize),
    Receiving,
}

/// How far a client has come by itself.
pub(super) enum Step {
    /// Nothing more to do until the socket is ready for this.
    Wait(EpollFlags),
    Answered(Answer),
}

impl Question {
    pub(super) fn new(plan: &Plan) -> Self {
        let Target {
            address,
            authority,
            path,
        } = &plan.target;
        let close = if plan.keep_alive {
            ""
        } else {
            "Connection: close\r\n"
        };
        Self {
            family: match address {
                SocketAddr::V4(_) => AddressFamily::Inet,
                SocketAddr::V6(_) => AddressFamily::Inet6,
            },
            address: SockaddrStorage::from(*address),
            request: format!("GET {path} HTTP/1.1\r\nHost: {authority}\r\n{close}\r\n").into(),
            keep_alive: plan.keep_alive,
            sources: plan
                .sources
                .iter()
                .map(|&source| SockaddrStorage::from(SocketAddr::new(source, 0)))
                .collect(),
            next_source: Cell::new(0),
        }
    }

    /// Nagle's algorithm delays a small write only behind an unacknowledged one. A connection for
    /// a single request has none, so it is spared the system call.
    fn connect(&self, socket: &OwnedFd) -> Result<(), Errno> {
        if self.keep_alive {
            socket::setsockopt(socket, sockopt::TcpNoDelay, &true)?;
        }
        if !self.sources.is_empty() {
            self.bind(socket)?;
        }
        socket::connect(socket.as_raw_fd(), &self.address)
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

impl Client {
    pub(super) fn is_connected(&self) -> bool {
        self.socket.is_some()
    }

    /// Sends the request, over a new connection if there is none.
    pub(super) fn ask(&mut self, question: &Question) -> Result<Step, Failure> {
        self.response.reset();
        if self.socket.is_some() {
            self.phase = Phase::Sending(0);
            self.send(question)
        } else {
            self.connect(question)
        }
    }

    /// Goes on after the socket has become ready.
    pub(super) fn go_on(
        &mut self,
        question: &Question,
        buffer: &mut [u8],
    ) -> Result<Step, Failure> {
        match self.phase {
            Phase::Receiving => self.receive(buffer),
            Phase::Connecting | Phase::Sending(_) => self.send(question),
        }
    }

    /// Tells epoll what to wait for, unless it knows already.
    pub(super) fn arm(&mut self, epoll: &Epoll, token: u64, on: EpollFlags) -> Result<(), Failure> {
        let Some(socket) = self.socket.as_ref().filter(|_| self.armed != Some(on)) else {
            return Ok(());
        };
        let mut event = EpollEvent::new(on, token);
        let told = match self.armed.replace(on) {
            None => epoll.add(socket, event),
            Some(_) => epoll.modify(socket, &mut event),
        };
        told.map_err(|errno| Failure::of(errno, false))
    }

    /// Closes the connection, if there is one. Returns whether it ever carried a whole request.
    pub(super) fn close(&mut self) -> bool {
        self.socket = None;
        self.armed = None;
        std::mem::take(&mut self.carried)
    }

    /// Connects without waiting, and sends without asking whether the connection is there: over
    /// loopback it always is when connect(2) returns, even though that says EINPROGRESS. Where it
    /// is not, write(2) says EAGAIN while the handshake lasts, and then how it failed.
    fn connect(&mut self, question: &Question) -> Result<Step, Failure> {
        self.phase = Phase::Connecting;
        let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
        let connected = socket::socket(question.family, SockType::Stream, flags, None)
            .and_then(|socket| question.connect(self.socket.insert(socket)));
        match connected {
            Ok(()) | Err(Errno::EINPROGRESS) => self.send(question),
            Err(errno) => Err(Failure::of(errno, false)),
        }
    }

    fn send(&mut self, question: &Question) -> Result<Step, Failure> {
        let Some(socket) = &self.socket else {
            return Err(Failure::ClientOther);
        };
        let sent = match self.phase {
            Phase::Sending(sent) => sent,
            _ => 0,
        };
        let now = match unistd::write(socket, &question.request[sent..]) {
            Err(Errno::EAGAIN | Errno::EINTR) => return Ok(Step::Wait(EpollFlags::EPOLLOUT)),
            written => written.map_err(|errno| Failure::of(errno, false))?,
        };
        self.opened += u64::from(self.phase == Phase::Connecting);
        if sent + now < question.request.len() {
            self.phase = Phase::Sending(sent + now);
            return Ok(Step::Wait(EpollFlags::EPOLLOUT));
        }
        self.phase = Phase::Receiving;
        self.carried = true;
        Ok(Step::Wait(EpollFlags::EPOLLIN))
    }

    /// Reads once: epoll tells if there is more, and once the answer is whole nobody needs to hear
    /// that there is nothing.
    fn receive(&mut self, buffer: &mut [u8]) -> Result<Step, Failure> {
        let Some(socket) = &self.socket else {
            return Err(Failure::ClientOther);
        };
        let answer = match unistd::read(socket, buffer) {
            Ok(0) => Some(self.response.end().ok_or(Failure::ClosedEarly)?),
            Ok(count) => {
                self.bytes += count as u64;
                self.response
                    .feed(&buffer[..count])
                    .map_err(|_| Failure::BadResponse)?
            }
            Err(Errno::EAGAIN | Errno::EINTR) => None,
            Err(errno) => return Err(Failure::of(errno, self.response.started())),
        };
        Ok(answer.map_or(Step::Wait(EpollFlags::EPOLLIN), Step::Answered))
    }
}
