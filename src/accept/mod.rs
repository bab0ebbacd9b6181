//! How connections are taken from the listener.
//!
//! The simplest strategy is [`shared`]: whoever holds the listener calls `accept`, and the kernel
//! wakes one of them per connection, in the order in which they came.

mod asynchronous;
pub mod shared;
mod strategy;

pub use asynchronous::AsyncListener;
pub use shared::{Accepted, EXHAUSTED_PAUSE, Listener};
pub use strategy::Strategy;
