//! One connection's worth of load: the system calls, and nothing of when to make them.

use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::epoll::{Epoll, EpollEvent, EpollFlags};
use nix::sys::socket::{getsockopt, sockopt};
use nix::unistd;

use super::Failure;
use super::destination::{Destination, Requests};
use super::malformed::Malformed;
use super::response::{Answer, Response};
use super::traced::Traced;
use crate::trace::{self, Event};

/// One client: at most one connection, with at most one request in flight.
#[derive(Default)]
pub(super) struct Client {
    socket: Option<OwnedFd>,
    phase: Phase,
    response: Response,
    /// The kind of the request in flight, and whether it is the last of its connection.
    request: (usize, bool),
    /// The address of the target that this connection is made to, and how many others it has
    /// tried in vain.
    address: usize,
    attempt: usize,
    /// What epoll was last told about the socket, if it knows it.
    armed: Option<EpollFlags>,
    /// Whole requests that the connection has carried.
    carried: u64,
    /// Set when a connection is established, for the event loop to take.
    pub(super) just_connected: bool,
    /// Why the last answer could not be read.
    pub(super) malformed: Option<Malformed>,
    /// Connections established so far.
    pub(super) opened: u64,
    /// Bytes received so far.
    pub(super) bytes: u64,
    /// Records what happens, if the plan asks for it.
    pub(super) traced: Option<Box<Traced>>,
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

/// What all clients of a thread use in turn.
pub(super) struct Tools {
    pub(super) destination: Destination,
    pub(super) requests: Requests,
    pub(super) buffer: Box<[u8]>,
}

impl Client {
    pub(super) fn is_connected(&self) -> bool {
        self.socket.is_some()
    }

    /// Whether a connection is under way and not there yet.
    pub(super) fn is_connecting(&self) -> bool {
        self.socket.is_some() && self.phase == Phase::Connecting
    }

    /// Whole requests that the present connection has carried.
    pub(super) fn carried(&self) -> u64 {
        self.carried
    }

    /// Whether a byte of the answer has arrived.
    pub(super) fn has_first_byte(&self) -> bool {
        self.response.started()
    }

    /// Sends a request of this kind, over a new connection if there is none.
    pub(super) fn ask(
        &mut self,
        kind: usize,
        is_last: bool,
        tools: &Tools,
    ) -> Result<Step, Failure> {
        self.request = (kind, is_last);
        self.response.reset(tools.requests.is_head(kind));
        if self.socket.is_some() {
            self.phase = Phase::Sending(0);
            self.send(tools)
        } else {
            self.attempt = 0;
            self.address = tools.destination.preferred();
            self.connect(tools)
        }
    }

    /// Begins a connection that no request needs yet, to the address that is tried first.
    pub(super) fn open(&mut self, tools: &Tools) {
        self.attempt = 0;
        self.address = tools.destination.preferred();
        let connected = tools.destination.connect(self.address, &mut self.socket);
        if !matches!(connected, Ok(()) | Err(Errno::EINPROGRESS)) {
            self.close();
        }
    }

    /// Waits for a connection that [`Self::open`] has begun. One that is not there in time is
    /// closed, and the request that needs it opens it again.
    pub(super) fn complete(&mut self, tools: &Tools, limit: Duration) {
        let Some(socket) = &self.socket else {
            return;
        };
        let mut polled = [PollFd::new(socket.as_fd(), PollFlags::POLLOUT)];
        let limit = PollTimeout::try_from(limit).unwrap_or(PollTimeout::MAX);
        let is_there =
            poll(&mut polled, limit) == Ok(1) && getsockopt(socket, sockopt::SocketError) == Ok(0);
        if !is_there {
            self.close();
            return;
        }
        self.phase = Phase::Receiving;
        self.opened += 1;
        tools.destination.settle(self.address);
    }

