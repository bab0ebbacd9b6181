//! HTTP/1.1 without I/O: bytes in, bytes out. No sockets, no clock, no threads.
//!
//! A [`Conn`] holds the protocol state of one connection. Its driver (`serve`) moves the bytes,
//! passes in the time, and asks what the connection wants next:
//!
//! ```text
//!            ┌────────────────────────── pipelined request ─────────────────────────┐
//!            ▼                                                                       │
//!   Read ──▶ head ──▶ body ──▶ Respond ──▶ handler ──▶ Write ──▶ next request? ──────┤
//!            │         │                                            │ no           │ keep-alive
//!            └─ bad ───┴──▶ Respond (an error) ──▶ Write ──▶ Shutdown ──▶ Close      └──▶ Read
//! ```
//!
//! Every server model drives this one state machine, so all models answer alike, and a comparison
//! shows the difference between models. The state machine does no I/O, so each of its rules is
//! tested without a socket, wherever the input may be cut.
//!
//! # Invariants
//!
//! - Deadlines are totals: a client that sends one byte a second meets them.
//! - Memory per connection is bounded by [`Limits`], whatever the client does.
//! - Where a balancer is expected, no request is answered before it has named its client.
//! - After an error, and after the last request that a connection may carry, nothing more is
//!   answered, and the client can read the last answer.

mod buffer;
mod chunked;
mod conn;
mod content;
mod date;
mod framing;
mod head;
mod limits;
mod method;
mod proxy;
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

pub use conn::{Activity, Answer, Conn, Now, Want};
pub use content::Unsent;
pub use date::Date;
pub use limits::Limits;
pub use method::Method;
pub use request::Request;
pub use response::{Body, Response};
pub use status::Status;
pub use version::Version;

/// A request handler. Every model calls the same one, through [`Conn::respond`].
///
/// Threads share the handler, so it takes `&self`. It may block: how a model copes with that is
/// what several chapters are about.
// ANCHOR: handler
pub trait Handler: Sync {
    /// Answers one request. A panic becomes a 500 and closes the connection.
    fn respond(&self, request: &Request<'_>) -> Response;
}
// ANCHOR_END: handler
