//! A run as one page with plots.

use hdrhistogram::Histogram;

use super::{WIDTH_MAX, sentences, table, text};
use crate::load::{Expectation, Outcome, Plan, marks};
use crate::report::html::{Figure, Page, Section, Table};
use crate::report::plot::{Axis, Line, Plot};

const NS_PER_MS: f64 = 1e6;
/// The percentile curve has so many points for each further nine.
const POINTS_PER_NINE: u32 = 20;

/// The page: what was measured, the percentile curve, what happened in each second.
///
/// # Errors
/// A page that cannot be rendered.
pub fn html(
    plan: &Plan,
    outcome: &Outcome,
    expectations: &[Expectation],
) -> anyhow::Result<String> {
    with_section(plan, outcome, expectations, Section::default())
}

/// The page with a section more, which comes after the summary.
pub(super) fn with_section(
    plan: &Plan,
    outcome: &Outcome,
    expectations: &[Expectation],
    section: Section,
) -> anyhow::Result<String> {
    let page = Page {
        title: plan.target.to_string(),
        subtitle: vec![subtitle(plan, outcome)],
        sections: vec![
            summary(plan, outcome, expectations),
            section,
            Section {
                heading: "How long requests took".to_owned(),
                figures: vec![percentile_curve(outcome)],
                ..Section::default()
            },
            Section {
                heading: "What happened in each second".to_owned(),
                figures: vec![latency_series(outcome), rate_series(outcome)],
                ..Section::default()
            },
            failures(outcome),
        ],
    };
    Ok(page.render()?)
}

/// The headline without the target, which is the title, and without the terminal's line breaks.
fn subtitle(plan: &Plan, outcome: &Outcome) -> String {
    let headline = table::headline(plan, outcome, WIDTH_MAX);
    let lines: Vec<&str> = headline.lines().skip(1).map(str::trim).collect();
    lines.join(" ")
}

fn summary(plan: &Plan, outcome: &Outcome, expectations: &[Expectation]) -> Section {
    let marks = marks::marks(plan, outcome).into_iter();
    let notes = marks.map(|mark| format!("Note: {}.", sentences::of_mark(mark, plan, outcome)));
    let expected = expectations.iter();
    let expected = expected.map(|it| format!("{}.", sentences::of_expectation(it, outcome)));
    let accounts = format!("{}.", table::accounts(outcome));
    Section {
        heading: "Summary".to_owned(),
        paragraphs: [accounts]
            .into_iter()
            .chain(notes)
            .chain(expected)
            .collect(),
        table: Some(times(outcome)),
        figures: Vec::new(),
    }
}

fn times(outcome: &Outcome) -> Table {
    let open = [
        ("service", &outcome.service),
        ("timer lag", &outcome.timer_lag),
        ("connection wait", &outcome.connection_wait),
    ];
    let rows = [("response", &outcome.latency)]
        .into_iter()
        .chain(open.into_iter().filter(|_| outcome.is_open_loop))
        .chain([
            ("first byte", &outcome.first_byte),
            ("connect", &outcome.connect),
        ]);
    let rows = rows
        .filter(|(_, times)| !times.is_empty())
        .map(|(name, times)| {
            let quantiles = [0.5, 0.9, 0.99, 0.999, 1.0];
            let at = quantiles.map(|quantile| text::time(times.value_at_quantile(quantile)));
            let mean = text::time(times.mean() as u64);
            [name.to_owned(), text::count(times.len()), mean]
                .into_iter()
                .chain(at)
        });
    let heads = ["time", "count", "mean", "p50", "p90", "p99", "p99.9", "max"];
    Table::new(heads, rows)
}

fn percentile_curve(outcome: &Outcome) -> Figure {
    let mut lines = vec![Line::new("response", curve(&outcome.latency))];
    if outcome.is_open_loop {
        lines.push(Line::new("service", curve(&outcome.service)));
        lines.push(Line::new("timer lag", curve(&outcome.timer_lag)));
    }
    let plot = Plot {
        title: "Percentiles",
        x: Axis::linear("percentile").with_format(percentile),
        y: Axis::log("ms"),
        lines,
    };
    Figure::new(
        plot.svg(),
        "The share of requests that took at most so long; each step to the right leaves a tenth \
         of them.",
    )
}

/// Quantiles at equal distances of their nines, as far as there are 10 samples beyond.
fn curve(times: &Histogram<u64>) -> Vec<(f64, f64)> {
    let nines_max = (times.len() as f64 / 10.0).log10().max(0.0);
    let steps = (nines_max * f64::from(POINTS_PER_NINE)) as u32;
    (0..=steps)
        .map(|step| f64::from(step) / f64::from(POINTS_PER_NINE))
        .map(|nines| {
            let quantile = 1.0 - 10f64.powf(-nines);
            (nines, times.value_at_quantile(quantile) as f64 / NS_PER_MS)
        })
        .collect()
}

/// What a number of nines is called; nothing between two of them.
fn percentile(nines: f64) -> String {
    let whole = nines.round();
    if (nines - whole).abs() > 0.01 {
        return String::new();
    }
    match whole as u32 {
        0 => "min".to_owned(),
        1 => "p90".to_owned(),
        2 => "p99".to_owned(),
        n => format!("p99.{}", "9".repeat(n as usize - 2)),
    }
}

fn latency_series(outcome: &Outcome) -> Figure {
    let lines = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("max", 1.0)];
    let lines = lines.map(|(name, quantile)| {
        let points = outcome
            .seconds
            .iter()
            .filter(|it| it.requests > 0)
            .map(|second| {
                let ns = second.histogram().value_at_quantile(quantile);
                (second.index as f64, ns as f64 / NS_PER_MS)
            });
        Line::new(name, points.collect())
    });
    let plot = Plot {
        title: "Response times",
        x: Axis::linear("second"),
        y: Axis::log("ms"),
        lines: lines.into(),
    };
    Figure::new(
        plot.svg(),
        "Response times of the requests that were answered in each second.",
    )
}

fn rate_series(outcome: &Outcome) -> Figure {
    type Count = fn(&crate::load::Second) -> u64;
    let counts: [(&str, Count); 4] = [
        ("sent", |second| second.attempted),
        ("answered", |second| second.requests),
        ("failed", |second| second.failed),
        ("waiting", |second| second.waiting),
    ];
    let whole = outcome.seconds.iter().filter(|it| it.length_ns > 0);
    let lines = counts.map(|(name, count)| {
        let points = whole.clone().map(|second| {
            let per_s = count(second) as f64 * 1e9 / second.length_ns as f64;
            (second.index as f64, per_s)
        });
        Line::new(name, points.collect())
    });
    let plot = Plot {
        title: "Requests per second",
        x: Axis::linear("second"),
        y: Axis::linear("requests/s"),
        lines: lines.into(),
    };
    Figure::new(
        plot.svg(),
        "Requests sent, answered and failed in each second, and those that waited for a \
         connection at its end.",
    )
}

fn failures(outcome: &Outcome) -> Section {
    if outcome.errors.total() == 0 {
        return Section::default();
    }
    let kinds = outcome.errors.kinds().filter(|(_, count)| *count > 0);
    let rows = kinds.map(|(kind, count)| {
        [
            kind.name().replace('_', " "),
            text::count(count),
            kind.reason().to_owned(),
        ]
    });
    Section {
        heading: "Errors".to_owned(),
        table: Some(Table::new(["error", "requests", "meaning"], rows)),
        ..Section::default()
    }
}
