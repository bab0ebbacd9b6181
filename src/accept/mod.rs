//! How connections are taken from the listener, and how the workers of a pool share a port.
//!
//! An accept strategy is one file and one row of [`ALL`]. Its row says what it is called and what
//! follows from it (whether each worker has an accept queue of its own, whether the master
//! accepts). Its file says what the master prepares before the first fork, what a worker gets after
//! it, and how the master waits meanwhile. The simplest strategy is [`SHARED`]: all workers call
//! `accept` on one listener, and the kernel wakes one of them for each connection.
//!
//! # Invariants
//!
//! - No blocking call on a socket outlasts a tick. Listeners carry time-outs, which their
//!   connections inherit.
//! - Nothing is set on a shared socket that its other holders would feel. O_NONBLOCK belongs to the
//!   open socket, so event loops set it, whose listeners are held by event loops only, and servers
//!   with several addresses, whose workers wait with `poll`.
//! - Exhaustion (descriptors, memory, processes) pauses accepting. It never spins and never ends
//!   the server.
//! - A graceful stop answers what was in the accept queue when the wish to stop came.

mod asynchronous;
mod epoll;
mod errors;
mod exclusive;
mod flock;
mod listener;
mod locked;
mod main_thread;
mod multishot;
mod mutex;
mod one_queue;
mod pass;
mod pick;
mod reuseport;
mod several;
mod shared;
mod shared_listeners;
mod socket;
mod strategy;

pub use asynchronous::AsyncListener;
pub use epoll::EPOLL;
pub use errors::EXHAUSTED_PAUSE;
pub use exclusive::EXCLUSIVE;
pub use flock::FLOCK;
pub use listener::{Accepted, Acceptor, Attempt, Listener};
pub use main_thread::MAIN;
pub use multishot::Arrivals;
pub use mutex::MUTEX;
pub use pass::PASS;
pub use pick::Pick;
pub use reuseport::REUSEPORT;
pub use shared::SHARED;
pub use shared_listeners::SharedListeners;
pub use socket::TICK;
pub use strategy::{Strategy, StrategyOptions};

/// Every strategy; each model has some of them.
// ANCHOR: registry
pub const ALL: &[Strategy] = &[
    SHARED, FLOCK, MUTEX, PASS, REUSEPORT, MAIN, EPOLL, EXCLUSIVE,
];
// ANCHOR_END: registry
