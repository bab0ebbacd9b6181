//! What to load, how hard and for how long; and the line to a run that is under way.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

use super::response::Answer;
use super::{Error, Failure, Target};

/// Statuses from here on are errors, the client's or the server's (RFC 9110 section 15).
const STATUS_FAILED_MIN: u16 = 400;

/// What to load, how hard, and for how long.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Where the requests go.
    pub target: Target,
    /// Connections held open, each with one request in flight (closed loop). With fewer requests
    /// than connections, only as many connections as requests are used.
    pub connections: usize,
    /// Threads; each has its own event loop and its share of the connections.
    pub threads: usize,
    /// When to end.
    pub amount: Amount,
    /// When to end at the latest, even if [`Amount::Requests`] are not done by then.
    pub time_max: Option<Duration>,
    /// Reuse connections (true), or open a new one for each request (false).
    pub keep_alive: bool,
    /// How long a request may take, from connect to the last byte, before it counts as timed out.
    pub timeout: Duration,
    /// Processors to pin the threads to, in turn; empty leaves it to the scheduler.
    pub cpus: Vec<usize>,
    /// Addresses of this machine to connect from, in turn; empty leaves it to the kernel. Each has
    /// its own ephemeral ports, so that more connections than one has ports become possible.
    pub sources: Vec<IpAddr>,
    /// The length that every body must have, in bytes; an answer with another length counts as a
    /// wrong body. Without it, a body must only be as long as its own framing says.
    pub body_bytes: Option<u64>,
}

/// When a run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    /// After this many requests have been answered or have failed.
    Requests(u64),
    /// After this long.
    Duration(Duration),
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

/// One thread's part of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Share {
    /// Which thread, from 0.
    pub(super) thread: usize,
    pub(super) connections: usize,
    /// How many requests it may begin; `u64::MAX` where time ends the run.
    pub(super) requests: u64,
}

impl Plan {
    /// Enough to keep a small server busy without long queues; wrk and h2load users pick the like.
    pub const CONNECTIONS_DEFAULT: usize = 64;
    /// One event loop drives most servers to their limit.
    pub const THREADS_DEFAULT: usize = 1;
    /// Long enough for a steady mean, short enough to wait for.
    pub const DURATION_DEFAULT: Duration = Duration::from_secs(10);
    /// Far beyond any answer that is still useful.
    pub const TIMEOUT_DEFAULT: Duration = Duration::from_secs(10);
    /// The histograms reach this far, and no further.
    pub const TIMEOUT_MAX: Duration = Duration::from_secs(600);

    /// A plan with the defaults: 64 kept-alive connections on one thread for ten seconds.
    pub fn new(target: Target) -> Self {
        Self {
            target,
            connections: Self::CONNECTIONS_DEFAULT,
            threads: Self::THREADS_DEFAULT,
            amount: Amount::Duration(Self::DURATION_DEFAULT),
            time_max: None,
            keep_alive: true,
            timeout: Self::TIMEOUT_DEFAULT,
            cpus: Vec::new(),
            sources: Vec::new(),
            body_bytes: None,
        }
    }

    /// Connections that the run really uses: there is no point in more of them than requests.
    pub fn connections_used(&self) -> usize {
        match self.amount {
            Amount::Requests(n) => self
                .connections
                .min(usize::try_from(n).unwrap_or(usize::MAX)),
            Amount::Duration(_) => self.connections,
        }
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        let nothing = [Amount::Requests(0), Amount::Duration(Duration::ZERO)];
        if self.connections == 0 || self.threads == 0 || nothing.contains(&self.amount) {
            return Err(Error::Nothing);
        }
        if self.threads > self.connections {
            let (threads, connections) = (self.threads, self.connections);
            return Err(Error::IdleThreads {
                threads,
                connections,
            });
        }
        if self.timeout.is_zero() || self.timeout > Self::TIMEOUT_MAX {
            return Err(Error::Timeout {
                max: Self::TIMEOUT_MAX,
            });
        }
        Ok(())
    }

    /// Whether a whole answer is what the plan wants.
    pub(super) fn verify(&self, answer: &Answer) -> Result<(), Failure> {
        let wanted = self.body_bytes.unwrap_or(answer.body_bytes);
        if answer.surplus_bytes > 0 {
            return Err(Failure::WrongBody);
        }
        if answer.status >= STATUS_FAILED_MIN {
            return Err(Failure::Status);
        }
        if answer.body_bytes != wanted {
            return Err(Failure::WrongBody);
        }
        Ok(())
    }

    /// The plan split evenly over its threads, the remainders going to the first ones. Split in
    /// advance, because a shared counter would be a cache line that every request fights for.
    pub(super) fn shares(&self) -> impl Iterator<Item = Share> {
        let connections = self.connections_used();
        let threads = self.threads.min(connections);
        (0..threads).map(move |thread| Share {
            thread,
            connections: part(connections as u64, threads, thread) as usize,
            requests: match self.amount {
                Amount::Requests(n) => part(n, threads, thread),
                Amount::Duration(_) => u64::MAX,
            },
        })
    }
}

fn part(whole: u64, parts: usize, index: usize) -> u64 {
    let (parts, index) = (parts as u64, index as u64);
    whole / parts + u64::from(index < whole % parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(connections: usize, threads: usize, requests: u64) -> Plan {
        let target = "http://127.0.0.1:1/".parse().unwrap();
        let amount = Amount::Requests(requests);
        Plan {
            connections,
            threads,
            amount,
            ..Plan::new(target)
        }
    }

    #[test]
    fn shares_add_up_to_the_plan_and_give_each_connection_a_request() {
        for (connections, threads, requests) in [(1, 1, 1), (7, 3, 10), (64, 5, 1000), (9, 4, 3)] {
            let plan = plan(connections, threads, requests);
            let shares: Vec<Share> = plan.shares().collect();
            assert_eq!(shares.iter().map(|s| s.requests).sum::<u64>(), requests);
            let used: usize = shares.iter().map(|s| s.connections).sum();
            assert_eq!(used, plan.connections_used());
            assert!(
                shares.iter().all(|s| s.connections as u64 <= s.requests),
                "{shares:?}"
            );
            assert!(shares.iter().all(|s| s.connections > 0), "{shares:?}");
        }
    }

    #[test]
    fn plans_without_sense_are_refused_by_name() {
        assert!(matches!(plan(0, 1, 1).check(), Err(Error::Nothing)));
        assert!(matches!(plan(1, 1, 0).check(), Err(Error::Nothing)));
        assert!(matches!(
            plan(1, 2, 9).check(),
            Err(Error::IdleThreads { .. })
        ));
        let no_time = Plan {
            amount: Amount::Duration(Duration::ZERO),
            ..plan(1, 1, 1)
        };
        assert!(matches!(no_time.check(), Err(Error::Nothing)));
        let endless = Plan {
            timeout: Duration::MAX,
            ..plan(1, 1, 1)
        };
        assert!(matches!(endless.check(), Err(Error::Timeout { .. })));
    }
}
