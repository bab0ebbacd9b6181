//! The last minute of a server, second by second. Pure: reports and their times come in.

use std::collections::VecDeque;

use crate::scoreboard::{SLOTS_MAX, State};
use crate::status::{Report, Worker};

/// Seconds that the history covers.
pub(super) const SECONDS: usize = 60;
/// Rates are averages over this time, so that they do not jump with every report.
const RATE_SPAN_S: f64 = 1.0;

/// What the reports of one second say about a slot.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Cell {
    /// The number of reports.
    pub(super) looks: u32,
    /// Those in which the slot had a worker.
    pub(super) there: u32,
    /// Those in which the worker was busy, or had answered a request since the last report.
    pub(super) active: u32,
    /// The last busy state or, without one, the last state.
    pub(super) state: Option<State>,
}

/// One second of the whole server.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Second {
    /// Requests answered in it.
    pub(super) requests: u64,
    /// The largest number of workers.
    pub(super) workers: u64,
    /// The largest number of connections in the accept queue.
    pub(super) queue: u64,
}

/// What the view remembers of the last minute.
#[derive(Debug, Default)]
pub(super) struct History {
    /// The cells of each slot; the last is the current second. A slot that is new has fewer.
    strips: Vec<VecDeque<Cell>>,
    seconds: VecDeque<Second>,
    /// The second to which the last cells belong.
    now: u64,
    /// The reports of the last second or so, with their times.
    recent: VecDeque<(f64, Report)>,
}

impl History {
    /// Takes in a report that was made `at` seconds after the first.
    pub(super) fn take(&mut self, mut report: Report, at: f64) {
        self.turn_to(at.max(0.0) as u64);
        let before = self.recent.back().map(|(_, report)| report);
        let requests = before.map_or(0, |it| report.requests.saturating_sub(it.requests));
        // The report may come from another program, so its slots may be out of range.
        report.workers.retain(|it| it.slot < SLOTS_MAX);
        let slots = report.workers.iter().map(|it| it.slot + 1).max();
        self.strips
            .resize_with(slots.unwrap_or(0).max(self.strips.len()), VecDeque::new);
        for worker in &report.workers {
            let answered_before = before.and_then(|it| find(it, worker.slot));
            let answered = answered_before.is_some_and(|it| it.requests < worker.requests);
            let strip = &mut self.strips[worker.slot];
            if strip.is_empty() {
                strip.push_back(Cell::default());
            }
            if let Some(cell) = strip.back_mut() {
                cell.look(worker.state(), answered);
            }
        }
        if let Some(second) = self.seconds.back_mut() {
            second.requests = second.requests.saturating_add(requests);
            second.workers = second.workers.max((report.busy + report.idle) as u64);
            let queue = report.queue.map_or(0, |queue| queue.length);
            second.queue = second.queue.max(queue);
        }
        self.recent.push_back((at, report));
        self.forget(at);
    }

    /// Lets time pass without a report, so that the last cells belong to `at`.
    pub(super) fn pass(&mut self, at: f64) {
        if !self.seconds.is_empty() {
            self.turn_to(at.max(0.0) as u64);
        }
    }

    /// Adds empty cells for all seconds since the last report.
    fn turn_to(&mut self, now: u64) {
        let fresh = if self.seconds.is_empty() {
            1
        } else {
            now.saturating_sub(self.now)
        };
        for _ in 0..fresh.min(SECONDS as u64) {
            push(&mut self.seconds, Second::default());
            for strip in &mut self.strips {
                push(strip, Cell::default());
            }
        }
        self.now = self.now.max(now);
    }

    /// Drops reports, but keeps one that is at least as old as the span of a rate.
    fn forget(&mut self, at: f64) {
        let is_old =
            |entry: Option<&(f64, Report)>| entry.is_some_and(|(then, _)| at - then >= RATE_SPAN_S);
        while is_old(self.recent.get(1)) {
            self.recent.pop_front();
        }
    }

    /// The newest report.
    pub(super) fn report(&self) -> Option<&Report> {
        self.recent.back().map(|(_, report)| report)
    }

    /// The seconds of the history, the current one last.
    pub(super) fn seconds(&self) -> impl DoubleEndedIterator<Item = &Second> + ExactSizeIterator {
        self.seconds.iter()
    }

    /// The cells of a slot, the current second last.
    pub(super) fn strip(&self, slot: usize) -> impl DoubleEndedIterator<Item = &Cell> {
        self.strips.get(slot).into_iter().flatten()
    }

    /// How much `count` grows per second; `None` until there are two reports.
    pub(super) fn rate(&self, count: impl Fn(&Report) -> Option<f64>) -> Option<f64> {
        let (then, before) = self.recent.front()?;
        let (now, after) = self.recent.back()?;
        if now - then <= 0.0 {
            return None;
        }
        let grown = count(after)? - count(before)?;
        Some(grown.max(0.0) / (now - then))
    }

    /// How much `count` grows per second for the worker in a slot.
    pub(super) fn worker_rate(
        &self,
        slot: usize,
        count: impl Fn(&Worker) -> Option<f64>,
    ) -> Option<f64> {
        self.rate(|report| count(find(report, slot)?))
    }

    /// The share of a processor that the worker in a slot uses; `None` for a worker that has just
    /// started.
    pub(super) fn worker_cpu(&self, slot: usize) -> Option<f64> {
        let now = find(self.report()?, slot)?;
        let (pid, tid) = (now.pid, now.tid);
        self.worker_rate(slot, |it| {
            it.cpu_s.filter(|_| (it.pid, it.tid) == (pid, tid))
        })
    }
}

impl Cell {
    fn look(&mut self, state: State, answered: bool) {
        let works = state.is_busy() && state != State::KeepAlive;
        self.looks += 1;
        self.there += u32::from(state != State::Empty);
        self.active += u32::from(works || answered);
        let said_more = self
            .state
            .is_some_and(|it| it.is_busy() && it != State::KeepAlive);
        if works || !said_more {
            self.state = Some(state);
        }
    }
}

fn push<T>(ring: &mut VecDeque<T>, item: T) {
    if ring.len() == SECONDS {
        ring.pop_front();
    }
    ring.push_back(item);
}

/// The worker in a slot; a report lists them in the order of their slots.
fn find(report: &Report, slot: usize) -> Option<&Worker> {
    let index = report
        .workers
        .binary_search_by_key(&slot, |it| it.slot)
        .ok()?;
    report.workers.get(index)
}

#[cfg(test)]
#[path = "history_tests.rs"]
pub(super) mod tests;
