//! What a run measured.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hdrhistogram::Histogram;

use super::histogram::histogram;
use super::series::Second;
use super::shared::EarlyEnd;
use super::{Address, Errors, Plan};

/// A request whose answer takes this many times the median has met a stall.
const STALL_FACTOR: u64 = 10;
/// The samples that should lie beyond a quantile that is shown.
const TAIL_MIN: f64 = 10.0;
/// A pending request changes a percentile if it raises it by more than this share.
const DOUBT: f64 = 0.05;

/// What a run measured. The warm-up counts for nothing, except where a field says so.
///
/// `planned` = `requests` + `errors.total()` + `in_flight_at_stop` + `never_sent`, always.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Requests that the plan wanted. A closed loop with a time limit alone wants what it can
    /// send, so this is what it has attempted.
    pub planned: u64,
    /// Requests answered and verified.
    pub requests: u64,
    /// Requests begun: answered, failed or in flight at the stop, and nothing else.
    pub attempted: u64,
    /// Requests failed, by kind.
    pub errors: Errors,
    /// Requests begun and not yet answered when time was up. Neither errors nor in the latency.
    pub in_flight_at_stop: u64,
    /// Requests planned and not begun.
    pub never_sent: u64,
    /// Those of them that were due, and waited for a connection.
    pub never_sent_due: u64,
    /// The age of the oldest request that was in flight or due at the end, from its intended send.
    pub oldest_pending: Duration,
    /// The ages of all these requests, in ns: the least that their response times would have been.
    pub pending: Histogram<u64>,
    /// Connections of the plan that never got a single answer, of any status: those that starved
    /// behind others, or whose every attempt failed, or that an open loop did not need.
    pub never_answered: u64,
    /// How many answers had which status, verified or not.
    pub statuses: BTreeMap<u16, u64>,
    /// Why the first bad response was one.
    pub malformed: Option<Cow<'static, str>>,
    /// Response times of the answered requests, in ns: from the intended send to the last byte. In
    /// a closed loop a request is intended when it is sent.
    pub latency: Histogram<u64>,
    /// Service times in ns: from the actual send (or its connect) to the last byte.
    pub service: Histogram<u64>,
    /// Open loop: from the intended send to the moment that the generator saw it due, in ns. The
    /// generator's own fault.
    pub timer_lag: Histogram<u64>,
    /// Open loop: from that moment to the one at which a connection was free, in ns. Back-pressure
    /// of the server, or too few connections.
    pub connection_wait: Histogram<u64>,
    /// From connect(2) to the first write that succeeds, in ns, once for each connection.
    pub connect: Histogram<u64>,
    /// From the send (or its connect) to the first byte of the answer, in ns.
    pub first_byte: Histogram<u64>,
    /// What happened in each second.
    pub seconds: Vec<Second>,
    /// Open loop: requests that found all connections busy when they were due.
    pub waited: u64,
    /// Open loop: how long at least one request was waiting for a connection.
    pub limit_reached: Duration,
    /// Closed loop: how much of the measurement passed while connections were opened.
    pub opening: Duration,
    /// When the measurement really began, by the clock of the generator's machine.
    pub began: SystemTime,
    /// From the first connect, or the end of the warm-up, to the end of the run.
    pub duration: Duration,
    /// Requests that the warm-up has ended, answered or failed.
    pub warm_up_requests: u64,
    /// Connections that the load could use.
    pub connections: usize,
    /// Connections established over the run, the warm-up and the reconnects included.
    pub connections_opened: u64,
    /// Bytes received, heads and warm-up included.
    pub bytes: u64,
    /// User and system time of the generator's threads, all together.
    pub cpu: Duration,
    /// Threads that the load came from.
    pub threads: usize,
    /// The address that connections were made to.
    pub address: Option<Address>,
    /// Whether [`super::Watch::stop`] ended the run before its time.
    pub interrupted: bool,
    /// Why the run ended before its time by itself.
    pub early_end: Option<EarlyEnd>,
    /// When the last answer came, if the server refused connections afterwards and until the end,
    /// or let all requests fail.
    pub gone_since: Option<Duration>,
    /// Whether the load followed a schedule.
    pub is_open_loop: bool,
    /// What became of the slow clients, if there were any.
    pub slow_clients: Option<super::SlowClients>,
}

