//! How connections are taken from the listener.
//!
//! The simplest strategy is [`shared`]: whoever holds the listener calls `accept`, and the kernel
//! wakes one of them per connection, in the order in which they came.

mod multishot;
pub mod shared;
mod strategy;

pub use multishot::Door;
pub use shared::{EXHAUSTED_PAUSE, Listener, TICK_MS};
pub use strategy::Strategy;
