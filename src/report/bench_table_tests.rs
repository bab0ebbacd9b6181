use super::*;

use std::time::Duration;

use crate::bench::environment::Environment;
use crate::bench::gates::Mark;
use crate::bench::layout::Layout;
use crate::bench::plan::Contender;
use crate::bench::results::SCHEMA;
use crate::bench::summary::{FailureCount, summarise};

/// Three contenders of which nothing was measured yet.
fn empty(names: [&str; 3]) -> Results {
    let plan = Plan {
        contenders: names
            .map(|name| Contender::new(&name.split(' ').collect::<Vec<_>>()))
            .to_vec(),
        options: Vec::new(),
        scenarios: vec![Scenario::Close, Scenario::KeepAlive],
        blocks: 5,
        connections: 16,
        path: "/".to_owned(),
        warm_up: Duration::from_millis(250),
        window: Duration::from_secs(1),
        requests: None,
        seed: 7,
    };
    Results {
        schema: SCHEMA,
        interrupted: false,
        environment: Environment::look(Layout::of_this_machine().unwrap()),
        summary: summarise(&plan, &[]),
        runs: Vec::new(),
        plan,
    }
}

fn spread(min: f64, median: f64, max: f64) -> Option<Spread> {
    Some(Spread { median, min, max })
}

fn fill(row: &mut Row) {
    row.blocks_measured = 5;
    row.requests_per_s = spread(119_100.0, 123_456.0, 133_200.0);
    row.p50_us = spread(111.8, 123.0, 134.1);
    row.p99_us = spread(980.0, 1_200.0, 1_350.0);
    row.p999_us = spread(12_300.0, 46_700.0, 113_000.0);
    row.max_us = spread(123_456.0, 999_999.0, 9_876_543.0);
    row.server_cpu_us_per_request = spread(112.0, 123.0, 345.0);
    row.peak_pss_kib = spread(1e5, 123_456.0, 2e5);
    row.processes = spread(17.0, 1_017.0, 2_017.0);
    row.threads = spread(17.0, 1_017.0, 2_017.0);
    row.errors = 123_456;
    row.workers = spread(128.0, 128.0, 128.0);
    row.requests_of_least = spread(0.0, 12_345.0, 20_000.0);
    row.requests_of_most = spread(100_000.0, 123_456.0, 200_000.0);
    row.fairness = spread(0.5, 0.75, 1.0);
    row.never_answered = spread(11.0, 13.0, 13.0);
    row.marks = [
        (Mark::Errors, 2),
        (Mark::GeneratorBound, 5),
        (Mark::LittlesLaw, 1),
    ]
    .into();
}

/// Figures as large as they get, with every kind of note.
pub(crate) fn large() -> Results {
    let mut results = empty([
        "iterative",
        "prethreaded",
        "prefork --accept flock --workers 128",
    ]);
    results.summary.iter_mut().for_each(fill);
    let story = format!(
        "did not start: exit code 1, \"{}\"",
        "a very long last line ".repeat(9)
    );
    let failure = FailureCount {
        label: "did not start".to_owned(),
        story,
        blocks: 3,
    };
    results.summary[1].failures.push(failure);
    results
}

fn assert_fits(text: &str) {
    for line in text.lines() {
        assert!(
            line.chars().count() <= usize::from(WIDTH_MAX),
            "{line}\nis too wide in\n{text}"
        );
    }
}

#[test]
fn the_largest_figures_fit_and_stay_whole() {
    let text = text(&large(), false);
    assert_fits(&text);
    for whole in [
        "123,456",
        "1.20 ms",
        "46.7 ms",
        "119..133k",
        "0.12..9.88",
        "123k",
    ] {
        assert!(
            text.contains(whole),
            "{whole} is missing or broken in\n{text}"
        );
    }
}

#[test]
fn ranges_over_many_units_fit() {
    let mut results = large();
    for row in &mut results.summary {
        for figure in [
            &mut row.p50_us,
            &mut row.p99_us,
            &mut row.p999_us,
            &mut row.max_us,
        ] {
            *figure = spread(12.0, 130.0, 460_000.0);
        }
        row.server_cpu_us_per_request = spread(12.0, 130.0, 460_000.0);
    }
    assert_fits(&text(&results, false));
}

#[test]
fn nothing_measured_is_a_row_that_says_so() {
    let mut results = empty(["fork", "prefork", "threaded"]);
    results.interrupted = true;
    let text = text(&results, false);
    assert_fits(&text);
    assert_eq!(text.matches("not reached").count(), 6, "{text}");
    assert!(text.contains("INTERRUPTED after 0 of 30 windows"), "{text}");
}

#[test]
fn a_failure_is_a_row_and_a_story() {
    let mut results = empty(["fork", "prefork", "threaded"]);
    let story = "died under load: signal 9".to_owned();
    let failure = FailureCount {
        label: "died".to_owned(),
        story,
        blocks: 5,
    };
    results.summary[0].failures.push(failure);
    let text = text(&results, false);
    assert!(text.lines().any(|line| line == "died"), "{text}");
    let story = "FAILED fork, a connection per request: died under load: signal 9 (5 of 5 blocks)";
    assert!(text.contains(story), "{text}");
}

#[test]
fn figures_end_in_the_same_column() {
    let text = text(&large(), false);
    let ends: Vec<usize> = text
        .lines()
        .filter(|line| line.contains("1.20 ms"))
        .filter_map(|line| Some(line[..line.find("123,456")?].chars().count() + 7))
        .collect();
    assert_eq!(ends.len(), 6, "{text}");
    assert!(ends.windows(2).all(|pair| pair[0] == pair[1]), "{text}");
}

#[test]
fn only_a_terminal_gets_escapes() {
    assert!(!text(&large(), false).contains('\x1b'));
    assert!(text(&large(), true).contains('\x1b'));
}
