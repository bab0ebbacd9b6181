//! One thread's counts and times. Times are in ns from the start of the run.

mod sum;

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use hdrhistogram::Histogram;

use super::client::Client;
use super::histogram::{add, histogram, values};
use super::malformed::Malformed;
use super::pacer::Due;
use super::series::Second;
use super::shared::Shared;
use super::slot::{InFlight, Slot};
use super::{Errors, Failure, Plan, Watch};

pub(super) use sum::sum;

const SECOND_NS: u64 = 1_000_000_000;
/// Statuses have three digits (RFC 9110 section 15).
const STATUSES: usize = 1000;

/// What one thread has counted.
pub(super) struct Tally {
    pub(super) requests: u64,
    pub(super) attempted: u64,
    pub(super) errors: Errors,
    pub(super) warm_up_requests: u64,
    statuses: Box<[u64]>,
    /// Why the first bad response was one.
    malformed: Option<Malformed>,
    /// From the intended send to the last byte. In a closed loop, from the send.
    response: Histogram<u64>,
    /// The same for the present second alone; added to `response` when it is over.
    this_second: Histogram<u64>,
    /// From the send to the last byte; empty in a closed loop, where it is the same.
    service: Histogram<u64>,
    timer_lag: Histogram<u64>,
    connection_wait: Histogram<u64>,
    connect: Histogram<u64>,
    first_byte: Histogram<u64>,
    /// The ages of the requests that were in flight at the end, and the oldest exactly.
    in_flight: Histogram<u64>,
    oldest_ns: u64,
    never_answered: u64,
    connections_opened: u64,
    bytes: u64,
    seconds: Vec<Second>,
    second: Second,
    /// When the present second is over.
    second_ends: u64,
    /// When its thread entered its loop.
    pub(super) entered: u64,
    /// When the measurement began, after the warm-up.
    begun: u64,
    /// When a closed loop had begun the first request of each connection.
    pub(super) opened: u64,
    /// When its last request ended, before it closed its connections.
    pub(super) ended: u64,
    pub(super) cpu: Duration,
    pub(super) interrupted: bool,
    /// Whether a connection was refused, in the warm-up too.
    pub(super) refused: bool,
    /// Requests that had to wait for a connection.
    waited: u64,
    pub(super) address: Option<usize>,
    is_open_loop: bool,
    /// Successes and failures that the watch knows of.
    published: (u64, u64),
}

impl Tally {
    pub(super) fn new(plan: &Plan) -> Self {
        let begun = plan.warm_up.as_nanos() as u64;
        Self {
            requests: 0,
            attempted: 0,
            errors: Errors::default(),
            warm_up_requests: 0,
            statuses: vec![0; STATUSES].into(),
            malformed: None,
            response: histogram(),
            this_second: histogram(),
            service: histogram(),
            timer_lag: histogram(),
            connection_wait: histogram(),
            connect: histogram(),
            first_byte: histogram(),
            in_flight: histogram(),
            oldest_ns: 0,
            never_answered: 0,
            connections_opened: 0,
            bytes: 0,
            seconds: Vec::new(),
            second: Second::default(),
            second_ends: begun + SECOND_NS,
            entered: 0,
            begun,
            opened: 0,
            ended: 0,
            cpu: Duration::ZERO,
            interrupted: false,
            refused: false,
            waited: 0,
            address: None,
            is_open_loop: plan.schedule.is_some(),
            published: (0, 0),
        }
    }

    /// A request begins.
    pub(super) fn begun(&mut self, is_measured: bool) {
        self.attempted += u64::from(is_measured);
        self.second.attempted += u64::from(is_measured);
    }

    /// A request of an open loop was seen to be due, and has a connection now.
    pub(super) fn dispatched(&mut self, due: &Due, now: u64) {
        if due.is_measured {
            self.timer_lag.saturating_record(due.noticed - due.intended);
            self.connection_wait.saturating_record(now - due.noticed);
        }
    }

    /// A request became due and found all connections of the run busy.
    pub(super) fn waits(&mut self, due: &Due) {
        self.waited += u64::from(due.is_measured);
    }

