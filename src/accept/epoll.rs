//! All workers wait for one listener with epoll, and each connection wakes all of them.
//!
//! *What it costs*: a wake-up of every idle worker for each connection. One of them gets it; the
//! others call `accept` in vain. This is the "thundering herd", and the exhibit that
//! [`EXCLUSIVE`](super::EXCLUSIVE) is compared with.

use super::shared::SHARED;
use super::strategy::Strategy;

/// `--accept epoll`.
pub const EPOLL: Strategy = Strategy {
    name: "epoll",
    summary: "all wait with epoll, and all are woken",
    ..SHARED
};
