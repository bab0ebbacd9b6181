//! The load generator: a closed loop of connections against any URL.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

use hdrhistogram::Histogram;

/// What to load, how hard, and for how long.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Where the requests go.
    pub target: Target,
    /// Connections held open, each with one request in flight (closed loop).
    pub connections: usize,
    /// Threads; each has its own event loop and its share of the connections.
    pub threads: usize,
    /// When to end.
    pub amount: Amount,
    /// Reuse connections (true), or open a new one for each request (false).
    pub keep_alive: bool,
    /// How long a request may take, from connect to the last byte, before it counts as timed out.
    pub timeout: Duration,
    /// Processors to pin the threads to, in turn; empty leaves it to the scheduler.
    pub cpus: Vec<usize>,
}

/// When a run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    /// After this many requests have been answered or have failed.
    Requests(u64),
    /// After this long.
    Duration(Duration),
}

/// A parsed `http://` URL and the address that it resolved to.
#[derive(Debug, Clone)]
pub struct Target {
    /// The address to connect to.
    pub address: SocketAddr,
    /// Host and port, as the Host field says them.
    pub authority: String,
    /// Path and query, starting with `/`.
    pub path: String,
}

/// Shared between a run and whoever watches it: progress one way, the wish to stop the other.
#[derive(Debug, Default)]
pub struct Watch {
    /// Requests answered and verified so far.
    pub requests: AtomicU64,
    /// Requests failed so far, of any kind.
    pub failures: AtomicU64,
    /// Set it to end the run early; what was measured so far is returned.
    pub stop: AtomicBool,
}

/// What a run measured.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Requests answered and verified.
    pub requests: u64,
    /// Service times of the answered requests, in nanoseconds.
    pub latency: Histogram<u64>,
    /// From the first connect to the end of the run.
    pub duration: Duration,
}
