//! Moves bytes between a socket and an [`http::Conn`](crate::http::Conn), and nothing else.
//!
//! There are four drivers, one for each way to wait: `blocking` (the call itself waits),
//! `nonblocking` within an [`EventLoop`] (the loop waits for all clients), [`CompletionLoop`] (the
//! kernel makes the calls), and `asynchronous` (a task waits). Each takes the same steps; which one
//! comes next is what [`Conn::want`](crate::http::Conn::want) says.
//!
//! # Invariants
//!
//! - A loop gives each connection a bounded number of steps in a turn, and remembers what is ready
//!   and was not used up.
//! - Before a loop declares a client late, it reads what the client has sent.
//! - An idle client costs an event loop nothing: no scan for deadlines, no system call per request
//!   for interest or timers. (`poll` shows the opposite, and only in how it waits.)

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
