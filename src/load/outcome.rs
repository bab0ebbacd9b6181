//! What a run measured.

use std::time::Duration;

use hdrhistogram::Histogram;

use super::Errors;

/// What a run measured.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Requests answered and verified.
    pub requests: u64,
    /// Requests begun: answered, failed or in flight at the stop, and nothing else.
    pub attempted: u64,
    /// Requests failed, by kind.
    pub errors: Errors,
    /// Requests begun and not yet answered when time was up. Neither errors nor in the latency.
    pub in_flight_at_stop: u64,
    /// Connections of the plan that never got a single answer, of any status: those that starved
    /// behind others, or whose every attempt failed.
    pub never_answered: u64,
    /// Service times of the answered requests, in nanoseconds.
    pub latency: Histogram<u64>,
    /// From the first connect to the end of the run.
    pub duration: Duration,
    /// Connections that the load came from, each with one request in flight.
    pub connections: usize,
    /// Connections established over the run, the reconnects included.
    pub connections_opened: u64,
    /// Bytes received, heads included.
    pub bytes: u64,
    /// User and system time of the generator's threads, all together.
    pub cpu: Duration,
    /// Threads that the load came from.
    pub threads: usize,
    /// Whether [`super::Watch::stop`] ended the run before its time.
    pub interrupted: bool,
}

impl Outcome {
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

    /// Whether anything was answered at all, whatever the status.
    pub fn is_answered(&self) -> bool {
        self.never_answered < self.connections as u64
    }

    /// Whether every request begun is accounted for. Always true, or the generator is wrong.
    pub fn is_complete(&self) -> bool {
        self.requests + self.errors.total() + self.in_flight_at_stop == self.attempted
    }
}

fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}
