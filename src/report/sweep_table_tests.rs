use super::*;

use crate::bench::failure::Failure as ServerFailure;
use crate::bench::sweep::Sweep;
use crate::report::bench_table::tests::costing;

/// Six values, of which the servers stand fewer and fewer. One window was disturbed.
fn swept() -> SweepResults {
    let sweep: Sweep = "connections=20,200,1000,3000,8000,15000".parse().unwrap();
    let limits = vec!["accept queue: no longer than 4096".to_owned()];
    let mut swept = SweepResults::new(sweep.clone(), limits);
    let names = [
        "iterative",
        "prethreaded",
        "prefork --accept flock --workers 128",
    ];
    let bench = costing(&names, &[10.0, 123.0, 14.0], 1);
    for &value in &sweep.values {
        let mut results = bench.clone();
        results.plan.workloads[0].connections = value as usize;
        for run in &mut results.runs {
            let window = run.measurement.as_mut().unwrap();
            let is_iterative = run.contender == "iterative";
            if is_iterative && value > 200 {
                window.never_answered = u64::from(value) - 17;
            }
            if is_iterative && value == 1000 {
                window.marks = vec![Mark::Others];
                window.others_share = 0.71;
            }
            if run.contender == "prethreaded" && value == 8000 {
                window.errors.count(Failure::Refused);
                run.failure = Some(ServerFailure::StoppedBadly {
                    how: "signal 9".to_owned(),
                });
            }
        }
        swept.add(value, results);
    }
    swept
}

#[test]
fn a_cell_says_how_a_server_broke_and_what_disturbed_it() {
    let text = text(&swept(), View::PLAIN);
    let whole = text.replace("\n  ", " ");
    for words in [
        "983 starved",
        "14,983 starved",
        "1 refused",
        "stopped badly",
        "others 71 %",
        "answers every client up to 200 connections; at 1,000 983 starved, others 71 %.",
        "answers every client at every number of connections.",
        "Accept queue: no longer than 4096.",
        "Where there is one window only, nothing tells a difference from chance.",
        "How far to trust this: 1 cells have windows",
    ] {
        assert!(whole.contains(words), "'{words}' is missing in\n{text}");
    }
}

#[test]
fn six_values_fit() {
    let text = text(&swept(), View::PLAIN);
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{line}\nis too wide in\n{text}");
    }
}
