//! What a search for the highest rate found, with the curve on the way.

use serde::Serialize;

use super::text;
use crate::load::{Expectation, FoundMax, Outcome, Verdict};
use crate::report::grid::Grid;
use crate::report::wrap::wrapped;

/// One rate that was tried.
pub struct Probe {
    /// Requests per second offered.
    pub rate: f64,
    /// Whether the objective was kept.
    pub verdict: Verdict,
    /// What was measured.
    pub outcome: Outcome,
}

/// A whole search.
pub struct Found<'a> {
    /// What a closed loop reached before the search, in requests per second.
    pub capacity_per_s: f64,
    /// The objective.
    pub expectations: &'a [Expectation],
    /// The bracket.
    pub found: &'a FoundMax,
    /// Every rate that was tried, in order.
    pub probes: &'a [Probe],
}

/// A probe as a line, for the person who waits for the next.
pub fn probe_line(probe: &Probe) -> String {
    let latency = &probe.outcome.latency;
    format!(
        "{} requests/s: p50 {}, p99 {}, {}",
        text::rate(probe.rate),
        text::time(latency.value_at_quantile(0.5)),
        text::time(latency.value_at_quantile(0.99)),
        in_words(probe.verdict)
    )
}

fn in_words(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Holds => "holds",
        Verdict::Fails => "fails",
        Verdict::GeneratorLimit => "generator",
    }
}

/// On a narrow terminal p90 goes first, then p50, the errors and the answered rate.
const EXPENDABLE: [usize; 4] = [3, 2, 5, 1];

/// The curve of latency over the offered rate, and the bracket, in lines of this width.
pub fn found_table(found: &Found<'_>, width: usize) -> String {
    let heads = [
        "offered/s",
        "answered/s",
        "p50",
        "p90",
        "p99",
        "errors",
        "verdict",
    ];
    let grid = Grid::new(vec![heads.map(str::to_owned).to_vec()]);
    let mut grid = grid.expending(&EXPENDABLE).dense();
    let mut probes: Vec<&Probe> = found.probes.iter().collect();
    probes.sort_by(|a, b| a.rate.total_cmp(&b.rate));
    for probe in probes {
        let (latency, outcome) = (&probe.outcome.latency, &probe.outcome);
        let at = |quantile| text::time(latency.value_at_quantile(quantile));
        grid.push(vec![
            text::rate(probe.rate),
            text::rate(outcome.requests_per_s()),
            at(0.5),
            at(0.9),
            at(0.99),
            format!("{:.2} %", outcome.error_share() * 100.0),
            in_words(probe.verdict).to_owned(),
        ]);
    }
    format!("{}{}", grid.text(width), wrapped(&sentence(found), width))
}

fn sentence(found: &Found<'_>) -> String {
    let objective: Vec<&str> = found
        .expectations
        .iter()
        .map(|it| it.text.as_str())
        .collect();
    let objective = objective.join(" and ");
    let per_s = |rate: f64| format!("{} requests/s", text::rate(rate));
    let closed = format!("a closed loop reached {}", per_s(found.capacity_per_s));
    match (found.found.holds, found.found.fails) {
        (Some(holds), Some(fails)) if found.found.is_generators_limit => format!(
            "{objective} holds at {} at least; at {} the generator was the limit ({closed})",
            per_s(holds),
            per_s(fails)
        ),
        (Some(holds), Some(fails)) => format!(
            "{objective} holds at {} and fails at {} ({closed})",
            per_s(holds),
            per_s(fails)
        ),
        (Some(holds), None) => format!("{objective} holds at {} at least", per_s(holds)),
        (None, _) => format!("{objective} holds at no rate that was tried ({closed})"),
    }
}

/// A search for programs.
#[derive(Serialize)]
pub struct FoundJson {
    schema: u32,
    expectations: Vec<String>,
    capacity_per_s: f64,
    holds_per_s: Option<f64>,
    fails_per_s: Option<f64>,
    generator_is_the_limit: bool,
    probes: Vec<ProbeJson>,
}

#[derive(Serialize)]
struct ProbeJson {
    offered_per_s: f64,
    answered_per_s: f64,
    p50_us: f64,
    p90_us: f64,
    p99_us: f64,
    error_share: f64,
    verdict: &'static str,
}

/// The bracket and the curve as one JSON object.
pub fn found_json(found: &Found<'_>) -> FoundJson {
    let probes = found.probes.iter().map(|probe| {
        let latency = &probe.outcome.latency;
        let at = |quantile| latency.value_at_quantile(quantile) as f64 / 1000.0;
        ProbeJson {
            offered_per_s: probe.rate,
            answered_per_s: probe.outcome.requests_per_s(),
            p50_us: at(0.5),
            p90_us: at(0.9),
            p99_us: at(0.99),
            error_share: probe.outcome.error_share(),
            verdict: in_words(probe.verdict),
        }
    });
    FoundJson {
        schema: super::SCHEMA,
        expectations: found.expectations.iter().map(ToString::to_string).collect(),
        capacity_per_s: found.capacity_per_s,
        holds_per_s: found.found.holds,
        fails_per_s: found.found.fails,
        generator_is_the_limit: found.found.is_generators_limit,
        probes: probes.collect(),
    }
}
