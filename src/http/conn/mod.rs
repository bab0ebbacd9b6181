//! One connection's protocol state, without I/O: the caller moves the bytes and passes in the time.

mod answer;
#[cfg(test)]
mod memory;
mod preface;
mod receive;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use self::preface::Preface;
use super::buffer::Buffer;
use super::chunked::Chunked;
use super::content::Content;
use super::date::Date;
use super::head::Head;
use super::limits::Limits;
use super::refusal::Refusal;
use super::request::Request;
use super::response::Out;
use super::scanner::Scanner;
use super::status::Status;

/// What a connection needs its driver to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// Read into [`Conn::space`], then call [`Conn::received`] or, at the end, [`Conn::ended`].
    Read,
    /// A request is complete, or was refused: call [`Conn::respond`]. A handler may block there.
    Respond,
    /// Write from [`Conn::unsent`], then call [`Conn::sent`].
    Write,
    /// Shut down the sending side, then call [`Conn::shut`]. The connection then reads and drops
    /// what the client still sends, within limits. A close with unread bytes would reset the
    /// connection, and the client might lose the answer (RFC 9112 §9.6).
    Shutdown,
    /// Close the socket; the connection is over.
    Close,
}

/// What a connection is doing, for the scoreboard: see [`Conn::activity`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activity {
    /// A request is arriving, or the connection waits for its first.
    Reading,
    /// A request is complete, and its answer is not yet sent.
    Answering,
    /// All requests are answered, and no byte of the next has arrived.
    Idle,
    /// The last answer has been sent.
    Closing,
}

/// The time on two clocks: a monotonic one and the calendar.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// For deadlines.
    pub instant: Instant,
    /// For the Date field.
    pub date: Date,
}

/// How long a stopping server waits for the first byte of a connection that it has just accepted.
const STOP_GRACE: Duration = Duration::from_secs(1);
/// How long a stopping server waits for the next request on a connection that it promised to keep.
/// The request may be on its way already. Shorter than the tick of the drivers (250 ms), so that
/// the wait is over within one tick.
const KEPT_GRACE: Duration = Duration::from_millis(200);

/// Content of at most this many bytes is copied behind the head, so that both leave in one write.
const INLINE_MAX: usize = 16 * 1024;

/// The HTTP/1.1 state of one connection. See the [module](super) for its life.
#[derive(Debug)]
pub struct Conn<'l> {
    limits: &'l Limits,
    phase: Phase,
    /// When the phase began or, while sending, when bytes were sent last.
    since: Instant,
    input: Buffer,
    scanner: Scanner,
    head: Head,
    body: Vec<u8>,
    out: Out,
    out_sent: usize,
    content: Option<Content>,
    answered: u64,
    /// What the last answer was.
    answer: Answer,
    /// The head of the request that waits, or was answered last, has arrived whole and is in order.
    has_head: bool,
    stopping: bool,
    preface: Preface,
}

/// The last answer of a connection, for a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// What the status line says.
    pub status: Status,
    /// Bytes of content that are sent with it.
    pub content_bytes: u64,
}

#[derive(Debug)]
enum Phase {
    /// Waits for a head, or has a part of it.
    Head,
    /// Has `filled` bytes of a body of declared length.
    Length {
        filled: usize,
        total: usize,
    },
    Chunked(Chunked),
    /// A complete request waits for the handler.
    Ready,
    Refused(Refusal),
    Sending {
        then: Then,
    },
    ShuttingDown,
    /// `dropped` bytes have arrived since the sending side was shut down.
    Draining {
        dropped: u64,
    },
    /// Over as far as this side knows: see [`Conn::linger`].
    Done,
    Closed,
}

/// What the connection does behind an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    NextRequest,
    Linger,
    Close,
}

