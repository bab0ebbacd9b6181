use super::*;

const MS: u64 = 1_000_000;

fn outcome(answered: &[(u64, u64)], pending_ms: &[u64]) -> Outcome {
    let mut outcome = Outcome::empty(&Plan::new("http://127.0.0.1:1/".parse().unwrap()));
    for &(ms, count) in answered {
        outcome.latency.record_n(ms * MS, count).unwrap();
    }
    for age in pending_ms {
        outcome.pending.record(age * MS).unwrap();
    }
    outcome
}

#[test]
fn young_requests_in_flight_put_nothing_in_doubt() {
    let outcome = outcome(&[(10, 1000)], &[3, 7]);
    assert_eq!(outcome.at_least(0.5), None);
    assert_eq!(outcome.at_least(1.0), None);
}

#[test]
fn a_freeze_at_the_end_raises_the_percentiles_that_it_can_reach() {
    // 16 connections hang for the last 200 ms of a run whose requests took 1 ms.
    let outcome = outcome(&[(1, 984)], &[200; 16]);
    assert_eq!(outcome.at_least(0.5), None);
    assert_eq!(outcome.at_least(0.9), None);
    let bound = outcome.at_least(0.99).unwrap();
    assert!(bound.abs_diff(200 * MS) < MS, "{bound}");
    assert!(outcome.at_least(1.0).is_some());
}

#[test]
fn few_requests_that_take_much_of_the_time_are_stalls() {
    let (of_time, of_requests) = outcome(&[(1, 8500), (300, 5)], &[]).stalls();
    assert!((of_time - 0.15).abs() < 0.01, "{of_time}");
    assert!(of_requests < 0.001, "{of_requests}");
    assert_eq!(outcome(&[(1, 10), (9, 10)], &[]).stalls(), (0.0, 0.0));
    assert_eq!(outcome(&[], &[]).stalls(), (0.0, 0.0));
}

#[test]
fn a_quantile_is_shown_with_ten_samples_beyond() {
    assert!(has_tail(1000, 0.99) && !has_tail(999, 0.99));
    assert!(has_tail(20, 0.5) && !has_tail(0, 0.5));
}

#[test]
fn planned_is_the_sum_of_what_became_of_it() {
    let mut outcome = outcome(&[], &[]);
    (outcome.planned, outcome.requests, outcome.attempted) = (10, 5, 7);
    (outcome.in_flight_at_stop, outcome.never_sent) = (2, 3);
    assert!(outcome.is_complete());
    outcome.never_sent = 2;
    assert!(!outcome.is_complete());
}
