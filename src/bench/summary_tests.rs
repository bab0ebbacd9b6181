use super::*;

use crate::bench::failure::Failure;
use crate::bench::gates::Mark;
use crate::bench::results::tests::{fill, results, run};

/// Noise of 1 % that no two entrants share.
fn noisy(cost: f64, index: usize, block: usize) -> f64 {
    cost * (1.0 + 0.01 * (((index * 7 + block * 5) % 9) as f64 / 4.0 - 1.0))
}

fn hello(results: &Results) -> Ranking {
    summarise(results).rankings.remove(0)
}

#[test]
fn the_cheapest_is_best_and_the_dear_one_is_told() {
    let mut results = results(&["prefork", "epoll", "fork"], 12);
    let costs = [10.0, 7.0, 100.0, 10.0];
    fill(&mut results, |index, block| {
        noisy(costs[index], index, block)
    });
    let ranking = hello(&results);
    assert_eq!(ranking.best, ["epoll"]);
    let verdicts: Vec<Verdict> = ranking
        .against_reference
        .iter()
        .map(|it| it.comparison.verdict)
        .collect();
    assert_eq!(verdicts, [Verdict::Less, Verdict::More]);
    assert_eq!(ranking.noise.unwrap().blocks, 12);
    assert!(ranking.detectable().unwrap() < 0.1, "{ranking:?}");
}

#[test]
fn below_six_blocks_none_is_best_however_cheap_it_is() {
    let mut results = results(&["fork", "epoll"], 5);
    fill(&mut results, |index, _| [100.0, 7.0, 100.0][index]);
    assert_eq!(hello(&results).best, [""; 0]);
}

#[test]
fn a_contender_that_failed_is_never_the_best() {
    let mut results = results(&["prefork", "epoll", "fork"], 12);
    let costs = [10.0, 7.0, 100.0, 10.0];
    fill(&mut results, |index, block| {
        noisy(costs[index], index, block)
    });
    let killed = results.runs.iter_mut().find(|it| it.contender == "epoll");
    killed.unwrap().failure = Some(Failure::Died {
        how: "signal 9".to_owned(),
    });
    let ranking = hello(&results);
    assert_eq!(ranking.best, ["prefork"]);
    assert_eq!(ranking.rows[1].failures[0].blocks, 1);
}

#[test]
fn a_contender_that_leaves_connections_waiting_is_never_the_best() {
    let mut results = results(&["prefork", "iterative"], 12);
    fill(&mut results, |index, block| {
        noisy([10.0, 5.0, 10.0][index], index, block)
    });
    assert_eq!(hello(&results).best, ["iterative"]);
    for run in &mut results.runs {
        let is_iterative = run.contender == "iterative";
        run.measurement.as_mut().unwrap().never_answered = if is_iterative { 15 } else { 0 };
    }
    assert!(!hello(&results).rows[1].is_sound());
    assert_eq!(hello(&results).best, [""; 0]);
}

#[test]
fn one_empty_window_deletes_no_figure() {
    let mut results = results(&["fork"], 10);
    fill(&mut results, |_, block| 100.0 + block as f64);
    let empty = results.runs[0].measurement.as_mut().unwrap();
    (empty.requests, empty.server.cpu_us_per_request) = (0, None);
    empty.latency.p50_us = None;
    let row = hello(&results).rows.remove(0);
    assert_eq!((row.blocks_measured, row.blocks_empty), (10, 1));
    assert_eq!(row.cpu_us_per_request.unwrap().min, 102.0);
    assert!(row.p50_us.is_some());
    // Measured again, it is as if nothing had been.
    results.runs.push(Run {
        attempt: 2,
        ..run("fork", 1, 101.0)
    });
    let row = hello(&results).rows.remove(0);
    assert_eq!((row.blocks_empty, row.repeated), (0, 1));
    assert_eq!(row.cpu_us_per_request.unwrap().min, 101.0);
}

#[test]
fn a_mark_says_in_how_many_windows_and_how_much() {
    let mut results = results(&["fork"], 3);
    fill(&mut results, |_, _| 10.0);
    for (run, share) in results.runs.iter_mut().step_by(2).zip([0.1, 0.71]) {
        let window = run.measurement.as_mut().unwrap();
        window.marks = vec![Mark::Others];
        window.others_share = share;
    }
    let row = hello(&results).rows.remove(0);
    let expected = Struck {
        windows: 2,
        worst: 0.71,
    };
    assert_eq!(row.marks.get(&Mark::Others), Some(&expected));
}

use crate::bench::results::Run;
