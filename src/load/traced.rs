//! What a client of the generator records of itself, if the plan asks for a trace.

use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;

use nix::sys::socket::{SockaddrIn, SockaddrIn6, SockaddrStorage, getsockname};

use crate::trace::{Event, Record, Recorder, Side, monotonic_ns};

/// A client that records its events.
pub(super) struct Traced {
    recorder: Arc<Recorder>,
    /// The client's number, from 1.
    number: u32,
    /// The local port of its connection.
    port: u16,
    /// When the request in flight should have been sent.
    intended: u64,
    has_first_byte: bool,
}

impl Traced {
    pub(super) fn new(recorder: &Arc<Recorder>, number: usize) -> Self {
        Self {
            recorder: Arc::clone(recorder),
            number: u32::try_from(number).unwrap_or(u32::MAX),
            port: 0,
            intended: 0,
            has_first_byte: false,
        }
    }

    /// A request that should have been sent at `intended` begins.
    pub(super) fn asks(&mut self, intended: u64) {
        self.intended = intended;
        self.has_first_byte = false;
    }

    /// connect(2) was called at `began`, and has given the socket a port.
    pub(super) fn connecting(&mut self, socket: Option<&OwnedFd>, began: u64) {
        let name = socket.map(|it| getsockname::<SockaddrStorage>(it.as_raw_fd()));
        let port = name.and_then(Result::ok).and_then(|name| {
            let v4 = name.as_sockaddr_in().map(SockaddrIn::port);
            v4.or_else(|| name.as_sockaddr_in6().map(SockaddrIn6::port))
        });
        self.port = port.unwrap_or(0);
        self.add(Event::Connecting, began);
    }

    /// Bytes of an answer were read.
    pub(super) fn received(&mut self) {
        if !std::mem::replace(&mut self.has_first_byte, true) {
            self.note(Event::FirstByte);
        }
    }

    /// Records an event of this moment.
    pub(super) fn note(&mut self, event: Event) {
        self.add(event, monotonic_ns());
        if event == Event::Closed {
            self.port = 0;
        }
    }

    /// A client of a Unix socket has no port to be known by.
    fn add(&self, event: Event, ns: u64) {
        if self.port == 0 {
            return;
        }
        let has_intended = matches!(event, Event::Connecting | Event::Sent);
        self.recorder.add(&Record {
            port: self.port,
            client: Some(self.number),
            intended: has_intended.then_some(self.intended),
            ..Record::new(ns, Side::Client, event)
        });
    }
}
