//! All workers wait for one listener with epoll, and each connection wakes one of them.
//!
//! `EPOLLEXCLUSIVE` (`epoll_ctl(2)`, Linux 4.5) lets the kernel wake the first worker that sleeps.
//! *When it breaks*: the first is nearly always the same one, because a worker that goes back to
//! sleep keeps its place in the kernel's list. So one worker gets most of the connections. With
//! `--requeue` a worker takes the last place in that list after a number of connections.

use super::shared::SHARED;
use super::strategy::Strategy;

/// `--accept exclusive`.
pub const EXCLUSIVE: Strategy = Strategy {
    name: "exclusive",
    summary: "all wait with EPOLLEXCLUSIVE, and one is woken",
    options: &["requeue"],
    ..SHARED
};