    /// Continues after the socket has become ready.
    pub(super) fn advance(&mut self, tools: &mut Tools) -> Result<Step, Failure> {
        match self.phase {
            Phase::Receiving => self.receive(&mut tools.buffer),
            Phase::Connecting | Phase::Sending(_) => self.send(tools),
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
        if self.socket.is_some() {
            self.note(Event::Closed);
        }
        self.socket = None;
        self.armed = None;
        std::mem::take(&mut self.carried) > 0
    }

    /// Records an event of this moment, if this client is traced.
    pub(super) fn note(&mut self, event: Event) {
        if let Some(traced) = &mut self.traced {
            traced.note(event);
        }
    }

    /// Gives up the address that does not answer and tries the next, if there is one.
    pub(super) fn try_next_address(&mut self, tools: &Tools) -> Result<Step, Failure> {
        if !self.has_next_address(tools) {
            return Err(Failure::Timeout);
        }
        self.turn_to_next_address(tools);
        self.connect(tools)
    }

    fn turn_to_next_address(&mut self, tools: &Tools) {
        self.attempt += 1;
        self.address = (self.address + 1) % tools.destination.addresses();
        self.close();
    }

    /// Whether the target has an address that this connection has not tried.
    pub(super) fn has_next_address(&self, tools: &Tools) -> bool {
        self.attempt + 1 < tools.destination.addresses()
    }

    /// Connects without waiting, and sends without asking whether the connection is there: over
    /// loopback it always is when connect(2) returns, even though that says EINPROGRESS. Where it
    /// is not, write(2) says EAGAIN while the handshake lasts, and then how it failed.
    ///
    /// An address that refuses is no failure while there is another to try.
    fn connect(&mut self, tools: &Tools) -> Result<Step, Failure> {
        loop {
            self.phase = Phase::Connecting;
            let began = self.traced.as_ref().map_or(0, |_| trace::monotonic_ns());
            let connected = tools.destination.connect(self.address, &mut self.socket);
            if let Some(traced) = &mut self.traced {
                traced.connecting(self.socket.as_ref(), began);
            }
            let failure = match connected {
                Ok(()) | Err(Errno::EINPROGRESS) => match self.send_first(tools) {
                    Ok(step) => return Ok(step),
                    Err(failure) => failure,
                },
                Err(errno) => Failure::of(errno, false),
            };
            if failure != Failure::Refused || !self.has_next_address(tools) {
                return Err(failure);
            }
            self.turn_to_next_address(tools);
        }
    }

    /// Sends, and turns to the next address if that shows that the connection was refused.
    fn send(&mut self, tools: &Tools) -> Result<Step, Failure> {
        let was_connecting = self.phase == Phase::Connecting;
        match self.send_first(tools) {
            Err(Failure::Refused) if was_connecting && self.has_next_address(tools) => {
                self.try_next_address(tools)
            }
            sent => sent,
        }
    }

    fn send_first(&mut self, tools: &Tools) -> Result<Step, Failure> {
        let Some(socket) = &self.socket else {
            return Err(Failure::ClientOther);
        };
        let sent = match self.phase {
            Phase::Sending(sent) => sent,
            _ => 0,
        };
        let (kind, is_last) = self.request;
        let request = tools.requests.bytes(kind, is_last);
        let now = match unistd::write(socket, &request[sent..]) {
            Err(Errno::EAGAIN | Errno::EINTR) => return Ok(Step::Wait(EpollFlags::EPOLLOUT)),
            written => written.map_err(|errno| Failure::of(errno, false))?,
        };
        if self.phase == Phase::Connecting {
            self.opened += 1;
            self.just_connected = true;
            tools.destination.settle(self.address);
            self.note(Event::Connected);
        }
        if sent + now < request.len() {
            self.phase = Phase::Sending(sent + now);
            return Ok(Step::Wait(EpollFlags::EPOLLOUT));
        }
        self.phase = Phase::Receiving;
        self.carried += 1;
        self.note(Event::Sent);
        Ok(Step::Wait(EpollFlags::EPOLLIN))
    }

    /// Reads once. If there is more, epoll reports it; once the answer is whole, another read
    /// would only return EAGAIN.
    fn receive(&mut self, buffer: &mut [u8]) -> Result<Step, Failure> {
        let Some(socket) = &self.socket else {
            return Err(Failure::ClientOther);
        };
        let answer = match unistd::read(socket, buffer) {
            Ok(0) => Some(self.response.end().ok_or(Failure::ClosedEarly)?),
            Ok(count) => {
                self.bytes += count as u64;
                if let Some(traced) = &mut self.traced {
                    traced.received();
                }
                self.response.feed(&buffer[..count]).map_err(|malformed| {
                    self.malformed = Some(malformed);
                    Failure::BadResponse
                })?
            }
            Err(Errno::EAGAIN | Errno::EINTR) => None,
            Err(errno) => return Err(Failure::of(errno, self.response.started())),
        };
        if answer.is_some() {
            self.note(Event::Answered);
        }
        Ok(answer.map_or(Step::Wait(EpollFlags::EPOLLIN), Step::Answered))
    }
}
