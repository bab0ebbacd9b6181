//! One connection's protocol state, free of I/O: the caller moves the bytes and tells the time.

mod answer;
#[cfg(test)]
mod memory;
mod receive;

use std::time::{Duration, Instant};

use super::buffer::Buffer;
use super::chunked::Chunked;
use super::content::Content;
use super::date::Date;
use super::head::Head;
use super::limits::Limits;
use super::refusal::Refusal;
use super::response::Out;
use super::scanner::Scanner;
use super::status::Status;

/// What a connection needs next from whoever drives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// Read into [`Conn::space`], then call [`Conn::received`] or, at the end, [`Conn::ended`].
    Read,
    /// A request is whole (or hopeless): call [`Conn::respond`]. This is where a handler blocks.
    Respond,
    /// Write from [`Conn::unsent`], then call [`Conn::sent`].
    Write,
    /// Shut down the sending side, then call [`Conn::shut`]. What the client still sends is
    /// drained for a while, lest a reset take the answer away from it (RFC 9112 §9.6).
    Shutdown,
    /// Close: nothing more is to be done.
    Close,
}

/// What is going on, for people: see [`Conn::activity`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activity {
    /// A request is on its way, or the first of the connection is waited for.
    Reading,
    /// A request is whole and its answer is not.
    Answering,
    /// The last request has been answered, and nothing of the next has come.
    Idle,
    /// There will be no further answer.
    Closing,
}

/// A moment on both clocks: one that only ever goes forward, one for people.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// For deadlines.
    pub instant: Instant,
    /// For the Date field.
    pub date: Date,
}

/// How long a stopping server waits for the first byte of a connection that it has just accepted.
const STOP_GRACE: Duration = Duration::from_secs(1);
/// How long it waits for the next request of one that was promised to stay open: it may be on its
/// way, and would cross the end of the connection. Less than the tick of those who drive us, so
/// that it is over by the end of one.
const KEPT_GRACE: Duration = Duration::from_millis(200);

/// The HTTP/1.1 state of one connection. See the [module](super) for its life.
#[derive(Debug)]
pub struct Conn<'l> {
    limits: &'l Limits,
    phase: Phase,
    /// When the phase began or, while sending, when something was sent last.
    since: Instant,
    input: Buffer,
    scanner: Scanner,
    head: Head,
    body: Vec<u8>,
    out: Out,
    out_sent: usize,
    content: Option<Content>,
    answered: u64,
    stopping: bool,
}

#[derive(Debug)]
enum Phase {
    /// Waiting for a head or in the middle of it.
    Head,
    /// `filled` bytes of a body of a declared length are there.
    Length {
        filled: usize,
        total: usize,
    },
    Chunked(Chunked),
    /// A request is whole and waits for the handler.
    Ready,
    Refused(Refusal),
    /// The answer is on its way.
    Sending {
        then: Then,
    },
    ShuttingDown,
    Draining {
        left: u64,
    },
    Closed,
}

/// What follows an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    NextRequest,
    Linger,
    Close,
}

impl<'l> Conn<'l> {
    /// A connection that was accepted just now.
    pub fn new(limits: &'l Limits, now: Instant) -> Self {
        Self {
            limits,
            phase: Phase::Head,
            since: now,
            input: Buffer::default(),
            scanner: Scanner::default(),
            head: Head::default(),
            body: Vec::new(),
            out: Out::new(),
            out_sent: 0,
            content: None,
            answered: 0,
            stopping: false,
        }
    }

    /// What is to be done next.
    pub fn want(&self) -> Want {
        match self.phase {
            _ if self.is_sending() => Want::Write,
            Phase::Head | Phase::Length { .. } | Phase::Chunked(_) | Phase::Draining { .. } => {
                Want::Read
            }
            Phase::Ready | Phase::Refused(_) => Want::Respond,
            Phase::ShuttingDown => Want::Shutdown,
            Phase::Sending { .. } | Phase::Closed => Want::Close,
        }
    }

