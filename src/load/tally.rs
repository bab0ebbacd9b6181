//! One thread's counts, and their sum.

use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use super::outcome::Outcome;
use super::slot::Slot;
use super::{Errors, Plan, Watch};

/// What one thread has counted.
pub(super) struct Tally {
    pub(super) requests: u64,
    pub(super) attempted: u64,
    pub(super) errors: Errors,
    pub(super) in_flight_at_stop: u64,
    pub(super) never_answered: u64,
    pub(super) latency: Histogram<u64>,
    pub(super) connections_opened: u64,
    pub(super) bytes: u64,
    pub(super) cpu: Duration,
    pub(super) interrupted: bool,
    /// When its last request ended, before it closed its connections.
    pub(super) ended: Instant,
    /// Successes and failures that the watch knows of.
    published: (u64, u64),
}

impl Tally {
    pub(super) fn new(start: Instant) -> Self {
        Self {
            requests: 0,
            attempted: 0,
            errors: Errors::default(),
            in_flight_at_stop: 0,
            never_answered: 0,
            latency: histogram(),
            connections_opened: 0,
            bytes: 0,
            cpu: Duration::ZERO,
            interrupted: false,
            ended: start,
            published: (0, 0),
        }
    }

    /// A request was answered and verified.
    pub(super) fn succeeded(&mut self, latency: Duration) {
        self.requests += 1;
        self.latency.saturating_record(latency.as_nanos() as u64);
    }

    /// Takes over what a slot knows of itself, at the end.
    pub(super) fn add(&mut self, slot: &Slot) {
        self.in_flight_at_stop += u64::from(slot.is_asking());
        self.never_answered += u64::from(!slot.was_answered);
        self.connections_opened += slot.client.opened;
        self.bytes += slot.client.bytes;
    }

    /// Tells the watch what is new. Once a batch is enough for anybody who watches.
    pub(super) fn publish(&mut self, watch: &Watch) {
        let (requests, failures) = (self.requests, self.errors.total());
        watch
            .requests
            .fetch_add(requests - self.published.0, Relaxed);
        watch
            .failures
            .fetch_add(failures - self.published.1, Relaxed);
        self.published = (requests, failures);
    }
}

/// 1 ns to the longest timeout, to three digits. Fixed, so that recording never allocates.
fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, Plan::TIMEOUT_MAX.as_nanos() as u64, 3)
        .expect("the bounds are in order and 3 digits are allowed")
}

/// What all threads have counted.
pub(super) fn sum(plan: &Plan, tallies: Vec<Tally>, start: Instant) -> Outcome {
    let mut outcome = Outcome {
        requests: 0,
        attempted: 0,
        errors: Errors::default(),
        in_flight_at_stop: 0,
        never_answered: 0,
        latency: histogram(),
        duration: Duration::ZERO,
        connections: plan.connections_used(),
        connections_opened: 0,
        bytes: 0,
        cpu: Duration::ZERO,
        threads: tallies.len(),
        interrupted: false,
    };
    for tally in tallies {
        outcome.duration = outcome.duration.max(tally.ended - start);
        outcome.requests += tally.requests;
        outcome.attempted += tally.attempted;
        outcome.errors += &tally.errors;
        outcome.in_flight_at_stop += tally.in_flight_at_stop;
        outcome.never_answered += tally.never_answered;
        outcome
            .latency
            .add(&tally.latency)
            .expect("both histograms have the same bounds");
        outcome.connections_opened += tally.connections_opened;
        outcome.bytes += tally.bytes;
        outcome.cpu += tally.cpu;
        outcome.interrupted |= tally.interrupted;
    }
    outcome
}
