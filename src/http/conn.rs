//! One connection's protocol state, free of I/O: the caller moves the octets and tells the time.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use super::buffer::Buffer;
use super::chunked::Chunked;
use super::content::Content;
use super::date::Date;
use super::head::{Framing, Head, Scanner};
use super::method::Method;
use super::request::{Request, Version};
use super::response::Response;
use super::status::Status;
use super::{Handler, Limits, Refusal};

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

/// What is to be sent next.
#[derive(Debug)]
pub enum Unsent<'a> {
    /// These octets.
    Octets(&'a [u8]),
    /// `length` octets of a file from `offset` on, which the kernel can copy by itself.
    File {
        /// Open for reading.
        file: &'a File,
        /// Where to start.
        offset: u64,
        /// How many.
        length: u64,
    },
}

/// A moment on both clocks: one that only ever goes forward, one for people.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// For deadlines.
    pub instant: Instant,
    /// For the Date field.
    pub date: Date,
}

/// Content up to this size is copied behind the head, so that both leave in one write.
const INLINE_MAX: usize = 16 * 1024;
/// Body octets to make room for at a time: a declared length is not believed before it arrives.
const BODY_STEP: usize = 64 * 1024;
/// Buffers above this size are given back between requests.
const KEPT_MAX: usize = 16 * 1024;
/// How long a stopping server waits for the first octet of a connection that it has just accepted.
const STOP_GRACE: Duration = Duration::from_secs(1);

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
    out: Vec<u8>,
    out_sent: usize,
    content: Option<Content>,
    answered: u64,
    stopping: bool,
}