impl Outcome {
    /// A run in which nothing happened.
    pub fn empty(plan: &Plan) -> Self {
        Self {
            planned: 0,
            requests: 0,
            attempted: 0,
            errors: Errors::default(),
            in_flight_at_stop: 0,
            never_sent: 0,
            never_sent_due: 0,
            oldest_pending: Duration::ZERO,
            pending: histogram(),
            never_answered: 0,
            statuses: BTreeMap::new(),
            malformed: None,
            latency: histogram(),
            service: histogram(),
            timer_lag: histogram(),
            connection_wait: histogram(),
            connect: histogram(),
            first_byte: histogram(),
            seconds: Vec::new(),
            waited: 0,
            limit_reached: Duration::ZERO,
            opening: Duration::ZERO,
            began: UNIX_EPOCH,
            duration: Duration::ZERO,
            warm_up_requests: 0,
            connections: plan.connections_used(),
            connections_opened: 0,
            bytes: 0,
            cpu: Duration::ZERO,
            threads: 0,
            address: None,
            interrupted: false,
            early_end: None,
            gone_since: None,
            is_open_loop: plan.schedule.is_some(),
            slow_clients: None,
        }
    }

    /// Requests answered and verified per second.
    pub fn requests_per_s(&self) -> f64 {
        ratio(self.requests as f64, self.duration.as_secs_f64())
    }

    /// How far the run is from Little's law, |X·R/c − 1|: the requests in flight on average
    /// (throughput times mean latency) against the number of connections. In a closed loop they
    /// are equal, so a gap is time that no answered request accounts for: connections that
    /// starved, failed or waited to reconnect. Above 0.05 the mean hides something.
    pub fn littles_law_gap(&self) -> f64 {
        let in_flight = self.requests_per_s() * self.latency.mean() / 1e9;
        (ratio(in_flight, self.connections as f64) - 1.0).abs()
    }

    /// Processor time per thread and second, 0 to 1. Near 1 the generator was the bottleneck, and
    /// throughput and latency are its own.
    pub fn cpu_share(&self) -> f64 {
        ratio(
            self.cpu.as_secs_f64(),
            self.duration.as_secs_f64() * self.threads as f64,
        )
    }

    /// The share of the requests that are over that failed.
    pub fn error_share(&self) -> f64 {
        let failed = self.errors.total();
        ratio(failed as f64, (self.requests + failed) as f64)
    }

    /// The share of the plan that was carried out: what an open loop achieved of what it offered.
    /// Requests in flight at the stop were sent, and count.
    pub fn achieved_share(&self) -> f64 {
        ratio(self.attempted as f64, self.planned as f64)
    }

    /// Whether anything was answered at all, whatever the status.
    pub fn is_answered(&self) -> bool {
        !self.statuses.is_empty()
    }

    /// Whether every planned request is accounted for. Always true, or the generator is wrong.
    pub fn is_complete(&self) -> bool {
        let begun = self.requests + self.errors.total() + self.in_flight_at_stop;
        begun == self.attempted && begun + self.never_sent == self.planned
    }

    /// The least that a quantile of the response times can have been, counting each pending
    /// request with its age, if that says more than the answered requests alone.
    ///
    /// A pending request's response time is at least its age. So the quantile of all requests is
    /// at least that of the answered ones and the ages together.
    pub fn at_least(&self, quantile: f64) -> Option<u64> {
        if self.pending.is_empty() {
            return None;
        }
        let mut all = self.latency.clone();
        all.add(&self.pending).ok()?;
        let bound = all.value_at_quantile(quantile);
        let measured = self.latency.value_at_quantile(quantile);
        (bound as f64 > measured as f64 * (1.0 + DOUBT)).then_some(bound)
    }

    /// The share of the time in requests that went into those that took over 10 times the
    /// median, and the share that these are of all requests.
    ///
    /// Where much of the time goes into very few requests, a closed loop flatters the server: it
    /// asked little while the server stalled.
    pub fn stalls(&self) -> (f64, f64) {
        let limit = self
            .latency
            .value_at_quantile(0.5)
            .saturating_mul(STALL_FACTOR);
        let (mut slow, mut slow_ns, mut all_ns) = (0, 0.0, 0.0);
        for step in self.latency.iter_recorded() {
            let count = step.count_at_value();
            let ns = step.value_iterated_to() as f64 * count as f64;
            all_ns += ns;
            if step.value_iterated_to() > limit {
                slow += count;
                slow_ns += ns;
            }
        }
        (
            ratio(slow_ns, all_ns),
            ratio(slow as f64, self.latency.len() as f64),
        )
    }
}

/// Whether so many samples show this quantile: with fewer than 10 beyond it, it is chance.
pub fn has_tail(samples: u64, quantile: f64) -> bool {
    // Quantiles are no exact binary numbers: 1000 samples do show the p99.
    samples as f64 * (1.0 - quantile) + 1e-6 >= TAIL_MIN
}

fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

#[cfg(test)]
#[path = "outcome_tests.rs"]
mod tests;
