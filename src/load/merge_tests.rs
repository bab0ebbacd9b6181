use std::time::UNIX_EPOCH;

use super::*;
use crate::load::{Arrivals, Failure};

const MS: u64 = 1_000_000;

/// A rank's result: it answered these times, and failed once.
fn part(rank: Option<Rank>, index: u32, times_ns: &[u64], began_ms: u64) -> Part {
    let stage = Stage::hold(1000.0, Duration::from_secs(2));
    let mut plan = Plan::new("http://127.0.0.1:1/".parse().unwrap());
    plan.schedule = Some(Schedule::new(&[stage], Arrivals::Constant, 0).unwrap());
    plan.rank = rank;
    let mut outcome = Outcome::empty(&plan);
    outcome.began = UNIX_EPOCH + Duration::from_millis(began_ms);
    outcome.duration = Duration::from_secs(2);
    for &ns in times_ns {
        outcome.latency.record(ns).unwrap();
    }
    outcome.requests = times_ns.len() as u64;
    outcome.errors.count(Failure::Timeout);
    outcome.attempted = outcome.requests + 1;
    outcome.planned = plan.planned().unwrap();
    outcome.never_sent = outcome.planned - outcome.attempted;
    let generator = Generator {
        name: format!("{index}.json"),
        host: "node".into(),
        process: index,
        rank,
        began: outcome.began,
        duration: outcome.duration,
        ended: "done".into(),
        planned: outcome.planned,
        attempted: outcome.attempted,
        requests: outcome.requests,
        failed: 1,
        p50_ns: None,
        p99_ns: None,
        cpu_share: 0.1,
        marks: Vec::new(),
    };
    Part {
        name: generator.name.clone(),
        plan,
        outcome,
        generators: vec![generator],
    }
}

fn ranked(index: u32, count: u32, began_ms: u64) -> Part {
    let rank = Rank { index, count };
    part(Some(rank), index, &[MS, 2 * MS], began_ms)
}

#[test]
fn a_sum_is_what_one_generator_would_have_recorded() {
    let mut random = fastrand::Rng::with_seed(7);
    let mut together = histogram();
    let parts: Vec<Part> = (0..4)
        .map(|index| {
            let times: Vec<u64> = (0..200).map(|_| random.u64(1000..50 * MS)).collect();
            times.iter().for_each(|&ns| together.record(ns).unwrap());
            part(Some(Rank { index, count: 4 }), index, &times, 0)
        })
        .collect();
    let merged = merge(&parts, &[]).unwrap();
    assert_eq!(merged.outcome.latency, together);
    for quantile in [0.0, 0.5, 0.9, 0.99, 0.999, 1.0] {
        let one = merged.outcome.latency.value_at_quantile(quantile);
        assert_eq!(one, together.value_at_quantile(quantile), "{quantile}");
    }
    let outcome = &merged.outcome;
    assert_eq!((outcome.planned, outcome.requests), (2000, 800));
    assert_eq!((outcome.errors.total(), outcome.attempted), (4, 804));
    assert!(outcome.is_complete(), "{outcome:?}");
    assert_eq!(merged.remarks, []);
}

#[test]
fn the_order_and_grouping_of_the_results_change_nothing() {
    let parts = [ranked(0, 3, 0), ranked(1, 3, 20), ranked(2, 3, 10)];
    let all = merge(&parts, &[]).unwrap();
    let two = merge(&parts[..2], &[]).unwrap();
    let two = Part {
        name: "two.json".into(),
        plan: two.plan,
        outcome: two.outcome,
        generators: two.generators,
    };
    let grouped = merge(&[parts[2].clone(), two], &[]).unwrap();
    assert_eq!(grouped.outcome.latency, all.outcome.latency);
    assert_eq!(grouped.outcome.planned, all.outcome.planned);
    assert_eq!(grouped.generators, all.generators);
    assert_eq!(
        (grouped.skew, all.skew),
        (all.skew, Duration::from_millis(20))
    );
    assert_eq!((grouped.remarks, all.remarks), (vec![], vec![]));
}

#[test]
fn a_missing_rank_is_told_with_its_requests() {
    let parts = [ranked(0, 3, 0), ranked(2, 3, 0)];
    let lost = [("1.json".to_owned(), "is empty".to_owned())];
    let merged = merge(&parts, &lost).unwrap();
    let expected = Remark::MissingRanks {
        ranks: vec![1],
        of: 3,
        requests: 667,
    };
    assert_eq!(merged.remarks[0], expected);
    assert!(merged.remarks.iter().all(Remark::is_loss));
    assert_eq!(merged.remarks.len(), 2);
    assert_eq!(merged.outcome.planned, 2000 - 667);
}

#[test]
fn results_that_are_not_of_one_run_are_refused() {
    let refusal = |parts: &[Part]| merge(parts, &[]).unwrap_err();
    assert_eq!(refusal(&[]), Unmergeable::Nothing);
    let one = ranked(0, 2, 0);
    assert!(matches!(
        refusal(&[one.clone(), one.clone()]),
        Unmergeable::Twice(..)
    ));
    let mut again = one.clone();
    again.generators[0].process = 77;
    assert!(matches!(
        refusal(&[one.clone(), again]),
        Unmergeable::SameRank(_, _, 0)
    ));
    assert!(matches!(
        refusal(&[one.clone(), ranked(1, 3, 0)]),
        Unmergeable::OtherPlan(..)
    ));
    let mut faster = ranked(1, 2, 0);
    let stage = Stage::hold(1001.0, Duration::from_secs(2));
    faster.plan.schedule = Some(Schedule::described(&[stage], Arrivals::Constant, 2002));
    assert!(matches!(
        refusal(&[one.clone(), faster]),
        Unmergeable::OtherPlan(_, _, "their rates or durations")
    ));
    assert!(matches!(
        refusal(&[one, ranked(1, 2, 2001)]),
        Unmergeable::Apart(..)
    ));
}

#[test]
fn windows_that_overlap_in_part_are_marked() {
    let merged = merge(&[ranked(0, 2, 0), ranked(1, 2, 500)], &[]).unwrap();
    let half = Duration::from_millis(500);
    assert_eq!(
        merged.remarks,
        [Remark::Skew(half), Remark::PartialOverlap(0.75)]
    );
    assert_eq!(merged.outcome.duration, Duration::from_millis(2500));
    assert!(!merged.remarks.iter().any(Remark::is_loss));
}

#[test]
fn generators_without_a_rank_add_their_rates() {
    let parts = [part(None, 0, &[MS], 0), part(None, 1, &[MS], 0)];
    let merged = merge(&parts, &[]).unwrap();
    let schedule = merged.plan.schedule.unwrap();
    assert_eq!((schedule.planned(), schedule.rate()), (4000, 2000.0));
    assert_eq!(merged.outcome.planned, 4000);
}
