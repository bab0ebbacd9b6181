//! What a person should see in a bench, in sentences computed from its rows. Pure.

use std::collections::BTreeSet;

use super::units::{TIME, grouped, value};
use crate::bench::environment::Environment;
use crate::bench::gates::Mark;
use crate::bench::plan::{Plan, Scenario, counted};
use crate::bench::results::Results;
use crate::bench::stats::Spread;
use crate::bench::summary::Row;

/// The rows of one scenario, in the order of the table.
pub fn of_scenario(results: &Results, scenario: Scenario) -> impl Iterator<Item = &Row> {
    results
        .summary
        .iter()
        .filter(move |row| row.scenario == scenario)
}

/// How many connections never got an answer, in the middle of the blocks; none if all got some.
pub fn starved(row: &Row) -> Option<String> {
    row.never_answered
        .filter(|spread| spread.median > 0.0)
        .map(|spread| grouped(spread.median))
}

/// All lines below the tables: what there is to see, failures, signs, conditions.
pub fn below_the_table(results: &Results) -> Vec<String> {
    let mut lines = Vec::new();
    for &scenario in &results.plan.scenarios {
        let rows: Vec<&Row> = of_scenario(results, scenario).collect();
        lines.extend(sentences(scenario, &rows, results.plan.connections));
    }
    lines.extend(results.summary.iter().filter_map(errors));
    lines.extend(failures(results));
    lines.push(String::new());
    lines.push(key(results));
    lines.extend(marks(&results.summary));
    lines.extend(conditions(results));
    lines
}

/// What Jain's index says, in a few words.
pub(super) const FAIRNESS: &str = "1 where all answered alike, 1/n where one of n answered all";

/// The errors of a row by kind.
fn errors(row: &Row) -> Option<String> {
    let kinds = row.errors_by_kind.iter().filter(|(_, count)| *count > 0);
    let kinds: Vec<String> = kinds
        .map(|(name, count)| format!("{} {}", grouped(count as f64), name.replace('_', " ")))
        .collect();
    let (name, scenario) = (&row.contender, row.scenario);
    (!kinds.is_empty()).then(|| {
        format!(
            "Failed requests of {name}, {scenario}: {}.",
            kinds.join(", ")
        )
    })
}

/// One or two sentences for a scenario.
fn sentences(scenario: Scenario, rows: &[&Row], connections: usize) -> Vec<String> {
    let title = capitalised(&scenario.to_string());
    let mut parts = vec![cost(rows), throughput(rows)];
    parts.retain(|part| !part.is_empty());
    let mut lines = Vec::new();
    if !parts.is_empty() {
        lines.push(format!("{title}: {}.", parts.join("; ")));
    }
    lines.extend(starvation(rows, connections).map(|part| format!("{title}: {part}.")));
    lines
}

/// Rows that have `figure`, the best first.
fn ranked<'a>(
    rows: &[&'a Row],
    figure: fn(&Row) -> Option<Spread>,
    lowest_first: bool,
) -> Vec<(&'a Row, Spread)> {
    let mut ranked: Vec<_> = rows
        .iter()
        .filter_map(|row| Some((*row, figure(row)?)))
        .collect();
    ranked.sort_by(|(_, a), (_, b)| a.median.total_cmp(&b.median));
    if !lowest_first {
        ranked.reverse();
    }
    ranked
}

/// Who is the cheapest, by how much, and who the dearest.
fn cost(rows: &[&Row]) -> String {
    let ranked = ranked(rows, |row| row.server_cpu_us_per_request, true);
    let [(first, best), rest @ ..] = ranked.as_slice() else {
        return String::new();
    };
    let spent = value(best.median, TIME);
    let Some((second, next)) = rest.first() else {
        return format!("{} spends {spent} of CPU on a request", first.contender);
    };
    let times = |spread: &Spread| format!("{:.2} times", spread.median / best.median);
    let tied = tied_with_first(&ranked);
    let mut text = if tied.len() > 1 {
        format!(
            "{} tie for the least CPU per request, about {spent} (their ranges overlap)",
            and(&tied)
        )
    } else {
        let (name, factor) = (&second.contender, times(next));
        format!(
            "{} spends the least CPU on a request, {spent}; {name} {factor} that",
            first.contender
        )
    };
    if let Some((last, worst)) = rest.last().filter(|(last, _)| {
        last.contender != second.contender && !tied.contains(&last.contender.as_str())
    }) {
        text.push_str(&format!(", {} the most, {}", last.contender, times(worst)));
    }
    text
}

