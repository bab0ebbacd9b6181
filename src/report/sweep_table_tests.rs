use super::*;

use crate::bench::summary::FailureCount;
use crate::bench::sweep::Sweep;
use crate::report::bench_table::tests::large;

/// Six values, of which the servers stand fewer and fewer.
fn swept() -> SweepResults {
    let sweep: Sweep = "connections=20,200,1000,3000,8000,15000".parse().unwrap();
    let mut bench = large();
    for row in &mut bench.summary {
        row.failures.clear();
        row.errors_by_kind = crate::load::Errors::default();
        row.never_answered = None;
    }
    let limits = vec!["accept queue: no longer than 4096".to_owned()];
    let mut results = SweepResults::new(sweep.clone(), limits, &bench);
    for &value in &sweep.values {
        bench.plan.connections = value as usize;
        let starved = f64::from(value) - 17.0;
        bench.summary[0].never_answered = (value > 200).then_some(Spread {
            median: starved,
            min: starved,
            max: starved,
        });
        if value == 8000 {
            bench.summary[1].errors_by_kind.count(Failure::Refused);
            let failure = FailureCount {
                label: "died".to_owned(),
                story: "died under load: signal 9".to_owned(),
                blocks: 1,
            };
            bench.summary[1].failures = vec![failure];
        }
        results.add(value, &bench);
    }
    results
}

#[test]
fn a_cell_says_how_a_server_broke() {
    let text = text(&swept(), false);
    for words in [
        "983 starved",
        "14,983 starved",
        "1 refused",
        "died",
        "answers everybody up to 200 connections; at 1,000 983 starved.",
        "answers everybody at every number of connections.",
        "Accept queue: no longer than 4096.",
    ] {
        assert!(text.contains(words), "'{words}' is missing in\n{text}");
    }
}

#[test]
fn six_values_fit() {
    let text = text(&swept(), false);
    for line in text.lines() {
        assert!(
            line.chars().count() <= 100,
            "{line}\nis too wide in\n{text}"
        );
    }
}
