//! How connections are taken from the listener.
//!
//! Today there is one strategy, [`shared`]: whoever holds the listener calls `accept`, and the
//! kernel wakes one of them per connection, in the order in which they came.

pub mod shared;

pub use shared::{EXHAUSTED_PAUSE, Listener};