    /// A connection was established for a request that was sent at this time.
    pub(super) fn connected(&mut self, request: &InFlight, now: u64) {
        if request.is_measured {
            self.connect.saturating_record(now - request.sent);
        }
    }

    /// A request was answered and verified.
    pub(super) fn succeeded(&mut self, request: &InFlight, now: u64) {
        if !request.is_measured {
            self.warm_up_requests += 1;
            return;
        }
        self.requests += 1;
        self.second.requests += 1;
        self.this_second.saturating_record(now - request.intended);
        if self.is_open_loop {
            self.service.saturating_record(now - request.sent);
        }
        let first_byte = if request.first_byte > 0 {
            request.first_byte
        } else {
            now
        };
        self.first_byte.saturating_record(first_byte - request.sent);
    }

    /// An answer came whole.
    pub(super) fn status(&mut self, status: u16, is_measured: bool) {
        if let Some(count) = self.statuses.get_mut(usize::from(status)) {
            *count += u64::from(is_measured);
        }
    }

    /// A request is over without a verified answer.
    pub(super) fn failed(&mut self, request: &InFlight, failure: Failure, client: &Client) {
        if !request.is_measured {
            self.warm_up_requests += 1;
            return;
        }
        self.errors.count(failure);
        self.second.failed += 1;
        if failure == Failure::BadResponse {
            self.malformed = self.malformed.or(client.malformed);
        }
    }

    /// Whether the present second is over.
    pub(super) fn is_second_over(&self, now: u64) -> bool {
        now >= self.second_ends
    }

    /// Closes the seconds that are over; these had so many requests waiting and connections open
    /// at their end.
    pub(super) fn close_second(&mut self, now: u64, waiting: u64, connections: u64, watch: &Watch) {
        let began = self.second_ends - SECOND_NS;
        self.second.length_ns = now.saturating_sub(began).min(SECOND_NS);
        self.second.waiting = waiting;
        self.second.connections = connections;
        self.second.latency_ns = values(&self.this_second);
        add(&mut self.response, &self.this_second);
        self.this_second.reset();
        if let Ok(mut seconds) = watch.seconds.lock()
            && let Some(seconds) = &mut *seconds
        {
            seconds.push(self.second.clone());
        }
        let over = (now - self.begun.min(now)) / SECOND_NS;
        self.second_ends = self.begun + (over + 1) * SECOND_NS;
        let next = Second {
            index: over.max(self.second.index + 1),
            ..Second::default()
        };
        self.seconds.push(std::mem::replace(&mut self.second, next));
    }

    /// Takes over what is left at the end: requests in flight, and what each client knows of
    /// itself. So many requests wait for a connection.
    pub(super) fn close(&mut self, now: u64, slots: &[Slot], waiting: u64, watch: &Watch) {
        self.ended = now;
        let mut open = 0;
        for slot in slots {
            open += u64::from(slot.client.is_connected());
            self.never_answered += u64::from(!slot.was_answered);
            self.connections_opened += slot.client.opened;
            self.bytes += slot.client.bytes;
            if let Some(request) = slot.in_flight().filter(|it| it.is_measured) {
                let age = now - request.intended;
                self.in_flight.saturating_record(age);
                self.oldest_ns = self.oldest_ns.max(age);
            }
        }
        // A run of whole seconds ends a moment into one that nothing falls into.
        let is_empty = self.second.attempted + self.second.requests + self.second.failed == 0;
        if !is_empty || self.seconds.is_empty() {
            self.close_second(now, waiting, open, watch);
        }
    }

    /// Tells the watch and the other threads what is new. Once for each batch of events is enough
    /// for any observer.
    pub(super) fn publish(&mut self, watch: &Watch, shared: &Shared) {
        let (requests, failures) = (self.requests, self.errors.total());
        let new = (requests - self.published.0, failures - self.published.1);
        if new == (0, 0) {
            return;
        }
        watch.requests.fetch_add(new.0, Relaxed);
        watch.failures.fetch_add(new.1, Relaxed);
        shared.count(new.0 + new.1, new.1);
        self.published = (requests, failures);
    }
}