impl<'l> Conn<'l> {
    /// The state of a connection that was accepted at `now`.
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
            answer: Answer {
                status: Status::OK,
                content_bytes: 0,
            },
            has_head: false,
            stopping: false,
            preface: Preface::expected(limits.proxy_header),
        }
    }

    /// What the driver is to do next.
    pub fn want(&self) -> Want {
        match self.phase {
            _ if self.is_sending() => Want::Write,
            Phase::Head | Phase::Length { .. } | Phase::Chunked(_) | Phase::Draining { .. } => {
                Want::Read
            }
            Phase::Ready | Phase::Refused(_) => Want::Respond,
            Phase::ShuttingDown => Want::Shutdown,
            Phase::Sending { .. } | Phase::Done | Phase::Closed => Want::Close,
        }
    }

    /// What the connection is doing. The scoreboard shows this; a driver needs [`Conn::want`].
    pub fn activity(&self) -> Activity {
        match self.phase {
            _ if self.is_sending() => Activity::Answering,
            Phase::Head if self.answered > 0 && self.is_idle() => Activity::Idle,
            Phase::Head | Phase::Length { .. } | Phase::Chunked(_) => Activity::Reading,
            Phase::Ready | Phase::Refused(_) | Phase::Sending { .. } => Activity::Answering,
            Phase::ShuttingDown | Phase::Draining { .. } | Phase::Done | Phase::Closed => {
                Activity::Closing
            }
        }
    }

    /// When the activity began or, while sending, when bytes were sent last. It is one of the times
    /// that the caller has passed in.
    pub fn since(&self) -> Instant {
        self.since
    }

    /// The request line of the request that waits for its answer, or has just been answered; empty
    /// if the request was refused.
    pub fn request_line(&self) -> &[u8] {
        match self.phase {
            Phase::Refused(_) => b"",
            _ => self.head.request_line(),
        }
    }

    /// The answer that was made last, for a log. It may not have been sent yet.
    pub fn answer(&self) -> Answer {
        self.answer
    }

    /// The request that was answered last, for a log. `None` if its head was refused.
    pub fn last_request(&self) -> Option<Request<'_>> {
        self.has_head.then_some(Request {
            head: &self.head,
            body: &self.body,
        })
    }

    /// The first line of the request that was answered last, as it came and as far as it came, for
    /// a log. Nothing is known of its bytes if the request was refused.
    pub fn last_line(&self) -> &[u8] {
        if self.has_head {
            return self.head.request_line();
        }
        let input = self.input.unread();
        let input = input.strip_prefix(b"\r\n").unwrap_or(input);
        let end = memchr::memchr2(b'\r', b'\n', input);
        input.get(..end.unwrap_or(input.len())).unwrap_or_default()
    }

    /// The client on whose behalf a balancer has opened the connection, if it has said so.
    pub fn client(&self) -> Option<SocketAddr> {
        self.preface.client()
    }

    /// Why the connection was closed before its first request, for a log: what came was no header
    /// of the PROXY protocol. A connection that closes without a byte is no fault: some balancers
    /// check a port that way.
    pub fn proxy_fault(&self) -> Option<&'static str> {
        self.preface.fault()
    }

    /// Requests answered so far, refused ones included.
    pub fn answered(&self) -> u64 {
        self.answered
    }

    /// When to call [`Conn::expire`], unless the connection makes progress before. `None` while the
    /// handler has the request.
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
            Phase::Draining { dropped } => self.linger_time(*dropped),
            _ => return None,
        };
        Some(self.since + allowed)
    }

    /// Acts on a deadline that has passed. A client in the middle of a request gets 408; any other
    /// connection is closed without an answer.
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
            Phase::Head if self.preface.is_awaited() => {
                self.preface
                    .give_up(self.input.unread(), "a late PROXY header");
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
            // The client was promised another answer, and its next request may be on its way.
            Phase::Head if self.stopping && self.answered > 0 => Phase::ShuttingDown,
            Phase::Head => Phase::Done,
            _ => Phase::Closed,
        };
    }

    // ANCHOR: linger
    /// A driver that is about to close asks this if the kernel holds bytes
    /// that the client has sent. A close would then reset the connection,
    /// and the reset would destroy the part of the answer that the client
    /// has not received yet. If the answer is true, the connection is not
    /// over: it shuts down its sending side and drains.
    pub fn linger(&mut self) -> bool {
        let lingers = matches!(self.phase, Phase::Done);
        if lingers {
            self.phase = Phase::ShuttingDown;
        }
        lingers
    }
    // ANCHOR_END: linger

    /// Whether the connection may still turn to lingering; see [`Conn::linger`]. Only then need the
    /// driver ask the kernel.
    pub fn may_linger(&self) -> bool {
        matches!(self.phase, Phase::Done)
    }

    /// Whether the last answer had so much content that a part of it may still be on its way.
    pub fn was_large(&self) -> bool {
        self.answer.content_bytes > INLINE_MAX as u64
    }

    // ANCHOR: stop
    /// The server is about to stop: answer the request in flight, and one
    /// that may be on its way. The last answer says `close`.
    pub fn stop(&mut self, now: Instant) {
        if !std::mem::replace(&mut self.stopping, true) && self.is_idle() {
            // The client has just connected, or was promised another
            // answer: its grace period begins now.
            self.since = now;
        }
    }
    // ANCHOR_END: stop

    /// Whether no byte of a request has arrived. Some clients send an empty line behind a body
    /// (RFC 9112 §2.2). It belongs to no request, so it must not delay a stop or cause a 408.
    fn is_idle(&self) -> bool {
        matches!(self.phase, Phase::Head) && matches!(self.input.unread(), b"" | b"\r" | b"\r\n")
    }

    fn is_sending(&self) -> bool {
        self.out_sent < self.out.len() || self.content.is_some()
    }

    /// A body that arrives fast enough gets more time, as with Apache's `RequestReadTimeout` and
    /// its `MinRate`.
    fn body_time(&self, arrived: usize) -> Duration {
        self.limits.body_time + earned(arrived as u64, self.limits.body_rate)
    }

    /// So does a client that goes on sending, within a bound.
    fn linger_time(&self, dropped: u64) -> Duration {
        let limits = self.limits;
        (limits.linger_time + earned(dropped, limits.linger_rate)).min(limits.linger_max)
    }
}

/// One second for each `rate` bytes that have arrived; none without a rate.
fn earned(arrived: u64, rate: u64) -> Duration {
    Duration::from_secs(arrived.checked_div(rate).unwrap_or(0))
}