    /// What is going on. The caller needs [`Conn::want`]; this is for whoever watches.
    pub fn activity(&self) -> Activity {
        match self.phase {
            _ if self.is_sending() => Activity::Answering,
            Phase::Head if self.answered > 0 && self.is_idle() => Activity::Idle,
            Phase::Head | Phase::Length { .. } | Phase::Chunked(_) => Activity::Reading,
            Phase::Ready | Phase::Refused(_) | Phase::Sending { .. } => Activity::Answering,
            Phase::ShuttingDown | Phase::Draining { .. } | Phase::Closed => Activity::Closing,
        }
    }

    /// When this began or, while sending, when something was sent last: one of the moments that the
    /// caller has told.
    pub fn since(&self) -> Instant {
        self.since
    }

    /// The line of the request that waits for its answer or has just been given one; empty if it
    /// was refused.
    pub fn request_line(&self) -> &[u8] {
        match self.phase {
            Phase::Refused(_) => b"",
            _ => self.head.request_line(),
        }
    }

    /// Requests answered so far, refused ones included.
    pub fn answered(&self) -> u64 {
        self.answered
    }

    /// When [`Conn::expire`] is due, unless something happens before. `None` while the handler has
    /// the request.
    pub fn deadline(&self) -> Option<Instant> {
        let limits = self.limits;
        let allowed = match &self.phase {
            _ if self.is_sending() => limits.send_time,
            Phase::Head if self.is_idle() => match (self.stopping, self.answered) {
                (true, 0) => STOP_GRACE,
                (true, _) => KEPT_GRACE,
                (false, 0) => limits.head_time,
                (false, _) => limits.idle_time,
            },
            Phase::Head => limits.head_time,
            Phase::Length { filled, .. } => self.body_time(*filled),
            Phase::Chunked(_) => self.body_time(self.body.len()),
            Phase::Draining { .. } => limits.linger_time,
            _ => return None,
        };
        Some(self.since + allowed)
    }

    /// The deadline has passed: a client in the middle of a request is told so, others are left.
    pub fn expire(&mut self, now: Instant) {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return;
        }
        let late = |reason| Phase::Refused(Refusal::new(Status::REQUEST_TIMEOUT, reason));
        self.phase = match self.phase {
            _ if self.is_sending() => {
                self.drop_unsent();
                Phase::Closed
            }
            Phase::Head if !self.is_idle() => {
                self.since = now;
                self.head.give_up(self.input.unread(), self.limits);
                late("the request head took too long")
            }
            Phase::Length { .. } | Phase::Chunked(_) => {
                self.since = now;
                late("the request body took too long")
            }
            _ => Phase::Closed,
        };
    }

    // ANCHOR: stop
    /// The server is about to stop: finish the request in flight, and the
    /// one that may be on its way.
    pub fn stop(&mut self, now: Instant) {
        if !std::mem::replace(&mut self.stopping, true) && self.is_idle() {
            // The client has connected, or was promised another answer: it
            // has a moment.
            self.since = now;
        }
    }
    // ANCHOR_END: stop

    /// Whether no byte of a request has arrived. The empty line that some clients send behind a
    /// body is none (RFC 9112 §2.2): it must not hold up a stop, nor call for a 408.
    fn is_idle(&self) -> bool {
        matches!(self.phase, Phase::Head) && matches!(self.input.unread(), b"" | b"\r" | b"\r\n")
    }

    fn is_sending(&self) -> bool {
        self.out_sent < self.out.len() || self.content.is_some()
    }

    /// A body earns time by arriving (as Apache's `RequestReadTimeout` with `MinRate` does).
    fn body_time(&self, arrived: usize) -> Duration {
        let earned = (arrived as u64)
            .checked_div(self.limits.body_rate)
            .unwrap_or(0);
        self.limits.body_time + Duration::from_secs(earned)
    }
}
