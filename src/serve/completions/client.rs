//! A client of a ring: what the loop keeps, and what goes to the kernel with each operation.

use std::collections::VecDeque;
use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;

use crate::http::{Conn, Unsent, Want};
use crate::sys::uring::Parcel;

/// Bytes of a file that are read at a time.
const PART_SIZE: u64 = 64 * 1024;

/// A connection as the loop keeps it, until nothing is in flight for it any more.
pub(super) struct Client {
    pub(super) socket: TcpStream,
    /// `None` while the kernel has it, to send from it or to read a file into it.
    pub(super) session: Option<Box<Session>>,
    pub(super) receiving: Receiving,
    /// Bytes that arrived before the connection wanted them.
    pub(super) early: VecDeque<u8>,
    /// At least one byte has arrived since the connection began.
    pub(super) has_begun: bool,
    /// No further byte will arrive.
    pub(super) has_ended: bool,
    /// The connection is over; operations may still be in flight.
    pub(super) is_closing: bool,
    /// The session's deadline, known even while the kernel has the session.
    pub(super) deadline: Option<Instant>,
}

/// The operation that receives from a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Receiving {
    Nothing,
    /// One completion will come.
    Once,
    /// A completion will come whenever bytes have arrived (multishot).
    Many,
    /// It was cancelled; its last completion is still to come.
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

    /// Bytes have arrived. The connection gets as many as it wants; the others wait.
    pub(super) fn arrived(&mut self, bytes: &[u8], now: Instant) {
        if self.is_closing {
            return;
        }
        self.has_begun = true;
        let taken = match &mut self.session {
            Some(session) if self.early.is_empty() => feed(&mut session.conn, bytes, now),
            _ => 0,
        };
        let rest = &bytes[taken..];
        if !rest.is_empty() {
            // By itself the queue would grow to up to twice as much.
            self.early.reserve_exact(rest.len());
            self.early.extend(rest);
        }
    }
}

/// Gives the connection the bytes that arrived early.
pub(super) fn catch_up(conn: &mut Conn, early: &mut VecDeque<u8>, now: Instant) {
    let (first, _) = early.as_slices();
    let taken = feed(conn, first, now);
    early.drain(..taken);
    if early.is_empty() {
        *early = VecDeque::new();
    }
}

/// Gives a connection what it wants of `bytes`. Returns how many it took.
fn feed(conn: &mut Conn, bytes: &[u8], now: Instant) -> usize {
    let mut left = bytes;
    while !left.is_empty() && conn.want() == Want::Read {
        let space = conn.space();
        let count = left.len().min(space.len());
        let (taken, rest) = left.split_at(count);
        space[..count].copy_from_slice(taken);
        conn.received(count, now);
        left = rest;
    }
    bytes.len() - left.len()
}

impl Session {
    /// Whether a part of a file has to be read before something can be sent.
    pub(super) fn lacks_part(&self) -> bool {
        self.part_sent == self.part.len() && matches!(self.conn.unsent(), Unsent::File { .. })
    }

    /// `count` bytes of a file have been read; 0 means that the file has shrunk.
    pub(super) fn read(&mut self, count: usize, now: Instant) {
        self.part.truncate(count);
        if count == 0 {
            self.conn.sent(0, now);
        }
    }

    /// `count` bytes have been sent.
    pub(super) fn sent(&mut self, count: usize, now: Instant) {
        if self.part_sent < self.part.len() && matches!(self.conn.unsent(), Unsent::File { .. }) {
            self.part_sent += count;
        }
        self.conn.sent(count, now);
    }

    /// An answer has been sent: frees the memory that it took.
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
