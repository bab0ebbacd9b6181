use super::*;
use crate::bench::failure::Failure;
use crate::bench::results::Run;
use crate::bench::results::tests::{results, run};
use crate::load::Side;

const RATES: [f64; 3] = [500.0, 1000.0, 2000.0];

/// A window at this rate. Each answer took `response_ms`.
fn at(contender: &str, block: usize, rate: f64, response_ms: u64) -> Run {
    let mut run = run(contender, block, 10.0);
    run.workload = format!("hello@{rate}");
    let window = run.measurement.as_mut().unwrap();
    window.latency.buckets_ns = vec![(response_ms * 1_000_000, 2000)];
    window.requests_per_s = rate;
    window.open_loop = Some(OpenLoop {
        offered_per_s: rate,
        planned: rate as u64,
        never_sent: 0,
        sent_share: 1.0,
        waited: 0,
        timer_lag_p99_us: 60.0,
        connection_wait_p99_us: 0.0,
        pending_ns: Vec::new(),
    });
    run
}

/// Three blocks at all rates, with these response times.
fn climbed(response_ms: [u64; 3]) -> Results {
    let mut results = results(&["fork"], 3);
    results.plan.rates = RATES.to_vec();
    results.plan.expect = vec![Expectation {
        quantity: Quantity::Quantile(0.99),
        side: Side::Below,
        bound: 20e6,
        text: "p99<20ms".to_owned(),
    }];
    for block in 1..=3 {
        let steps = RATES.iter().zip(response_ms);
        results
            .runs
            .extend(steps.map(|(rate, ms)| at("fork", block, *rate, ms)));
    }
    results
}

fn knee_of(results: &Results) -> Knee {
    ladders(results)[0].climbs[0].knee
}

/// Changes the windows at the highest rate, in this many blocks.
fn change(results: &mut Results, blocks: usize, change: impl Fn(&mut Run)) {
    let highest = results
        .runs
        .iter_mut()
        .filter(|it| it.workload == "hello@2000");
    highest.take(blocks).for_each(change);
}

#[test]
fn the_knee_is_the_last_rate_before_the_first_that_fails() {
    let knee = knee_of(&climbed([1, 5, 90]));
    assert_eq!(
        (knee.holds_per_s, knee.fails_per_s),
        (Some(1000.0), Some(2000.0))
    );
    let knee = knee_of(&climbed([1, 5, 9]));
    assert_eq!((knee.holds_per_s, knee.fails_per_s), (Some(2000.0), None));
    // A rate that holds above one that fails is luck.
    let knee = knee_of(&climbed([1, 90, 9]));
    assert_eq!(
        (knee.holds_per_s, knee.fails_per_s),
        (Some(500.0), Some(1000.0))
    );
    let knee = knee_of(&climbed([90, 90, 90]));
    assert_eq!((knee.holds_per_s, knee.fails_per_s), (None, Some(500.0)));
}

#[test]
fn most_windows_decide() {
    let mut results = climbed([1, 5, 9]);
    let slow = |run: &mut Run| {
        run.measurement.as_mut().unwrap().latency.buckets_ns = vec![(90_000_000, 2000)];
    };
    change(&mut results, 1, slow);
    assert_eq!(knee_of(&results).fails_per_s, None);
    change(&mut results, 2, slow);
    assert_eq!(knee_of(&results).fails_per_s, Some(2000.0));
}

#[test]
fn requests_that_never_got_an_answer_count_with_their_age() {
    let mut results = climbed([1, 5, 9]);
    change(&mut results, 3, |run| {
        let window = run.measurement.as_mut().unwrap();
        window.open_loop.as_mut().unwrap().pending_ns = vec![(500_000_000, 64)];
    });
    assert_eq!(knee_of(&results).fails_per_s, Some(2000.0));
    let step = &ladders(&results)[0].climbs[0].steps[2];
    assert_eq!(step.p99_us.unwrap().median, 500_000.0);
}

#[test]
fn a_schedule_that_was_not_carried_out_does_not_hold_however_quick_the_answers() {
    let mut results = climbed([1, 5, 9]);
    change(&mut results, 3, |run| {
        let window = run.measurement.as_mut().unwrap();
        window.open_loop.as_mut().unwrap().sent_share = 0.8;
    });
    assert_eq!(knee_of(&results).fails_per_s, Some(2000.0));
}

#[test]
fn a_late_generator_is_not_the_servers_knee() {
    let mut results = climbed([1, 5, 90]);
    change(&mut results, 3, |run| {
        run.measurement.as_mut().unwrap().marks = vec![Mark::TimerLag];
    });
    assert!(knee_of(&results).is_generators_limit);
    // A server that meets the expectations in spite of it has met them.
    let mut results = climbed([1, 5, 9]);
    change(&mut results, 3, |run| {
        run.measurement.as_mut().unwrap().marks = vec![Mark::TimerLag];
    });
    assert_eq!(knee_of(&results).fails_per_s, None);
}

#[test]
fn a_server_that_died_has_not_held_and_one_not_reached_has_no_knee() {
    let mut results = climbed([1, 5, 9]);
    change(&mut results, 1, |run| {
        run.failure = Some(Failure::Died {
            how: "signal 9".to_owned(),
        });
    });
    assert_eq!(knee_of(&results).fails_per_s, Some(2000.0));
    results.runs.clear();
    assert_eq!(knee_of(&results), Knee::default());
}

#[test]
fn rates_lie_around_the_slowest_and_reach_beyond_the_fastest() {
    let rates = rates_for(&[45_000.0, 6_000.0]);
    assert_eq!(rates.first(), Some(&1500.0));
    assert!(rates.last() >= Some(&50_000.0), "{rates:?}");
    assert!(rates.is_sorted() && rates.len() <= 9, "{rates:?}");
    assert_eq!(rates.iter().filter(|rate| **rate < 6_000.0).count(), 4);
    assert!(rates_for(&[0.4]).iter().all(|rate| *rate >= 1.0));
    assert_eq!(rates_for(&[]), Vec::<f64>::new());
}
