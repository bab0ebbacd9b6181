//! What keeps a run from starting.

use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
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
    /// A rate that is no number of requests.
    #[error("{rate} is no rate: it should be a number from 0")]
    Rate {
        /// Requests per second asked for.
        rate: f64,
    },
    /// A schedule whose rates and durations come to no request.
    #[error("the schedule plans no request: use a higher rate or a longer time")]
    NothingPlanned,
    /// A rank of a closed loop.
    #[error(
        "ranks share a schedule, so they need an open loop: give --rate or --stages; the clients \
         of a closed loop wait for answers, and so no two generators ask the same"
    )]
    RankOfClosedLoop,
    /// A rank beyond their number.
    #[error("there is no rank {index} of {count}: ranks count from 0")]
    NoSuchRank {
        /// The rank asked for.
        index: u32,
        /// How many there are.
        count: u32,
    },
    /// Fewer requests than ranks.
    #[error("the schedule plans {planned} requests for {count} ranks: each needs at least one")]
    IdleRanks {
        /// How many ranks there are.
        count: u32,
        /// Requests of the whole plan.
        planned: u64,
    },
    /// The common start is so long ago that the schedule is over.
    #[error(
        "the start passed {:.1} s ago, and the schedule is over: give a later --start-at (and \
         check this machine's clock)",
        late.as_secs_f64()
    )]
    StartPassed {
        /// How long ago.
        late: Duration,
    },
    /// A schedule of more requests than can be planned.
    #[error("the schedule plans more than {max} requests: use a lower rate or a shorter time")]
    TooManyPlanned {
        /// The most that can be planned.
        max: u64,
    },
    /// The path of a Unix socket is too long for an address (unix(7)).
    #[error("'{}' is no address of a socket: {reason}", path.display())]
    SocketPath {
        /// The path asked for.
        path: PathBuf,
        /// What is wrong with it.
        reason: io::Error,
    },
    /// An address to connect from that is not this machine's.
    #[error("cannot connect from {address}: {reason} (see ip address)")]
    Source {
        /// The address asked for.
        address: IpAddr,
        /// What the kernel said.
        reason: io::Error,
    },
    /// The first connection of a run was refused.
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
