//! A client of a ring: what stays here, and what goes to the ring with each operation.

use std::collections::VecDeque;
use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;

use crate::http::{Conn, Unsent, Want};
use crate::sys::uring::Parcel;

/// Octets of a file that are read at a time.
const PART_SIZE: u64 = 64 * 1024;

/// A connection as the loop keeps it, until nothing is in flight for it any more.
pub(super) struct Client {
    pub(super) socket: TcpStream,
    /// The ring has it while something is being sent, or read from a file.
    pub(super) session: Option<Box<Session>>,
    pub(super) receiving: Receiving,
    /// What has arrived before it was wanted.
    pub(super) early: VecDeque<u8>,
    /// Something has arrived, at any time.
    pub(super) has_begun: bool,
    /// Nothing more will arrive.
    pub(super) has_ended: bool,
    /// Over, but for what is still in flight.
    pub(super) is_closing: bool,
    /// Of the session, wherever that is.
    pub(super) deadline: Option<Instant>,
}

/// What is in flight to receive from a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Receiving {
    Nothing,
    /// One completion will come.
    Once,
    /// A completion will come whenever something has arrived.
    Many,
    /// It was asked to end, which takes a last completion.
    Ending,
}

/// The state of a connection and, with it, the memory that is sent or read into.
pub struct Session {
    pub(super) conn: Conn<'static>,
    /// The part of a file that is being sent, and how much of it has been.
    part: Vec<u8>,
    part_sent: usize,
}

impl Client {
    pub(super) fn new(socket: TcpStream, conn: Conn<'static>) -> Self {
        let session = Session {
            conn,
            part: Vec::new(),
            part_sent: 0,
        };
        Self {
            socket,
            session: Some(Box::new(session)),
            receiving: Receiving::Nothing,
            early: VecDeque::new(),
            has_begun: false,
            has_ended: false,
            is_closing: false,
            deadline: None,
        }
    }

    /// Whether it is closing and nothing is in flight for it any more.
    pub(super) fn is_over(&self) -> bool {
        self.is_closing && self.session.is_none() && self.receiving == Receiving::Nothing
    }

    /// Octets have arrived. As many as are wanted go to where they belong, the others wait.
    pub(super) fn arrived(&mut self, octets: &[u8], now: Instant) {
        if self.is_closing {
            return;
        }
        self.has_begun = true;
        let taken = match &mut self.session {
            Some(session) if self.early.is_empty() => feed(&mut session.conn, octets, now),
            _ => 0,
        };
        let rest = &octets[taken..];
        if !rest.is_empty() {
            // Left to itself it would take up to twice as much.
            self.early.reserve_exact(rest.len());
            self.early.extend(rest);
        }
    }
}

/// What has arrived early is wanted now.
pub(super) fn catch_up(conn: &mut Conn, early: &mut VecDeque<u8>, now: Instant) {
    let (first, _) = early.as_slices();
    let taken = feed(conn, first, now);
    early.drain(..taken);
    if early.is_empty() {
        *early = VecDeque::new();
    }
}

/// Gives a connection what it wants of `octets`: how many it took.
fn feed(conn: &mut Conn, octets: &[u8], now: Instant) -> usize {
    let mut left = octets;
    while !left.is_empty() && conn.want() == Want::Read {
        let space = conn.space();
        let count = left.len().min(space.len());
        let (taken, rest) = left.split_at(count);
        space[..count].copy_from_slice(taken);
        conn.received(count, now);
        left = rest;
    }
    octets.len() - left.len()
}

impl Session {
    /// Whether a part of a file has to be read before something can be sent.
    pub(super) fn lacks_part(&self) -> bool {
        self.part_sent == self.part.len() && matches!(self.conn.unsent(), Unsent::File { .. })
    }

    /// `count` octets of a file are there; none mean that it has shrunk.
    pub(super) fn read(&mut self, count: usize, now: Instant) {
        self.part.truncate(count);
        if count == 0 {
            self.conn.sent(0, now);
        }
    }

    /// `count` octets have been sent.
    pub(super) fn sent(&mut self, count: usize, now: Instant) {
        if self.part_sent < self.part.len() && matches!(self.conn.unsent(), Unsent::File { .. }) {
            self.part_sent += count;
        }
        self.conn.sent(count, now);
    }

    /// An answer has been sent, and what it took is not needed any more.
    pub(super) fn give_back(&mut self) {
        if self.part.capacity() > 0 {
            (self.part, self.part_sent) = (Vec::new(), 0);
        }
    }
}

// ANCHOR: parcel
impl Parcel for Session {
    fn bytes(&self) -> &[u8] {
        match self.conn.unsent() {
            Unsent::Bytes(bytes) => bytes,
            Unsent::File { .. } => &self.part[self.part_sent..],
        }
    }

    fn part(&mut self) -> Option<(BorrowedFd<'_>, u64, &mut [u8])> {
        let Unsent::File {
            file,
            offset,
            length,
        } = self.conn.unsent()
        else {
            return None;
        };
        self.part.resize(length.min(PART_SIZE) as usize, 0);
        self.part_sent = 0;
        Some((file.as_fd(), offset, &mut self.part))
    }
}
// ANCHOR_END: parcel
