//! An answer's framing, free of I/O: bytes in, and word when it is whole (RFC 9112).
//!
//! The body is counted and never kept. What is kept is a head that came in pieces, in a buffer
//! that is reused, so that the steady state allocates nothing.

use std::mem::MaybeUninit;

use httparse::{Header, ParserConfig, Status};

use super::chunked::Chunked;

/// Longer heads are refused as bad responses.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// More header fields are refused as bad responses.
const FIELDS_MAX: usize = 100;

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

/// The answer is not HTTP/1.x, or its framing contradicts itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

/// What is to be known of a whole answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Answer {
    /// 200 to 999; interim answers (1xx) are skipped.
    pub(super) status: u16,
    /// Whether the server keeps the connection for another request.
    pub(super) reusable: bool,
    /// The body's length without its framing.
    pub(super) body_bytes: u64,
    /// Bytes that came after the answer, to which nobody asked a question.
    pub(super) surplus_bytes: usize,
}

impl Response {
    /// Forgets the last answer.
    pub(super) fn reset(&mut self) {
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

    /// Takes note that the server has closed; the answer if that is what made it whole.
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
                Err(Malformed)
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

/// How the end of a body is found (RFC 9112 section 6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    /// A 1xx: no body, and the real answer is still to come.
    Interim,
    Length(u64),
    Chunked,
    UntilClose,
}

#[derive(Debug)]
struct Head {
    bytes: usize,
    status: u16,
    reusable: bool,
    framing: Framing,
}

impl Head {
    fn parse(bytes: &[u8]) -> Result<Option<Self>, Malformed> {
        let mut space = [const { MaybeUninit::uninit() }; FIELDS_MAX];
        let mut response = httparse::Response::new(&mut []);
        let parsed = ParserConfig::default().parse_response_with_uninit_headers(
            &mut response,
            bytes,
            &mut space,
        );
        let Status::Complete(length) = parsed.map_err(|_| Malformed)? else {
            return Ok(None);
        };
        let status = response.code.ok_or(Malformed)?;
        let fields = Fields::read(response.headers)?;
        let persistent = response.version == Some(1) && !fields.close || fields.keep_alive;
        let framing = fields.framing(status)?;
        let reusable = persistent && framing != Framing::UntilClose;
        Ok(Some(Self {
            bytes: length,
            status,
            reusable,
            framing,
        }))
    }
}

/// The header fields that framing and persistence depend on.
#[derive(Debug, Default)]
struct Fields {
    length: Option<u64>,
    chunked: bool,
    other_coding: bool,
    close: bool,
    keep_alive: bool,
}

impl Fields {
    fn read(headers: &[Header<'_>]) -> Result<Self, Malformed> {
        let mut fields = Self::default();
        for Header { name, value } in headers {
            if name.eq_ignore_ascii_case("content-length") {
                fields.set_length(value)?;
            } else if name.eq_ignore_ascii_case("connection") {
                fields.close |= list(value).any(|item| item.eq_ignore_ascii_case(b"close"));
                fields.keep_alive |=
                    list(value).any(|item| item.eq_ignore_ascii_case(b"keep-alive"));
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                // Only the last coding frames the body.
                fields.chunked = list(value)
                    .last()
                    .is_some_and(|last| last.eq_ignore_ascii_case(b"chunked"));
                fields.other_coding = !fields.chunked;
            }
        }
        fields.keep_alive &= !fields.close;
        Ok(fields)
    }

    /// Content-Length is digits; a second one must agree with the first (RFC 9110 section 8.6).
    fn set_length(&mut self, value: &[u8]) -> Result<(), Malformed> {
        if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
            return Err(Malformed);
        }
        let digits = str::from_utf8(value).map_err(|_| Malformed)?;
        let length = digits.parse().map_err(|_| Malformed)?;
        match self.length.replace(length) {
            Some(other) if other != length => Err(Malformed),
            _ => Ok(()),
        }
    }

    fn framing(&self, status: u16) -> Result<Framing, Malformed> {
        match status {
            // Nobody asked to switch protocols.
            0..=99 | 101 => Err(Malformed),
            100..=199 => Ok(Framing::Interim),
            204 | 304 => Ok(Framing::Length(0)),
            // Two framings at once are how responses are smuggled.
            _ if self.chunked && self.length.is_some() => Err(Malformed),
            _ if self.chunked => Ok(Framing::Chunked),
            _ if self.other_coding => Ok(Framing::UntilClose),
            _ => Ok(self.length.map_or(Framing::UntilClose, Framing::Length)),
        }
    }
}

fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii)
}

#[cfg(test)]
#[path = "response_tests.rs"]
mod tests;
