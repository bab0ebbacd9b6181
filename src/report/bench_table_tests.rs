use super::*;

use crate::bench::failure::Failure;
use crate::bench::gates::Mark;
use crate::bench::results::tests::{fill, results};
use crate::bench::workload::Workload;

/// What a request costs each entrant, with noise that no two share.
pub(crate) fn costing(names: &[&str], costs: &[f64], blocks: usize) -> Results {
    let mut results = results(names, blocks);
    fill(&mut results, |index, block| {
        let noise = ((index * 7 + block * 5) % 9) as f64 / 4.0 - 1.0;
        costs.get(index).unwrap_or(&costs[0]) * (1.0 + 0.01 * noise)
    });
    results
}

/// Figures as large as they get, with every kind of note.
pub(crate) fn large() -> Results {
    let names = [
        "iterative",
        "prethreaded",
        "prefork --accept flock --workers 128",
    ];
    let mut results = costing(&names, &[9.0, 123_456.0, 345.0], 12);
    for run in &mut results.runs {
        let window = run.measurement.as_mut().unwrap();
        window.requests_per_s = 123_456.0;
        window.latency.buckets_ns = vec![(123_000, 9_000), (46_700_000, 990), (9_876_543_000, 10)];
        window.server.peak_pss_kib = 123_456;
        (window.server.peak_processes, window.server.peak_threads) = (1017, 1017);
        window.errors.count(crate::load::Failure::Timeout);
        window.never_answered = 13;
        window.marks = vec![
            Mark::GeneratorBound,
            Mark::LittlesLaw,
            Mark::Steal,
            Mark::Others,
        ];
        (window.steal_share, window.others_share) = (0.12, 0.71);
    }
    let last_line = "a very long last line ".repeat(9);
    results.runs[0].failure = Some(Failure::DidNotStart {
        reason: format!("exit code 1, \"{last_line}\""),
    });
    results.runs[0].measurement = None;
    results
}

fn assert_fits(text: &str, width: usize) {
    for line in text.lines() {
        let is_wide = line.chars().count() > width;
        assert!(!is_wide, "{line}\nis too wide in\n{text}");
    }
}

fn view(width: usize, full: bool) -> View {
    View {
        width,
        full,
        ..View::PLAIN
    }
}

#[test]
fn the_largest_figures_fit_into_80_columns_and_into_60() {
    for width in [60, 80, 100, 200] {
        let text = text(&large(), view(width, false));
        assert_fits(&text, width);
        for whole in ["iterative", "345 µs", "123 ms", "◀ 13 of 16 wait"] {
            assert!(text.contains(whole), "{whole} is missing in\n{text}");
        }
    }
    assert_fits(&text(&large(), view(80, true)), 80);
}

#[test]
fn wider_terminals_get_more() {
    let narrow = text(&large(), view(80, false));
    assert!(!narrow.contains(" proc "), "{narrow}");
    let wide = text(&large(), view(120, false));
    assert!(wide.contains(" proc ") && wide.contains("p99.9"), "{wide}");
    let full = text(&large(), view(80, true));
    assert!(full.contains("12 of 12") && full.contains(".."), "{full}");
}

#[test]
fn rows_are_sorted_by_cost_and_longer_bars_cost_more() {
    let results = costing(&["fork", "epoll", "prefork"], &[140.0, 7.0, 14.0], 12);
    let text = text(&results, View::PLAIN);
    let rows: Vec<&str> = text.lines().filter(|line| line.contains('×')).collect();
    let order = ["epoll", "prefork", "fork"];
    let lines: Vec<&str> = text.lines().collect();
    let at = |name: &str| lines.iter().position(|it| it.starts_with(name)).unwrap();
    assert!(
        order.windows(2).all(|pair| at(pair[0]) < at(pair[1])),
        "{text}"
    );
    assert!(
        rows[0].contains("0.05×") && rows[1].contains("0.10×"),
        "{text}"
    );
    let length = |line: &str| line.matches('█').count();
    assert!(length(lines[at("fork")]) == BAR_WIDTH, "{text}");
    assert!(length(lines[at("epoll")]) == 0, "{text}");
}

#[test]
fn a_ratio_that_is_no_clear_difference_has_a_sign() {
    let results = costing(&["a", "b", "c"], &[10.0, 10.0, 10.25, 10.0], 12);
    let text = text(&results, View::PLAIN);
    assert!(text.contains("1.00×="), "{text}");
    assert!(text.contains("1.02×~") || text.contains("1.03×~"), "{text}");
    let few = costing(&["a", "b"], &[10.0, 20.0], 3);
    let text = super::text(&few, View::PLAIN);
    assert!(text.contains("2.00×?") || text.contains("1.99×?"), "{text}");
}

#[test]
fn nothing_measured_is_a_row_that_says_so() {
    let mut results = results(&["fork", "prefork"], 3);
    results.interrupted = true;
    let text = text(&results, View::PLAIN);
    assert_fits(&text, 80);
    assert_eq!(text.matches("not reached").count(), 2, "{text}");
    assert!(text.contains("INTERRUPTED after 0 of 9 windows"), "{text}");
}

#[test]
fn a_failure_is_a_note_and_a_story() {
    let mut results = costing(&["fork", "prefork"], &[10.0, 12.0], 6);
    let killed = results.runs.iter_mut().find(|it| it.contender == "prefork");
    killed.unwrap().failure = Some(Failure::Died {
        how: "signal 9".to_owned(),
    });
    let text = text(&results, View::PLAIN);
    assert!(text.contains("  FAILED: died\n"), "{text}");
    let story = "FAILED prefork, hello: died under load: signal 9 (1 run)";
    assert!(text.contains(story), "{text}");
}

#[test]
fn the_matrix_has_a_column_for_each_workload_and_says_who_waits() {
    let mut results = costing(&["fork", "epoll"], &[100.0, 7.0, 100.0], 12);
    results.plan.looks = vec![Workload::named("backend").unwrap()];
    let looks: Vec<_> = results.runs[..2].to_vec();
    for (mut look, waiting) in looks.into_iter().zip([0, 12]) {
        look.block = 0;
        look.workload = "backend".to_owned();
        look.measurement.as_mut().unwrap().never_answered = waiting;
        results.runs.push(look);
    }
    let text = text(&results, View::PLAIN);
    let matrix = text.split("\n\n").next().unwrap();
    assert!(
        matrix.contains("hello") && matrix.contains("backend"),
        "{text}"
    );
    assert!(matrix.contains("7.0µs★"), "{text}");
    assert!(matrix.contains("◀12"), "{text}");
    assert!(text.contains("A look is one window"), "{text}");
}

#[test]
fn only_a_terminal_gets_escapes() {
    let styled = View {
        styled: true,
        ..View::PLAIN
    };
    assert!(!text(&large(), View::PLAIN).contains('\x1b'));
    assert!(text(&large(), styled).contains('\x1b'));
}

#[test]
fn markdown_has_the_same_rows() {
    let text = markdown(&large());
    for word in [
        "| iterative |",
        "| prethreaded |",
        "- How far to trust this",
    ] {
        assert!(text.contains(word), "{word} is missing in\n{text}");
    }
}