fn throughput(rows: &[&Row]) -> String {
    let ranked = ranked(rows, |row| row.requests_per_s, false);
    let [(first, best), _, ..] = ranked.as_slice() else {
        return String::new();
    };
    let tied = tied_with_first(&ranked);
    let rate = grouped(best.median);
    if tied.len() > 1 {
        return format!(
            "{} tie for the highest throughput, about {rate}/s",
            and(&tied)
        );
    }
    format!("{} answers most, {rate}/s", first.contender)
}

/// The names of the first and of all whose range overlaps the first's.
fn tied_with_first<'a>(ranked: &[(&'a Row, Spread)]) -> Vec<&'a str> {
    let Some((_, best)) = ranked.first() else {
        return Vec::new();
    };
    let tied = ranked.iter().filter(|(_, spread)| spread.overlaps(best));
    tied.map(|(row, _)| row.contender.as_str()).collect()
}

/// Who left connections waiting for the whole window.
fn starvation(rows: &[&Row], connections: usize) -> Option<String> {
    let starving: Vec<String> = rows
        .iter()
        .filter_map(|row| Some(format!("{} ({})", row.contender, starved(row)?)))
        .collect();
    let names: Vec<&str> = starving.iter().map(String::as_str).collect();
    (!names.is_empty()).then(|| {
        format!(
            "of {connections} connections some never got an answer from {}; a worker that keeps \
             to one client leaves the others waiting, and latency and requests/s tell only of \
             those that were served",
            and(&names)
        )
    })
}

pub(super) fn failures(results: &Results) -> impl Iterator<Item = String> {
    let blocks = results.plan.blocks;
    results.summary.iter().flat_map(move |row| {
        row.failures.iter().map(move |failure| {
            let (name, scenario, story) = (&row.contender, row.scenario, &failure.story);
            format!(
                "FAILED {name}, {scenario}: {story} ({} of {})",
                failure.blocks,
                counted(blocks, "block")
            )
        })
    })
}

fn key(results: &Results) -> String {
    let mut key = String::from("CPU/req: the server's user + system time per answered request, ");
    key.push_str(
        "children included. MiB: its memory (PSS). proc, thr: its processes, threads (peaks).",
    );
    if results.plan.blocks > 1 {
        key.push_str(" Figures are medians over blocks; below them min..max.");
    }
    let hidden = |row: &Row| row.blocks_measured > 0 && row.p999_us.is_none();
    if results.summary.iter().any(hidden) {
        key.push_str(" –: fewer than 10 requests beyond the percentile.");
    }
    if results.summary.iter().any(|row| row.fairness.is_some()) {
        key.push_str(&format!(" fairness: Jain's index, {FAIRNESS}."));
    }
    key
}

/// Each mark that occurs, with its meaning.
pub(super) fn marks(rows: &[Row]) -> impl Iterator<Item = String> {
    let borne: BTreeSet<Mark> = rows
        .iter()
        .flat_map(|row| row.marks.keys().copied())
        .collect();
    borne
        .into_iter()
        .map(|mark| format!("[{}] {}.", mark.letter(), mark.meaning()))
}

pub(super) fn conditions(results: &Results) -> Vec<String> {
    let plan = &results.plan;
    let mut lines = machine(plan, &results.environment);
    if results.summary.iter().any(|row| row.blocks_measured == 1) {
        lines.push(
            "Where there is one window only, nothing tells a difference from chance.".to_owned(),
        );
    }
    if results.interrupted {
        let (done, all) = (results.runs.len(), plan.runs());
        lines.push(format!("INTERRUPTED after {done} of {all} windows."));
    }
    lines
}

/// Where the figures come from.
pub(super) fn machine(plan: &Plan, environment: &Environment) -> Vec<String> {
    let window = match plan.requests {
        Some(requests) => format!("windows of {} requests", grouped(requests as f64)),
        None => format!("{} s windows", plan.window.as_secs_f64()),
    };
    let mut lines = vec![format!(
        "{}; {} of {window}, seed {}; {}, {}.",
        capitalised(&environment.layout.to_string()),
        counted(plan.blocks, "block"),
        plan.seed,
        environment.cpu_model,
        environment
            .kernel
            .split(' ')
            .take(2)
            .collect::<Vec<_>>()
            .join(" "),
    )];
    if environment.build == "debug" {
        lines.push("This is an unoptimised debug build: its figures say little.".to_owned());
    }
    if !plan.options.is_empty() {
        lines.push(format!("Every server with {}.", plan.options.join(" ")));
    }
    lines
}

/// `a`, `a and b`, `a, b and c`.
fn and(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

/// With a capital first letter.
pub(super) fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

#[cfg(test)]
#[path = "findings_tests.rs"]
mod tests;
