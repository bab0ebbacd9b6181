//! What keeps a run from starting.

use std::io;
use std::time::Duration;

/// Why a run could not start, or why its own machinery failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No connections, no threads, no requests or no time.
    #[error("nothing to do: connections, threads, requests and time must be more than 0")]
    Nothing,
    /// Some threads would have no connection.
    #[error(
        "{threads} threads for {connections} connections: \
         each thread needs at least one connection"
    )]
    IdleThreads {
        /// Threads asked for.
        threads: usize,
        /// Connections asked for.
        connections: usize,
    },
    /// A timeout of zero or beyond what the histograms hold.
    #[error("the timeout must be more than 0 and at most {} s", max.as_secs())]
    Timeout {
        /// The longest timeout.
        max: Duration,
    },
    /// More connections than this process may have descriptors.
    #[error(
        "{connections} connections need {needed} descriptors, but the hard limit is {limit}: \
         use fewer connections or raise the limit (ulimit -Hn)"
    )]
    Descriptors {
        /// Connections asked for.
        connections: usize,
        /// Descriptors that they need, with the process's own.
        needed: u64,
        /// The hard RLIMIT_NOFILE.
        limit: u64,
    },
    /// sched_setaffinity(2) refused.
    #[error("cannot pin a thread to CPU {cpu}: {reason} (see nproc and taskset -p $$)")]
    Pin {
        /// The processor asked for.
        cpu: usize,
        /// What the kernel said.
        reason: io::Error,
    },
    /// The probe before a run found nobody.
    #[error("cannot reach {url}: {reason} (is the server running?)")]
    Unreachable {
        /// The target.
        url: String,
        /// In words, such as "connection refused".
        reason: String,
    },
    /// The event loop's own system calls failed, not the network's.
    #[error("{call}: {reason}")]
    System {
        /// The system call.
        call: &'static str,
        /// What the kernel said.
        reason: io::Error,
    },
}
