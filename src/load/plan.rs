//! What to load, how hard and for how long.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::schedule::Schedule;
use super::{Error, Rank, Target, Workload};
use crate::trace::Recorder;

/// What to load, how hard, and for how long.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Where the requests go.
    pub target: Target,
    /// What is asked.
    pub workload: Workload,
    /// Connections. In a closed loop all are open, each with one request in flight; with fewer
    /// requests than connections, only as many as requests are used. In an open loop this is the
    /// limit: a connection is opened when a request is due and all others are busy.
    pub connections: usize,
    /// Threads; each has its own event loop and its share of the connections.
    pub threads: usize,
    /// When to end. An open loop ends with its schedule, whatever this says.
    pub amount: Amount,
    /// When to end at the latest, even if [`Amount::Requests`] are not done by then.
    pub time_max: Option<Duration>,
    /// The times at which requests are to be sent (open loop); without it, each connection sends
    /// its next request when it has its answer (closed loop).
    pub schedule: Option<Schedule>,
    /// The part of the schedule that this run carries out, if other generators have the rest.
    pub rank: Option<Rank>,
    /// When the measurement begins, by the clock of this machine; without it, at once. An open
    /// loop that keeps connections opens all of them before.
    pub start_at: Option<SystemTime>,
    /// Load before the measurement begins, which counts for nothing.
    pub warm_up: Duration,
    /// Reuse connections (true), or open a new one for each request (false).
    pub keep_alive: bool,
    /// Close a kept-alive connection after this many requests.
    pub requests_per_connection: Option<u64>,
    /// How long a request may take, from connect to the last byte, before it counts as timed out.
    /// The time that it waited for a connection does not count.
    pub timeout: Duration,
    /// The run ends if no request is answered for this long while connections are refused. Where
    /// they fail otherwise, it takes the timeout at least.
    pub gone_after: Duration,
    /// The run ends once more than this share of the requests has failed, and
    /// [`Plan::ERRORS_JUDGED_FROM`] requests have ended.
    pub errors_max: Option<f64>,
    /// Processors to pin the threads to, in turn; empty leaves it to the scheduler.
    pub cpus: Vec<usize>,
    /// Addresses of this machine to connect from, in turn; empty leaves it to the kernel. Each has
    /// its own ephemeral ports, so that more connections than one has ports become possible.
    pub sources: Vec<IpAddr>,
    /// The length that every body must have, in bytes; an answer with another length counts as a
    /// wrong body. Without it, a body must only be as long as its own framing says.
    pub body_bytes: Option<u64>,
    /// Decides which request of the workload comes when.
    pub seed: u64,
    /// Poll without ever blocking, for a generator whose processor serves nothing else.
    pub spin: bool,
    /// How late the timer may wake an open loop, so that it wakes once for several requests.
    pub timer_slack: Duration,
    /// Connections beside the measured ones that send a byte a second, or nothing.
    pub slow_clients: usize,
    /// Where the clients record what happens to each connection.
    pub trace: Option<Arc<Recorder>>,
}

/// When a run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    /// After this many requests have been answered or have failed.
    Requests(u64),
    /// After this long.
    Duration(Duration),
}

