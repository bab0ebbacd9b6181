//! The last minute of a server, second by second. Pure: reports and their times come in.

use std::collections::VecDeque;

use crate::scoreboard::{SLOTS_MAX, State};
use crate::status::{Report, Worker};

/// Seconds that are remembered.
pub(super) const SECONDS: usize = 60;
/// Rates are taken over this long, so that they do not jump with every look.
const RATE_SPAN_S: f64 = 1.0;

/// What a worker did in one second, as far as it was looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Cell {
    /// How often it was looked at.
    pub(super) looks: u32,
    /// How often somebody was there.
    pub(super) there: u32,
    /// How often it was at work, or had answered something since the last look.
    pub(super) active: u32,
    /// The state at work that was seen last or, failing that, the state.
    pub(super) state: Option<State>,
}

/// One second of the whole server.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Second {
    /// Requests answered in it.
    pub(super) requests: u64,
    /// Workers, the most that were seen.
    pub(super) workers: u64,
    /// Connections in the accept queue, the most that were seen.
    pub(super) queue: u64,
}

/// All that is remembered.
#[derive(Debug, Default)]
pub(super) struct History {
    /// By slot; the last cell is the current second. Shorter than a minute for newcomers.
    strips: Vec<VecDeque<Cell>>,
    seconds: VecDeque<Second>,
    /// The second that the last cells are of.
    now: u64,
    /// The reports of the last second or so, and when they came.
    recent: VecDeque<(f64, Report)>,
}

