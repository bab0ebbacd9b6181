//! What the history remembers of a minute, and a report for tests.

use super::*;
use crate::status::{Queue, SCHEMA};

/// A report with one worker for each pair of a letter and a number of answered requests.
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
        rejected: 0,
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
        "requests before the first report do not count"
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
    // Times that go back must do no harm.
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
