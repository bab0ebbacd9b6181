use std::time::UNIX_EPOCH;

use super::*;
use crate::load::{Failure, Rank, Schedule, merge};
use crate::report::load::{hlog, json, merged_json};

/// What a rank of two has measured: 400 answers over two seconds, and a timeout.
fn measured(index: u32) -> (Plan, Outcome) {
    let rank = Rank { index, count: 2 };
    let plan = Plan {
        schedule: Some(Schedule::poisson(500.0, Duration::from_secs(2), 3).unwrap()),
        rank: Some(rank),
        connections: 7,
        seed: 3,
        ..Plan::new("http://127.0.0.1:1/a?b".parse().unwrap())
    };
    let mut outcome = Outcome::empty(&plan);
    let mut random = fastrand::Rng::with_seed(index.into());
    for second in 0..2 {
        let mut times: Vec<u64> = (0..200).map(|_| random.u64(1000..90_000_000)).collect();
        times.sort_unstable();
        let mut whole = Second {
            index: second,
            length_ns: 1_000_000_000,
            attempted: 200,
            requests: 200,
            ..Second::default()
        };
        for ns in times {
            outcome.latency.record(ns).unwrap();
            outcome.service.record(ns / 2).unwrap();
            whole.latency_ns.push((ns, 1));
        }
        outcome.seconds.push(whole);
    }
    outcome.errors.count(Failure::Timeout);
    outcome.errors.count(Failure::ClientPorts);
    outcome.pending.record(5_000_000).unwrap();
    outcome.oldest_pending = Duration::from_nanos(5_000_123);
    outcome.statuses.insert(200, 400);
    (outcome.requests, outcome.attempted, outcome.planned) = (400, 403, 500);
    (outcome.in_flight_at_stop, outcome.never_sent) = (1, 97);
    outcome.duration = Duration::from_nanos(2_000_000_123);
    // A millisecond later for each rank.
    outcome.began =
        UNIX_EPOCH + Duration::from_micros(1_700_000_000_123_456 + u64::from(index) * 1000);
    outcome.malformed = Some("no header end".into());
    outcome.threads = 1;
    (plan, outcome)
}

fn text(index: u32) -> String {
    let (plan, outcome) = measured(index);
    let text = serde_json::to_string_pretty(&json(&plan, &outcome, &[])).unwrap();
    // Both come from one process, and are told apart as by their ranks.
    text.replacen("\"process\": ", &format!("\"process\": {}", index + 1), 1)
}

#[test]
fn a_result_comes_back_whole() {
    let (plan, outcome) = measured(1);
    let part = read("1.json", &text(1)).unwrap();
    assert_eq!(part.outcome.latency, outcome.latency);
    assert_eq!(part.outcome.service, outcome.service);
    assert_eq!(part.outcome.pending, outcome.pending);
    assert_eq!(part.outcome.errors, outcome.errors);
    assert_eq!(part.outcome.duration, outcome.duration);
    assert_eq!(part.outcome.began, outcome.began);
    assert_eq!(part.outcome.oldest_pending, outcome.oldest_pending);
    assert_eq!(part.outcome.malformed, outcome.malformed);
    for (one, other) in part.outcome.seconds.iter().zip(&outcome.seconds) {
        assert_eq!(one.histogram(), other.histogram());
        assert_eq!((one.index, one.requests), (other.index, other.requests));
    }
    assert_eq!(part.plan.target.to_string(), plan.target.to_string());
    let schedule = part.plan.schedule.unwrap();
    assert_eq!((schedule.planned(), schedule.rate()), (1000, 500.0));
    assert_eq!(part.generators[0].rank, plan.rank);
}

#[test]
fn an_interval_log_is_worth_as_much_as_the_object() {
    let (plan, outcome) = measured(0);
    let log = hlog(json(&plan, &outcome, &[]), &outcome).unwrap();
    let log = read("0.hlog", std::str::from_utf8(&log).unwrap()).unwrap();
    let object = read("0.json", &text(0)).unwrap();
    assert_eq!(log.outcome.latency, object.outcome.latency);
    assert_eq!(log.outcome.seconds, object.outcome.seconds);
    assert_eq!(log.outcome.errors, object.outcome.errors);
}

#[test]
fn what_is_printed_of_a_sum_can_be_added_again() {
    let parts = [0, 1].map(|index| read("x.json", &text(index)).unwrap());
    let merged = merge(&parts, &[]).unwrap();
    assert_eq!(merged.remarks, []);
    let again = serde_json::to_string(&merged_json(&merged, &[])).unwrap();
    let again = read("all.json", &again).unwrap();
    assert_eq!(again.outcome.latency, merged.outcome.latency);
    assert_eq!(again.generators, merged.generators);
    assert_eq!(again.outcome.planned, 1000);
    let [mut first, _] = parts;
    first.generators[0].process = 99;
    assert!(merge(&[again, first], &[]).is_err());
}

#[test]
fn files_that_are_no_result_say_why() {
    let whole = text(0);
    let older = whole.replacen("\"schema\": 2", "\"schema\": 1", 1);
    let wrong = whole.replacen("\"requests\": 400", "\"requests\": 401", 1);
    for (file, words) in [
        ("", "is empty"),
        ("\n", "is empty"),
        (&whole[..whole.len() / 2], "is no result"),
        ("{}", "has no schema"),
        (&older, "is of schema 1"),
        (&wrong, "contradicts itself"),
        ("#[StartTime: 0]\n", "of another program"),
    ] {
        let complaint = read("x", file).unwrap_err().to_string();
        assert!(complaint.contains(words), "{complaint}");
    }
}
