//! The rules by which a master keeps its pool of workers.

use std::time::Duration;

/// What decides how many workers there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sizing {
    /// The number that was asked for, always.
    Static,
    /// As many as are busy, and some to spare: Apache's rule.
    Dynamic {
        /// With fewer idle workers the pool grows.
        spare_min: usize,
        /// With more idle workers the pool shrinks.
        spare_max: usize,
    },
    /// None until a connection waits.
    OnDemand {
        /// A worker that has been idle for so long ends.
        idle: Duration,
    },
}

/// Limits beyond which a worker is replaced. Each has a jitter: up to so much more, drawn for each
/// worker, so that not all of them leave together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Recycling {
    /// The resident set; 0 for no limit.
    pub max_memory_mib: u64,
    /// Added to `max_memory_mib`, at most.
    pub max_memory_jitter_mib: u64,
    /// Time since the fork; zero for no limit.
    pub max_age: Duration,
    /// Added to `max_age`, at most.
    pub max_age_jitter: Duration,
}

impl Recycling {
    /// Whether there is any limit.
    pub fn is_on(&self) -> bool {
        self.max_memory_mib > 0 || !self.max_age.is_zero()
    }
}

/// The rules for a pool of worker processes.
#[derive(Debug, Clone)]
pub struct PoolSettings {
    /// What decides how many workers there are.
    pub sizing: Sizing,
    /// A worker whose heartbeat stands still for so long is killed and replaced. `None`: never.
    pub worker_timeout: Option<Duration>,
    /// A worker whose handler is at work on one request for so long is killed and replaced.
    /// `None`: never.
    pub request_timeout: Option<Duration>,
    /// Requests after which a worker is replaced; 0 for never.
    pub max_requests: u64,
    /// Up to so many more, drawn for each worker, so that not all of them end together.
    pub max_requests_jitter: u64,
    /// When a worker is replaced for what the master sees of it.
    pub recycling: Recycling,
    /// How long a worker that was asked to end may take.
    pub grace: Duration,
    /// How long the kernel may take to begin to run the program of a successor.
    pub exec_time: Duration,
    /// How long the server says that it is not ready before a graceful stop begins.
    pub drain_delay: Duration,
}

impl Default for PoolSettings {
    fn default() -> Self {
        Self {
            sizing: Sizing::Static,
            worker_timeout: Some(Duration::from_secs(30)),
            request_timeout: None,
            max_requests: 0,
            max_requests_jitter: 0,
            recycling: Recycling::default(),
            grace: Duration::from_secs(30),
            exec_time: Duration::from_secs(10),
            drain_delay: Duration::ZERO,
        }
    }
}
