//! HTTP/1.1 without I/O: bytes in, bytes out. No sockets, no clock, no threads.
//!
//! A [`Conn`] is the whole of one connection's protocol state. Whoever drives it moves the bytes,
//! tells the time and asks what is wanted next:
//!
//! ```text
//!            ┌────────────────────────── pipelined request ─────────────────────────┐
//!            ▼                                                                       │
//!   Read ──▶ head ──▶ body ──▶ Respond ──▶ handler ──▶ Write ──▶ next request? ──────┤
//!            │         │                                            │ no           │ keep-alive
//!            └─ bad ───┴──▶ Respond (an error) ──▶ Write ──▶ Shutdown ──▶ Close      └──▶ Read
//! ```
//!
//! Because every server model drives this one state machine, they all answer alike, and what
//! differs in a comparison is the model. Because it does no I/O, every rule of it can be tested
//! without a socket, at any cut of the input.

mod buffer;
mod chunked;
mod conn;
mod content;
mod date;
mod framing;
mod head;
mod limits;
mod method;
mod request;
mod response;
mod scanner;
mod status;
mod target;
#[cfg(test)]
pub(crate) mod tests;

pub use conn::{Activity, Conn, Now, Unsent, Want};
pub use date::Date;
pub use limits::Limits;
pub use method::Method;
pub use request::{Request, Version};
pub use response::{Body, Response};
pub use status::Status;

/// The one request handler. Every model calls exactly this, through [`Conn::respond`].
///
/// It takes `&self` because threads share it, and it may block: that is what several of the
/// models are about.
// ANCHOR: handler
pub trait Handler: Sync {
    /// Answers one request. A panic becomes a 500 and closes the connection.
    fn respond(&self, request: &Request<'_>) -> Response;
}
// ANCHOR_END: handler

/// Why a request is refused before the handler sees it: a status and one sentence for the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: Status,
    pub(crate) reason: &'static str,
}

impl Refusal {
    pub(crate) const fn new(status: Status, reason: &'static str) -> Self {
        Self { status, reason }
    }

    /// The commonest of them: the request does not follow the grammar.
    pub(crate) const fn bad(reason: &'static str) -> Self {
        Self::new(Status::BAD_REQUEST, reason)
    }
}
