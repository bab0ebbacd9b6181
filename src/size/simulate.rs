//! One seeded run of a service, event by event. Times are in s from its start.

use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, VecDeque};

use super::service::Service;

/// Which requests wait for which workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// One queue for all workers: a pool of processes or threads with one accept queue.
    OneQueue,
    /// A queue for each worker, which a request cannot leave: event loops, whose connections stay.
    QueueEach,
    /// No request waits for a worker: a thread, a process or a task for each.
    NoQueue,
}

/// What serves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Station {
    /// Who waits for whom.
    pub rule: Rule,
    /// Workers; of no meaning where there is a worker for each request.
    pub workers: usize,
    /// Processors that they share.
    pub cores: f64,
}

impl Station {
    /// The rate at which all workers are busy all the time, or all cores if that comes first.
    pub fn capacity_per_s(&self, service: &Service) -> f64 {
        let by_cores = match service.cpu_s > 0.0 {
            true => self.cores / service.cpu_s,
            false => f64::INFINITY,
        };
        match self.rule {
            Rule::NoQueue => by_cores,
            _ => by_cores.min(self.workers as f64 / service.mean_s()),
        }
    }
}

/// The response times of one run in s, sorted. Requests arrive at random, independent of each
/// other.
///
/// The first tenth of the requests counts for nothing: it began with an empty queue.
pub fn simulate(
    station: Station,
    service: &Service,
    rate_per_s: f64,
    requests: usize,
    seed: u64,
) -> Vec<f64> {
    let mut run = Run::new(station, service, rate_per_s, requests, seed);
    while run.step() {}
    let mut times = run.times;
    times.sort_by(f64::total_cmp);
    times
}

/// A time and a request, in the order of time.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Moment(f64, usize);

impl Eq for Moment {}

impl PartialOrd for Moment {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Moment {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0).then(self.1.cmp(&other.1))
    }
}

struct Request {
    arrived: f64,
    group: usize,
    /// How long it waits for something else after it has computed.
    waits_s: f64,
}

/// Workers that share a queue.
struct Group {
    free: usize,
    queue: VecDeque<usize>,
}

struct Run<'a> {
    station: Station,
    service: &'a Service,
    random: fastrand::Rng,
    rate: f64,
    now: f64,
    next_arrival: f64,
    /// How many are still to arrive.
    to_come: usize,
    /// Requests from this number on count.
    counted_from: usize,
    requests: Vec<Request>,
    groups: Vec<Group>,
    /// The processor time that each computing request has had since the start, as if it had been
    /// there all the time. All progress alike, so this one number stands for all of them.
    progress: f64,
    /// Requests that compute, by the progress at which they are done.
    computing: BinaryHeap<Reverse<Moment>>,
    /// Requests that wait for something else, by the time at which they are done.
    waiting: BinaryHeap<Reverse<Moment>>,
    times: Vec<f64>,
}

impl<'a> Run<'a> {
    fn new(station: Station, service: &'a Service, rate: f64, count: usize, seed: u64) -> Self {
        let (groups, slots) = match station.rule {
            Rule::OneQueue => (1, station.workers),
            Rule::QueueEach => (station.workers, 1),
            Rule::NoQueue => (1, usize::MAX),
        };
        let group = |_| Group {
            free: slots,
            queue: VecDeque::new(),
        };
        let mut run = Self {
            station,
            service,
            random: fastrand::Rng::with_seed(seed),
            rate,
            now: 0.0,
            next_arrival: 0.0,
            to_come: count,
            counted_from: count / 10,
            requests: Vec::with_capacity(count),
            groups: (0..groups).map(group).collect(),
            progress: 0.0,
            computing: BinaryHeap::new(),
            waiting: BinaryHeap::new(),
            times: Vec::with_capacity(count),
        };
        run.next_arrival = run.gap();
        run
    }

    /// The time to the next arrival: exponential, so that arrivals are independent.
    fn gap(&mut self) -> f64 {
        -(1.0 - self.random.f64()).ln() / self.rate
    }

    /// The processor time that a computing request gets per second. The cores are shared evenly, as
    /// a fair scheduler does.
    fn speed(&self) -> f64 {
        (self.station.cores / self.computing.len().max(1) as f64).min(1.0)
    }

    /// Goes on to the next event; false when there is none.
    // ANCHOR: step
    fn step(&mut self) -> bool {
        let arrival = match self.to_come {
            0 => f64::INFINITY,
            _ => self.next_arrival,
        };
        let computed = self.computing.peek().map_or(f64::INFINITY, |it| {
            self.now + (it.0.0 - self.progress) / self.speed()
        });
        let waited = self.waiting.peek().map_or(f64::INFINITY, |it| it.0.0);
        let next = arrival.min(computed).min(waited);
        if next == f64::INFINITY {
            return false;
        }
        if !self.computing.is_empty() {
            self.progress += (next - self.now) * self.speed();
        }
        self.now = next;
        if next == computed {
            self.has_computed();
        } else if next == waited {
            if let Some(Reverse(Moment(_, request))) = self.waiting.pop() {
                self.finish(request);
            }
        } else {
            self.arrive();
        }
        true
    }
    // ANCHOR_END: step

    fn arrive(&mut self) {
        self.to_come -= 1;
        self.next_arrival = self.now + self.gap();
        let group = match self.groups.len() {
            1 => 0,
            groups => self.random.usize(0..groups),
        };
        let held = self.service.draw_s(&mut self.random);
        let request = self.requests.len();
        self.requests.push(Request {
            arrived: self.now,
            group,
            waits_s: held - self.service.cpu_s,
        });
        match self.groups[group].free {
            0 => self.groups[group].queue.push_back(request),
            _ => self.start(request),
        }
    }

    fn start(&mut self, request: usize) {
        self.groups[self.requests[request].group].free -= 1;
        let done = self.progress + self.service.cpu_s;
        self.computing.push(Reverse(Moment(done, request)));
    }

    fn has_computed(&mut self) {
        let Some(Reverse(Moment(done, request))) = self.computing.pop() else {
            return;
        };
        // Sums of many small steps are off by their rounding.
        self.progress = self.progress.max(done);
        let waits = self.requests[request].waits_s;
        match waits > 0.0 {
            true => self
                .waiting
                .push(Reverse(Moment(self.now + waits, request))),
            false => self.finish(request),
        }
    }

    fn finish(&mut self, request: usize) {
        let Request { arrived, group, .. } = self.requests[request];
        if request >= self.counted_from {
            self.times.push(self.now - arrived);
        }
        self.groups[group].free += 1;
        if let Some(next) = self.groups[group].queue.pop_front() {
            self.start(next);
        }
    }
}

#[cfg(test)]
#[path = "simulate_tests.rs"]
mod tests;
