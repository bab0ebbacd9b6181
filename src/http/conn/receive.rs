//! Receiving: from bytes to a complete request, or to a refusal.

use std::time::Instant;

use super::{Conn, Phase};
use crate::http::buffer::make_room;
use crate::http::chunked::Chunked;
use crate::http::framing::Framing;
use crate::http::refusal::Refusal;
use crate::http::scanner::Scanner;
use crate::http::status::Status;

/// Bytes of a body to make room for at a time: memory for a declared length is only allocated as
/// the body arrives.
const BODY_STEP: usize = 64 * 1024;

impl Conn<'_> {
    /// Where the next bytes go; not empty while the connection wants [`Want::Read`](super::Want).
    pub fn space(&mut self) -> &mut [u8] {
        match self.phase {
            Phase::Length { filled, total } => {
                let end = total.min(filled + BODY_STEP);
                if self.body.len() < end {
                    make_room(&mut self.body, end, total as u64);
                    self.body.resize(end, 0);
                }
                &mut self.body[filled..end]
            }
            _ => self.input.space(),
        }
    }

    /// Records that the caller has read `count` bytes, at least one, into [`Conn::space`].
    pub fn received(&mut self, count: usize, now: Instant) {
        // The time for a later head starts with its first byte; that for the first head started
        // with the connection.
        if self.answered > 0 && self.is_idle() {
            self.since = now;
        }
        match &mut self.phase {
            Phase::Length { filled, total } => {
                *filled += count.min(*total - *filled);
                if filled == total {
                    self.phase = Phase::Ready;
                    self.since = now;
                }
            }
            Phase::Draining { dropped } => {
                *dropped = dropped.saturating_add(count as u64);
                self.input.clear();
            }
            _ => {
                self.input.filled(count);
                self.advance(now);
            }
        }
    }

    /// The client has shut down its sending side. A request that is not complete never will be, and
    /// all complete requests have been answered.
    pub fn ended(&mut self) {
        let input = self.input.unread();
        self.preface.give_up(input, "an incomplete PROXY header");
        self.phase = Phase::Closed;
    }

    /// Parses as much of the input as has arrived.
    pub(super) fn advance(&mut self, now: Instant) {
        if self.preface.is_awaited() {
            let length = self.preface.advance(self.input.unread());
            self.input.consume(length);
            if self.preface.fault().is_some() {
                self.phase = Phase::Closed;
            }
        }
        let result = match &mut self.phase {
            Phase::Head if !self.preface.is_awaited() => self.advance_head(now),
            Phase::Chunked(_) => self.advance_chunks(),
            _ => Ok(()),
        };
        if let Err(refusal) = result {
            self.phase = Phase::Refused(refusal);
        }
        if matches!(self.phase, Phase::Ready | Phase::Refused(_)) {
            self.since = now;
        }
    }

    fn advance_head(&mut self, now: Instant) -> Result<(), Refusal> {
        let input = self.input.unread();
        let length = self
            .scanner
            .scan(input, self.limits, |line| {
                self.head.parse_request_line(line)
            })
            .inspect_err(|_| self.head.give_up(input, self.limits))?;
        let Some(length) = length else { return Ok(()) };
        self.head.parse(&input[..length], self.scanner.fields())?;
        self.input.consume(length);
        self.has_head = true;
        self.scanner = Scanner::default();
        self.since = now;
        self.begin_body()
    }

    fn begin_body(&mut self) -> Result<(), Refusal> {
        self.body.clear();
        match self.head.framing {
            Framing::None => self.phase = Phase::Ready,
            Framing::Length(length) => self.begin_length(length)?,
            Framing::Chunked => {
                self.phase = Phase::Chunked(Chunked::new());
                self.advance_chunks()?;
            }
        }
        // A client that has begun to send its body does not wait for a 100.
        let waits = matches!(
            self.phase,
            Phase::Length { filled: 0, .. } | Phase::Chunked(_)
        ) && self.input.unread().is_empty();
        if self.head.expects_continue && waits {
            self.send(b"HTTP/1.1 100 Continue\r\n\r\n");
        }
        Ok(())
    }

    fn begin_length(&mut self, length: u64) -> Result<(), Refusal> {
        let too_large = Refusal::new(Status::CONTENT_TOO_LARGE, "the request body is too large");
        let total = usize::try_from(length).map_err(|_| too_large)?;
        if length > self.limits.body {
            return Err(too_large);
        }
        let input = self.input.unread();
        let filled = input.len().min(total);
        self.body.extend_from_slice(&input[..filled]);
        self.input.consume(filled);
        self.phase = if filled == total {
            Phase::Ready
        } else {
            Phase::Length { filled, total }
        };
        Ok(())
    }

    fn advance_chunks(&mut self) -> Result<(), Refusal> {
        let Phase::Chunked(chunked) = &mut self.phase else {
            return Ok(());
        };
        let taken = chunked.decode(self.input.unread(), &mut self.body, self.limits)?;
        let done = chunked.is_done();
        self.input.consume(taken);
        if done {
            self.phase = Phase::Ready;
        }
        Ok(())
    }
}
