//! Moves bytes between a socket and an [`http::Conn`](crate::http::Conn), and nothing else.
//!
//! There are four drivers, one for each way to wait: `blocking` (the call itself waits),
//! `nonblocking` within an [`EventLoop`] (the loop waits for all clients), [`CompletionLoop`] (the
//! kernel makes the calls), and `asynchronous` (a task waits). Each takes the same steps; which one
//! comes next is what [`Conn::want`](crate::http::Conn::want) says.

mod asynchronous;
mod blocking;
mod completions;
mod event_loop;
mod nonblocking;
mod readiness;
mod timers;
mod transfer;

pub use completions::{CompletionLoop, Done};
pub use event_loop::{Epoll, EventLoop, Poll, Poller, Ready, Token};
pub use readiness::{Interest, Readiness};