#[derive(Debug)]
enum Phase {
    /// Waiting for a head or in the middle of it.
    Head,
    /// `filled` octets of a body of a declared length are there.
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
            out: Vec::new(),
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
                (true, _) => STOP_GRACE,
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
            Phase::Head if !self.is_idle() => late("the request head took too long"),
            Phase::Length { .. } | Phase::Chunked(_) => late("the request body took too long"),
            _ => Phase::Closed,
        };
    }

    /// The server is about to stop: finish the request in flight, begin no other.
    pub fn stop(&mut self, now: Instant) {
        if self.stopping {
            return;
        }
        self.stopping = true;
        if self.is_idle() {
            // A fresh connection came out of the accept queue, and its request is on its way.
            self.since = now;
            if self.answered > 0 {
                self.phase = Phase::Closed;
            }
        }
    }

    /// Whether no octet of a request has arrived.
    fn is_idle(&self) -> bool {
        matches!(self.phase, Phase::Head) && self.input.unread().is_empty()
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

/// Receiving.
impl Conn<'_> {
    /// Where the next octets go; never empty while [`Want::Read`] is wanted.
    pub fn space(&mut self) -> &mut [u8] {
        match self.phase {
            Phase::Length { filled, total } => {
                let end = total.min(filled + BODY_STEP);
                if self.body.len() < end {
                    self.body.resize(end, 0);
                }
                &mut self.body[filled..end]
            }
            _ => self.input.space(),
        }
    }

    /// Takes note that `count` octets (at least one) have been read into [`Conn::space`].
    pub fn received(&mut self, count: usize, now: Instant) {
        if self.is_idle() {
            self.since = now;
        }
        match &mut self.phase {
            Phase::Length { filled, total } => {
                *filled += count.min(*total - *filled);
                if filled == total {
                    self.phase = Phase::Ready;
                }
            }
            Phase::Draining { left } => {
                *left = left.saturating_sub(count as u64);
                if *left == 0 {
                    self.phase = Phase::Closed;
                }
                self.input.clear();
            }
            _ => {
                self.input.filled(count);
                self.advance(now);
            }
        }
    }

    /// The client has shut down its sending side. A request cut off by it cannot be answered; one
    /// that was whole has been.
    pub fn ended(&mut self) {
        self.phase = Phase::Closed;
    }

    /// Gets as far with the input as it can.
    fn advance(&mut self, now: Instant) {
        let result = match &mut self.phase {
            Phase::Head => self.advance_head(now),
            Phase::Chunked(_) => self.advance_chunks(),
            _ => Ok(()),
        };
        if let Err(refusal) = result {
            self.phase = Phase::Refused(refusal);
        }
    }

    fn advance_head(&mut self, now: Instant) -> Result<(), Refusal> {
        let input = self.input.unread();
        self.head.method = Method::Unknown;
        let length = self.scanner.scan(input, self.limits).inspect_err(|_| {
            // Refused before it is parsed, but a HEAD must not be answered with content even so.
            self.head.method = Method::parse(input.split(|&at| at == b' ').next().unwrap_or(b""));
            self.head.version = Version::Http11;
        })?;
        let Some(length) = length else { return Ok(()) };
        self.head.parse(&input[..length], self.scanner.fields())?;
        self.input.consume(length);
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
        // A client that has begun to send its body waits for nothing.
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

/// Answering.
impl Conn<'_> {
    /// Has the request answered, by the handler or, if it was refused, by itself. `clock` is read
    /// once, after the handler: it may have taken its time.
    pub fn respond(&mut self, handler: &dyn Handler, clock: impl FnOnce() -> Now) {
        let (response, then) = match self.phase {
            Phase::Ready => self.ask(handler),
            Phase::Refused(refusal) => (refuse(refusal), Then::Linger),
            _ => return,
        };
        let now = clock();
        self.answered += 1;
        self.since = now.instant;
        self.out.clear();
        self.out_sent = 0;
        let connection = self.connection(then);
        response.write_head(&mut self.out, &now.date, connection);
        let sends_content = self.head.method != Method::Head && !response.status().is_bodiless();
        if sends_content {
            self.content = Content::new(response.body).inline(&mut self.out, INLINE_MAX);
        }
        self.phase = Phase::Sending { then };
    }

    /// Calls the handler. Its panic is this request's failure and nobody else's.
    fn ask(&self, handler: &dyn Handler) -> (Response, Then) {
        let request = Request {
            head: &self.head,
            body: &self.body,
        };
        let answer = catch_unwind(AssertUnwindSafe(|| handler.respond(&request)));
        let Ok(response) = answer else {
            let sorry = "the request handler failed\n";
            return (
                Response::text(Status::INTERNAL_SERVER_ERROR, sorry),
                Then::Linger,
            );
        };
        let last = self.stopping || self.answered + 1 >= self.limits.requests;
        let then = if self.head.keep_alive && !last {
            Then::NextRequest
        } else if self.input.unread().is_empty() {
            Then::Close
        } else {
            // Closing with unread input resets the connection, and the answer might be lost.
            Then::Linger
        };
        (response, then)
    }

    /// The Connection field, where the version's default is not what happens.
    fn connection(&self, then: Then) -> Option<&'static str> {
        match (then, self.head.version) {
            (Then::NextRequest, Version::Http11) => None,
            (Then::NextRequest, Version::Http10) => Some("keep-alive"),
            _ => Some("close"),
        }
    }

    fn send(&mut self, octets: &[u8]) {
        self.out.clear();
        self.out_sent = 0;
        self.out.extend_from_slice(octets);
    }

    /// What to write next; not empty while [`Want::Write`] is wanted.
    pub fn unsent(&self) -> Unsent<'_> {
        match &self.content {
            Some(content) if self.out_sent == self.out.len() => content.unsent(),
            _ => Unsent::Octets(&self.out[self.out_sent..]),
        }
    }

    /// Takes note that `count` octets of [`Conn::unsent`] have been written. Zero octets of a file
    /// mean that it has shrunk: the connection is broken off, since the promised length is
    /// out of reach.
    pub fn sent(&mut self, count: usize, now: Instant) {
        self.since = now;
        if self.out_sent < self.out.len() {
            self.out_sent += count.min(self.out.len() - self.out_sent);
        } else if let Some(content) = &mut self.content {
            if count == 0 {
                self.drop_unsent();
                self.phase = Phase::Closed;
                return;
            }
            content.advance(count);
            if content.is_done() {
                self.content = None;
            }
        }
        if !self.is_sending() {
            self.after_answer(now);
        }
    }

    fn after_answer(&mut self, now: Instant) {
        let Phase::Sending { then } = self.phase else {
            return;
        };
        match then {
            Then::Close => self.phase = Phase::Closed,
            Then::Linger => self.phase = Phase::ShuttingDown,
            Then::NextRequest => {
                self.phase = Phase::Head;
                self.give_back();
                if !self.input.unread().is_empty() {
                    self.advance(now);
                } else if self.stopping {
                    self.phase = Phase::Closed;
                }
            }
        }
    }

    /// The sending side is shut down; what the client sends from now on is thrown away.
    pub fn shut(&mut self, now: Instant) {
        self.since = now;
        self.input.clear();
        self.phase = Phase::Draining {
            left: self.limits.linger_octets,
        };
    }

    fn drop_unsent(&mut self) {
        self.out.clear();
        self.out_sent = 0;
        self.content = None;
    }

    /// An idle connection keeps little memory, however large its last request was.
    fn give_back(&mut self) {
        self.input.shrink(KEPT_MAX);
        if self.body.capacity() > KEPT_MAX {
            self.body = Vec::new();
        }
        if self.out.capacity() > KEPT_MAX {
            self.drop_unsent();
            self.out = Vec::new();
        }
    }
}

/// The answer to a request that the handler never sees.
fn refuse(refusal: Refusal) -> Response {
    let status = refusal.status;
    let text = format!(
        "{} {}: {}\n",
        status.code(),
        status.reason(),
        refusal.reason
    );
    Response::text(status, text)
}
