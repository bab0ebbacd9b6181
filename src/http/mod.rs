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
mod refusal;
mod request;
mod response;
mod scanner;
mod status;
mod target;
#[cfg(test)]
pub(crate) mod tests;
mod token;
mod version;

pub use conn::{Activity, Conn, Now, Want};
pub use content::Unsent;
pub use date::Date;
pub use limits::Limits;
pub use method::Method;
pub use request::Request;
pub use response::{Body, Response};
pub use status::Status;
pub use version::Version;

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