/// One thread's part of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Share {
    /// Which thread, from 0.
    pub(super) thread: usize,
    /// How many threads the run has.
    pub(super) threads: usize,
    /// How many of the plan's connections are this thread's.
    pub(super) connections: usize,
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

    /// Longer than a restart of most servers, and short enough to wait for.
    pub const GONE_AFTER_DEFAULT: Duration = Duration::from_secs(1);
    /// The kernel's own default for a thread. Up to 10,000 requests a second it changes nothing. At
    /// higher rates it spares most wake-ups, each of which costs more than a request.
    pub const TIMER_SLACK_DEFAULT: Duration = Duration::from_micros(50);
    /// Of fewer requests, a share of failures says little.
    pub const ERRORS_JUDGED_FROM: u64 = 100;

    /// A plan with the defaults: a closed loop of 64 kept-alive connections on one thread, which
    /// ask for the target's path for ten seconds.
    pub fn new(target: Target) -> Self {
        Self {
            target,
            workload: Workload::default(),
            connections: Self::CONNECTIONS_DEFAULT,
            threads: Self::THREADS_DEFAULT,
            amount: Amount::Duration(Self::DURATION_DEFAULT),
            time_max: None,
            schedule: None,
            rank: None,
            start_at: None,
            warm_up: Duration::ZERO,
            keep_alive: true,
            requests_per_connection: None,
            timeout: Self::TIMEOUT_DEFAULT,
            gone_after: Self::GONE_AFTER_DEFAULT,
            errors_max: None,
            cpus: Vec::new(),
            sources: Vec::new(),
            body_bytes: None,
            seed: 0,
            spin: false,
            timer_slack: Self::TIMER_SLACK_DEFAULT,
            slow_clients: 0,
            trace: None,
        }
    }

    /// Connections that the run can use: never more than requests.
    pub fn connections_used(&self) -> usize {
        let requests = self.planned().unwrap_or(u64::MAX);
        let requests = usize::try_from(requests).unwrap_or(usize::MAX);
        self.connections.min(requests)
    }

    /// When the run ends at the latest, counted from the end of the warm-up.
    pub fn time_limit(&self) -> Option<Duration> {
        let by_amount = match (&self.schedule, self.amount) {
            (Some(schedule), Amount::Duration(_)) => Some(schedule.duration()),
            (None, Amount::Duration(duration)) => Some(duration),
            (_, Amount::Requests(_)) => None,
        };
        by_amount.into_iter().chain(self.time_max).min()
    }

    /// How many requests this run is to send, where that is known beforehand. A rank has its part
    /// of the schedule.
    pub fn planned(&self) -> Option<u64> {
        let rank = self.rank.unwrap_or(Rank::ALONE);
        match (&self.schedule, self.amount) {
            (Some(schedule), _) => Some(rank.share(schedule.planned())),
            (None, Amount::Requests(n)) => Some(n),
            (None, Amount::Duration(_)) => None,
        }
    }

    /// Whether the plan makes sense, as far as that is known without the machine.
    ///
    /// # Errors
    /// A sentence that names what makes no sense.
    pub fn check(&self) -> Result<(), Error> {
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
        if self.requests_per_connection == Some(0) || self.workload.requests().is_empty() {
            return Err(Error::Nothing);
        }
        self.rank.map_or(Ok(()), |rank| self.check_rank(rank))
    }

    fn check_rank(&self, rank: Rank) -> Result<(), Error> {
        let Rank { index, count } = rank;
        let Some(schedule) = &self.schedule else {
            return Err(Error::RankOfClosedLoop);
        };
        if index >= count {
            return Err(Error::NoSuchRank { index, count });
        }
        let planned = schedule.planned();
        match planned < u64::from(count) {
            true => Err(Error::IdleRanks { count, planned }),
            false => Ok(()),
        }
    }

    /// How long until the load begins: the warm-up ends at [`Plan::start_at`]. A start that has
    /// passed is no wait.
    ///
    /// # Errors
    /// A start so long ago that the schedule would be over by now.
    pub(super) fn lead(&self, now: SystemTime) -> Result<Duration, Error> {
        let Some(start) = self.start_at else {
            return Ok(Duration::ZERO);
        };
        let late = now.duration_since(start).unwrap_or_default();
        let scheduled = self.schedule.as_ref().map(Schedule::duration);
        let limit = scheduled.or(self.time_limit());
        if limit.is_some_and(|limit| late >= limit) {
            return Err(Error::StartPassed { late });
        }
        let until = start.duration_since(now).unwrap_or_default();
        Ok(until.saturating_sub(self.warm_up))
    }

    /// The connections split evenly over the threads, the remainder going to the first ones. The
    /// requests are not split: a thread takes the next one when it can send it.
    pub(super) fn shares(&self) -> impl Iterator<Item = Share> {
        let connections = self.connections_used();
        let threads = self.threads.min(connections);
        (0..threads).map(move |thread| Share {
            thread,
            threads,
            connections: part(connections, threads, thread),
        })
    }
}

fn part(whole: usize, parts: usize, index: usize) -> usize {
    whole / parts + usize::from(index < whole % parts)
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
    fn shares_add_up_to_the_connections_and_none_is_empty() {
        for (connections, threads, requests) in [(1, 1, 1), (7, 3, 10), (64, 5, 1000), (9, 4, 3)] {
            let plan = plan(connections, threads, requests);
            let shares: Vec<Share> = plan.shares().collect();
            let used: usize = shares.iter().map(|s| s.connections).sum();
            assert_eq!(used, plan.connections_used());
            assert!(used as u64 <= requests, "{shares:?}");
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
