use super::*;

use std::collections::BTreeMap;

use crate::bench::summary::FailureCount;

/// A row of which only the cost, the throughput and who starved matter.
fn row(name: &str, cpu: [f64; 3], rate: [f64; 3], never_answered: f64) -> Row {
    let spread = |[min, median, max]: [f64; 3]| Some(Spread { median, min, max });
    Row {
        contender: name.to_owned(),
        scenario: Scenario::KeepAlive,
        blocks_measured: 5,
        requests_per_s: spread(rate),
        p50_us: None,
        p99_us: None,
        p999_us: None,
        max_us: None,
        errors: 0,
        errors_by_kind: crate::load::Errors::default(),
        workers: None,
        requests_of_least: None,
        requests_of_most: None,
        fairness: None,
        never_answered: spread([never_answered; 3]),
        server_cpu_us_per_request: spread(cpu),
        peak_pss_kib: None,
        processes: None,
        threads: None,
        marks: BTreeMap::new(),
        failures: Vec::<FailureCount>::new(),
    }
}

fn said(rows: &[Row]) -> Vec<String> {
    sentences(Scenario::KeepAlive, &rows.iter().collect::<Vec<_>>(), 16)
}

#[test]
fn the_cheapest_is_named_with_its_distance() {
    let rows = [
        row("fork", [190.0, 200.0, 210.0], [4e3, 4.1e3, 4.2e3], 0.0),
        row("prefork", [39.0, 40.0, 41.0], [20e3, 21e3, 22e3], 0.0),
        row("threaded", [58.0, 60.0, 62.0], [14e3, 15e3, 16e3], 0.0),
    ];
    let expected = "Keep-alive: prefork spends the least CPU on a request, 40.0 µs; threaded 1.50 \
                    times that, fork the most, 5.00 times; prefork answers most, 21,000/s.";
    assert_eq!(said(&rows), [expected]);
}

#[test]
fn ranges_that_overlap_are_a_tie() {
    let rows = [
        row("prefork", [39.0, 40.0, 45.0], [20e3, 21e3, 22e3], 0.0),
        row("threaded", [44.0, 46.0, 47.0], [21.5e3, 22e3, 23e3], 0.0),
    ];
    let expected = "Keep-alive: prefork and threaded tie for the least CPU per request, about \
                    40.0 µs (their ranges overlap); threaded and prefork tie for the highest \
                    throughput, about 22,000/s.";
    assert_eq!(said(&rows), [expected]);
}

#[test]
fn who_starves_its_clients_is_told() {
    let rows = [
        row("iterative", [9.0, 10.0, 11.0], [2e3, 2e3, 2e3], 15.0),
        row("threaded", [19.0, 20.0, 21.0], [1e3, 1e3, 1e3], 0.0),
    ];
    let said = said(&rows);
    assert_eq!(said.len(), 2);
    let expected = "of 16 connections some never got an answer from iterative (15)";
    assert!(said[1].contains(expected), "{said:?}");
}

#[test]
fn nothing_measured_means_nothing_said() {
    let mut row = row("fork", [1.0; 3], [1.0; 3], 0.0);
    (
        row.requests_per_s,
        row.server_cpu_us_per_request,
        row.never_answered,
    ) = (None, None, None);
    assert_eq!(said(&[row]), Vec::<String>::new());
}

#[test]
fn lists_read_as_people_write_them() {
    assert_eq!(and(&["a"]), "a");
    assert_eq!(and(&["a", "b", "c"]), "a, b and c");
}

#[test]
fn a_single_window_is_no_proof() {
    let mut results = crate::report::bench_table::tests::large();
    let warns = |results: &Results| {
        let lines = below_the_table(results);
        lines.iter().any(|line| line.contains("from chance"))
    };
    assert!(!warns(&results));
    results.summary[0].blocks_measured = 1;
    assert!(warns(&results));
}
