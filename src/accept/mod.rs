//! How connections are taken from the listener.
//!
//! The simplest strategy is [`shared`]: whoever holds the listener calls `accept`, and the kernel
//! wakes one of them per connection, in the order in which they came.

mod asynchronous;
mod entrance;
mod flock;
mod locked;
mod multishot;
mod mutex;
mod pass;
mod reuseport;
pub mod shared;
mod strategy;

pub use asynchronous::AsyncListener;
pub use entrance::{Door, Entrance, Manner};
pub use multishot::Arrivals;
pub use pass::Pick;
pub use reuseport::Listeners;
pub use shared::{Accepted, Attempt, EXHAUSTED_PAUSE, Listener, TICK_MS};
pub use strategy::Strategy;
