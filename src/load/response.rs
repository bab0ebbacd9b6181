//! An answer's framing, free of I/O: bytes in, the answer out once it is whole (RFC 9112).
//!
//! The body is counted and never kept. A head that comes in pieces is kept in a buffer that is
//! reused, so that the steady state allocates nothing.

use super::chunked::Chunked;
use super::head::{Framing, Head};
use super::malformed::Malformed;

/// Longer heads are refused as bad responses.
pub const HEAD_BYTES_MAX: usize = 64 * 1024;

/// The answer to one request, as far as it has come. [`Response::reset`] makes it ready for the
/// next.
#[derive(Debug, Default)]
pub(super) struct Response {
    state: State,
    /// The bytes of a head that has not come whole yet.
    head: Vec<u8>,
    started: bool,
    status: u16,
    reusable: bool,
    /// Whether it answers a HEAD request, and therefore has no body.
    is_to_head: bool,
    body_bytes: u64,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Head,
    /// So many bytes of the body are still to come.
    Length(u64),
    Chunked(Chunked),
    UntilClose,
    Done,
}

/// The part of a whole answer that the event loop judges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Answer {
    /// 200 to 999; interim answers (1xx) are skipped.
    pub(super) status: u16,
    /// Whether the server keeps the connection for another request.
    pub(super) reusable: bool,
    /// The body's length without its framing.
    pub(super) body_bytes: u64,
    /// Bytes that came after the answer, though no other request was sent.
    pub(super) surplus_bytes: usize,
}

impl Response {
    /// Forgets the last answer; the next one is to a HEAD request or not.
    pub(super) fn reset(&mut self, is_to_head: bool) {
        self.is_to_head = is_to_head;
        self.state = State::Head;
        self.head.clear();
        self.started = false;
        self.body_bytes = 0;
    }

    /// Whether a byte of the answer has arrived.
    pub(super) fn started(&self) -> bool {
        self.started
    }

    /// Takes the bytes of one read; the answer once it is whole.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Result<Option<Answer>, Malformed> {
        self.started |= !bytes.is_empty();
        let mut rest = bytes;
        // More than one head, where interim answers come first.
        while self.state == State::Head && !rest.is_empty() {
            rest = self.feed_head(rest)?;
        }
        let surplus_bytes = self.feed_body(rest)?;
        Ok((self.state == State::Done).then(|| self.answer(surplus_bytes)))
    }

    /// The server has closed the connection. Returns the answer if the close is what ends it.
    pub(super) fn end(&mut self) -> Option<Answer> {
        (self.state == State::UntilClose).then(|| self.answer(0))
    }

    fn answer(&self, surplus_bytes: usize) -> Answer {
        let Self {
            status,
            reusable,
            body_bytes,
            ..
        } = *self;
        Answer {
            status,
            reusable,
            body_bytes,
            surplus_bytes,
        }
    }

    /// Returns what follows the head, or nothing while the head is not whole.
    fn feed_head<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], Malformed> {
        if self.head.is_empty() {
            let Some(head) = Head::parse(bytes)? else {
                self.head.extend_from_slice(bytes);
                return Ok(&[]);
            };
            self.begin_body(&head);
            return Ok(&bytes[head.bytes..]);
        }
        let known = self.head.len();
        self.head.extend_from_slice(bytes);
        let Some(head) = Head::parse(&self.head)? else {
            return if self.head.len() > HEAD_BYTES_MAX {
                Err(Malformed {
                    reason: "the head is longer than 64 KiB, the limit of this client",
                })
            } else {
                Ok(&[])
            };
        };
        self.begin_body(&head);
        self.head.clear();
        // A head that was whole before these bytes would have been taken then.
        Ok(&bytes[head.bytes - known..])
    }

    fn begin_body(&mut self, head: &Head) {
        (self.status, self.reusable) = (head.status, head.reusable);
        self.state = match head.framing {
            Framing::Interim => State::Head,
            _ if self.is_to_head => State::Done,
            Framing::Length(0) => State::Done,
            Framing::Length(bytes) => State::Length(bytes),
            Framing::Chunked => State::Chunked(Chunked::START),
            Framing::UntilClose => State::UntilClose,
        };
    }

    /// Returns the number of bytes that lie beyond the body.
    fn feed_body(&mut self, bytes: &[u8]) -> Result<usize, Malformed> {
        let taken = match &mut self.state {
            State::Head | State::Done => 0,
            State::UntilClose => {
                self.body_bytes += bytes.len() as u64;
                bytes.len()
            }
            State::Length(left) => {
                let now = (*left).min(bytes.len() as u64);
                *left -= now;
                self.body_bytes += now;
                now as usize
            }
            State::Chunked(chunked) => {
                let (taken, data) = chunked.feed(bytes)?;
                self.body_bytes += data;
                taken
            }
        };
        if matches!(self.state, State::Length(0) | State::Chunked(Chunked::Done)) {
            self.state = State::Done;
        }
        Ok(bytes.len() - taken)
    }
}

#[cfg(test)]
#[path = "response_tests.rs"]
mod tests;