impl History {
    /// Takes up a report that came `at` seconds after the first.
    pub(super) fn take(&mut self, mut report: Report, at: f64) {
        self.turn_to(at.max(0.0) as u64);
        let before = self.recent.back().map(|(_, report)| report);
        let requests = before.map_or(0, |it| report.requests.saturating_sub(it.requests));
        // Another program may have sent the report.
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

    /// Begins new cells for all seconds since the last one.
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

    /// Keeps one report that is at least as old as the span, and those that are younger.
    fn forget(&mut self, at: f64) {
        let is_old =
            |entry: Option<&(f64, Report)>| entry.is_some_and(|(then, _)| at - then >= RATE_SPAN_S);
        while is_old(self.recent.get(1)) {
            self.recent.pop_front();
        }
    }

    /// The last report.
    pub(super) fn report(&self) -> Option<&Report> {
        self.recent.back().map(|(_, report)| report)
    }

    /// The seconds, the current one last.
    pub(super) fn seconds(&self) -> impl DoubleEndedIterator<Item = &Second> + ExactSizeIterator {
        self.seconds.iter()
    }

    /// What the worker in a slot did, the current second last.
    pub(super) fn strip(&self, slot: usize) -> impl DoubleEndedIterator<Item = &Cell> {
        self.strips.get(slot).into_iter().flatten()
    }

    /// How fast `count` grows, per second; `None` until there is something to compare with.
    pub(super) fn rate(&self, count: impl Fn(&Report) -> Option<f64>) -> Option<f64> {
        let (then, before) = self.recent.front()?;
        let (now, after) = self.recent.back()?;
        if now - then <= 0.0 {
            return None;
        }
        let grown = count(after)? - count(before)?;
        Some(grown.max(0.0) / (now - then))
    }

    /// The same for the worker in a slot.
    pub(super) fn worker_rate(
        &self,
        slot: usize,
        count: impl Fn(&Worker) -> Option<f64>,
    ) -> Option<f64> {
        self.rate(|report| count(find(report, slot)?))
    }

    /// The share of a processor that the worker in a slot uses. Of a worker that has just come,
    /// nothing is known.
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

/// The worker in a slot; they stand in the order of their slots.
fn find(report: &Report, slot: usize) -> Option<&Worker> {
    let index = report
        .workers
        .binary_search_by_key(&slot, |it| it.slot)
        .ok()?;
    report.workers.get(index)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::status::{Queue, SCHEMA};

    /// A worker in each slot, with its letter and what it has answered.
    pub(in super::super) fn report(workers: &[(char, u64)]) -> Report {
        let workers: Vec<Worker> = workers
            .iter()
            .enumerate()
            .map(|(slot, &(state, requests))| Worker {
                slot,
                pid: 4000 + slot as u32,
                tid: 4000 + slot as u32,
                generation: 0,
                state,
                state_s: Some(0.5),
                requests,
                bytes: requests * 131,
                connections: requests,
                open: u64::from("RWKC".contains(state)),
                handling_s: 0.0,
                slow: 0,
                cpu_s: (state != '.').then_some(requests as f64 / 1000.0),
                request: (requests > 0).then(|| "GET / HTTP/1.1".to_owned()),
                torn: false,
                client: None,
            })
            .collect();
        let count = |letters: &str| {
            workers
                .iter()
                .filter(|it| letters.contains(it.state))
                .count()
        };
        Report {
            schema: SCHEMA,
            version: "0.1.0".to_owned(),
            model: "prefork".to_owned(),
            accept: "shared".to_owned(),
            address: "127.0.0.1:8080".to_owned(),
            pid: 3999,
            started_unix_ms: 1_795_400_000_000,
            uptime_s: 75.0,
            scoreboard: workers.iter().map(|it| it.state).collect(),
            busy: count("RWKCGLI"),
            idle: count("_"),
            requests: workers.iter().map(|it| it.requests).sum(),
            bytes: workers.iter().map(|it| it.bytes).sum(),
            connections: workers.iter().map(|it| it.connections).sum(),
            open: workers.iter().map(|it| it.open).sum(),
            handling_s: 1.0,
            slow: 0,
            turned_away: 0,
            pool: None,
            queue: Some(Queue {
                length: 3,
                limit: 511,
            }),
            cpu_s: Some(0.25),
            pss_bytes: None,
            workers,
        }
    }

    #[test]
    fn a_second_holds_all_looks_at_it() {
        let mut history = History::default();
        for (at, letter, requests) in [
            (0.0, '_', 5),
            (0.25, 'W', 5),
            (0.5, '_', 6),
            (0.75, '_', 6),
            (1.0, '.', 6),
        ] {
            history.take(report(&[(letter, requests)]), at);
        }
        let strip: Vec<Cell> = history.strip(0).copied().collect();
        let (working, empty) = (Some(State::Responding), Some(State::Empty));
        let first = Cell {
            looks: 4,
            there: 4,
            active: 2,
            state: working,
        };
        let second = Cell {
            looks: 1,
            there: 0,
            active: 0,
            state: empty,
        };
        assert_eq!(strip, [first, second]);
        let requests: Vec<u64> = history.seconds().map(|it| it.requests).collect();
        assert_eq!(
            requests,
            [1, 0],
            "what was before the first look does not count"
        );
        assert_eq!(history.seconds().map(|it| it.queue).max(), Some(3));
    }

    #[test]
    fn rates_are_of_the_last_second_or_so() {
        let mut history = History::default();
        for step in 0..12 {
            let requests = 100 * step.min(4);
            history.take(report(&[('W', requests)]), step as f64 * 0.25);
            if step == 0 {
                assert_eq!(history.rate(|it| Some(it.requests as f64)), None);
            }
            if step == 4 {
                assert_eq!(history.rate(|it| Some(it.requests as f64)), Some(400.0));
                assert_eq!(
                    history.worker_rate(0, |it| Some(it.requests as f64)),
                    Some(400.0)
                );
                assert_eq!(history.worker_cpu(0), Some(0.4));
            }
        }
        assert_eq!(history.rate(|it| Some(it.requests as f64)), Some(0.0));
        assert!(history.recent.len() <= 6);
    }

    #[test]
    fn a_minute_is_kept_and_gaps_stay_empty() {
        let mut history = History::default();
        history.take(report(&[('_', 0)]), 0.0);
        history.take(report(&[('_', 0), ('W', 1)]), 10.2);
        assert_eq!(history.strip(0).count(), 11);
        assert_eq!(history.strip(0).filter(|cell| cell.looks == 0).count(), 9);
        assert_eq!(history.strip(1).count(), 1, "slot 1 has just come");
        for second in 11..200 {
            history.take(report(&[('_', 0), ('W', 1)]), f64::from(second));
        }
        assert_eq!(history.strip(0).count(), SECONDS);
        assert_eq!(history.seconds().len(), SECONDS);
        history.take(report(&[('_', 0)]), 1e9);
        assert_eq!(history.seconds().len(), SECONDS);
        // A clock that went back would be no reason to fail.
        history.take(report(&[('_', 0)]), 5.0);
        assert_eq!(history.seconds().len(), SECONDS);
    }

    #[test]
    fn a_successor_does_not_inherit_cpu_time() {
        let mut history = History::default();
        history.take(report(&[('W', 1000)]), 0.0);
        let mut later = report(&[('W', 1100)]);
        later.workers[0].pid += 1;
        history.take(later, 1.0);
        assert_eq!(history.worker_cpu(0), None);
    }
}
