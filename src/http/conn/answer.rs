//! Answering: from a complete request to the bytes to send.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use super::{Answer, Conn, INLINE_MAX, Now, Phase, Then};
use crate::http::Handler;
use crate::http::content::{Content, Unsent};
use crate::http::framing::Framing;
use crate::http::method::Method;
use crate::http::refusal::Refusal;
use crate::http::request::Request;
use crate::http::response::{Out, Response};
use crate::http::status::Status;
use crate::http::version::Version;

impl Conn<'_> {
    /// Answers the request: the handler does, or the connection itself if it refused the request.
    /// `clock` is read once, after the handler has returned, since the handler may take long.
    pub fn respond(&mut self, handler: &dyn Handler, clock: impl FnOnce() -> Now) {
        let (response, then) = match self.phase {
            Phase::Ready => self.ask(handler),
            Phase::Refused(Refusal { status, reason }) => {
                (Response::sentence(status, reason), Then::Linger)
            }
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
        self.answer = Answer {
            status: response.status(),
            content_bytes: match sends_content {
                true => response.body().length(),
                false => 0,
            },
        };
        if sends_content {
            self.content = Content::new(response.body).inline(&mut self.out, INLINE_MAX);
        }
        self.phase = Phase::Sending { then };
    }

    /// Calls the handler. A panic in it fails this request alone: the process goes on.
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
        let used_up = response.is_last || self.answered + 1 >= self.limits.requests;
        let persists = self.head.keep_alive && !self.stopping && !used_up;
        let may_send_more = self.head.keep_alive || self.has_sent_more();
        let then = match (persists, may_send_more) {
            (true, _) => Then::NextRequest,
            // A close with unread bytes would reset the connection, and the reset could destroy
            // the answer.
            (false, true) => Then::Linger,
            // The client has said that this is its last request.
            (false, false) => Then::Close,
        };
        (response, then)
    }

    /// Whether bytes are here, or likely to come, behind a request that its client has called the
    /// last. Some clients send an empty line behind a body (RFC 9112 §2.2).
    fn has_sent_more(&self) -> bool {
        !self.input.unread().is_empty() || !matches!(self.head.framing, Framing::None)
    }

    /// The value of the Connection field, where the default of the version does not apply.
    fn connection(&self, then: Then) -> Option<&'static str> {
        match (then, self.head.version) {
            (Then::NextRequest, Version::Http11) => None,
            (Then::NextRequest, Version::Http10) => Some("keep-alive"),
            _ => Some("close"),
        }
    }

    pub(super) fn send(&mut self, bytes: &[u8]) {
        self.out.clear();
        self.out_sent = 0;
        self.out.extend_from_slice(bytes);
    }

    /// The next bytes to write; not empty while the connection wants
    /// [`Want::Write`](super::Want).
    pub fn unsent(&self) -> Unsent<'_> {
        match &self.content {
            Some(content) if self.out_sent == self.out.len() => content.unsent(),
            _ => Unsent::Bytes(&self.out[self.out_sent..]),
        }
    }

    /// Records that the caller has written `count` bytes of [`Conn::unsent`]. Zero bytes of a file
    /// mean that the file has shrunk. The connection then closes: the length that the head
    /// promised cannot be reached, and a close tells the client so.
    pub fn sent(&mut self, count: usize, now: Instant) {
        if count == 0 {
            return self.none_sent();
        }
        self.since = now;
        if self.out_sent < self.out.len() {
            self.out_sent += count.min(self.out.len() - self.out_sent);
        } else if let Some(content) = &mut self.content {
            content.advance(count);
            if content.is_done() {
                self.content = None;
            }
        }
        if !self.is_sending() {
            self.after_answer(now);
        }
    }

    /// Handles a write without progress; the deadline stays.
    fn none_sent(&mut self) {
        if matches!(self.unsent(), Unsent::File { .. }) {
            self.drop_unsent();
            self.phase = Phase::Closed;
        }
    }

    fn after_answer(&mut self, now: Instant) {
        let Phase::Sending { then } = self.phase else {
            return;
        };
        match then {
            Then::Close => self.phase = Phase::Done,
            Then::Linger => self.phase = Phase::ShuttingDown,
            Then::NextRequest => {
                self.phase = Phase::Head;
                self.has_head = false;
                self.give_back();
                if !self.input.unread().is_empty() {
                    self.advance(now);
                }
            }
        }
    }

    /// Records that the caller has shut down the sending side. What the client sends from now on
    /// is dropped.
    pub fn shut(&mut self, now: Instant) {
        self.since = now;
        self.input.clear();
        self.phase = Phase::Draining { dropped: 0 };
    }

    pub(super) fn drop_unsent(&mut self) {
        self.out.clear();
        self.out_sent = 0;
        self.content = None;
    }

    /// Frees memory, so that an idle connection keeps little, however large its last request was.
    fn give_back(&mut self) {
        self.input.shrink();
        self.head.give_back();
        self.body = Vec::new();
        if self.out.spilled() {
            self.drop_unsent();
            self.out = Out::new();
        }
    }
}
