//! What a master is told about its pool of workers.

use std::time::Duration;

/// How many workers there are, and who decides it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sizing {
    /// As many as were asked for, always.
    Static,
    /// As many as are needed, and some to spare: Apache's rule.
    Dynamic {
        /// Idle workers that there should be at least.
        spare_min: usize,
        /// Idle workers that there should be at most.
        spare_max: usize,
    },
    /// None until a connection waits.
    OnDemand {
        /// Workers that were not needed for so long leave.
        idle: Duration,
    },
}

/// The rules for a pool of worker processes.
#[derive(Debug, Clone)]
pub struct Pool {
    /// Who decides how many there are.
    pub sizing: Sizing,
    /// A worker without a sign of life for so long is killed and replaced; never, if `None`.
    pub worker_timeout: Option<Duration>,
    /// So is one whose handler is at work on one request for so long; never, if `None`.
    pub request_timeout: Option<Duration>,
    /// Requests after which a worker is replaced; 0 for never.
    pub max_requests: u64,
    /// Up to so many more, drawn for each worker, so that not all of them leave together.
    pub max_requests_jitter: u64,
    /// How long a worker that is to leave may take.
    pub grace: Duration,
}

impl Default for Pool {
    fn default() -> Self {
        Self {
            sizing: Sizing::Static,
            worker_timeout: Some(Duration::from_secs(30)),
            request_timeout: None,
            max_requests: 0,
            max_requests_jitter: 0,
            grace: Duration::from_secs(30),
        }
    }
}
