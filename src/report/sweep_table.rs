//! The tables of a sweep: a column for each value, and in each cell how a server broke, if it did.

use super::bench_table::WIDTH_MAX;
use super::findings::{self, capitalised};
use super::grid::Grid;
use super::units::{COUNT, Scale, TIME, grouped, range, value};
use super::wrap::wrapped;
use crate::bench::plan::Scenario;
use crate::bench::stats::Spread;
use crate::bench::summary::Row;
use crate::bench::sweep::{Point, SweepResults};
use crate::load::Failure;

const NONE: &str = "–";

/// What a cell says of a row.
type Figure = fn(&Point, &Row) -> String;

/// All tables and sentences. `styled` is for a terminal: titles are bold there.
pub fn text(results: &SweepResults, styled: bool) -> String {
    let width = usize::from(WIDTH_MAX);
    let mut text = String::new();
    for &scenario in &results.plan.scenarios {
        let figures: [(&str, Figure); 3] = [
            ("Requests per second", throughput),
            ("Server CPU per request", cost),
            ("99 of 100 answers took no longer than", latency),
        ];
        for (figure, cell) in figures {
            let title = format!(
                "{figure}: {scenario}, by {}",
                results.sweep.parameter.name()
            );
            let title = if styled {
                format!("\x1b[1m{title}\x1b[0m")
            } else {
                title
            };
            let grid = grid(results, scenario, cell);
            text.push_str(&format!("{title}\n{}\n", grid.text(width)));
        }
    }
    for line in below(results) {
        text.push_str(&wrapped(&line, width));
    }
    text
}

fn grid(results: &SweepResults, scenario: Scenario, cell: Figure) -> Grid {
    let values = results
        .points
        .iter()
        .map(|point| grouped(f64::from(point.value)));
    let head = std::iter::once("model".to_owned()).chain(values).collect();
    let mut grid = Grid::new(vec![head]);
    for contender in &results.plan.contenders {
        let cells = results.points.iter().map(|point| {
            let row = row(point, &contender.name, scenario);
            row.map_or(NONE.to_owned(), |row| cell(point, row))
        });
        let name = contender.name.clone();
        grid.push(std::iter::once(name).chain(cells).collect());
    }
    grid
}

fn row<'a>(point: &'a Point, contender: &str, scenario: Scenario) -> Option<&'a Row> {
    let mut rows = point.summary.iter();
    rows.find(|row| row.contender == contender && row.scenario == scenario)
}

/// The rate, its range, and whatever went wrong.
fn throughput(point: &Point, row: &Row) -> String {
    let mut lines = Vec::new();
    if let Some(rate) = &row.requests_per_s {
        lines.push(grouped(rate.median));
        if row.blocks_measured > 1 {
            lines.push(range(rate, COUNT));
        }
    }
    lines.extend(troubles(point, row));
    if lines.is_empty() {
        lines.push(NONE.to_owned());
    }
    lines.join("\n")
}

fn cost(_: &Point, row: &Row) -> String {
    figure(row, &row.server_cpu_us_per_request, TIME)
}

fn latency(_: &Point, row: &Row) -> String {
    figure(row, &row.p99_us, TIME)
}

fn figure(row: &Row, spread: &Option<Spread>, scale: Scale) -> String {
    match spread {
        None => NONE.to_owned(),
        Some(spread) if row.blocks_measured > 1 => {
            format!("{}\n{}", value(spread.median, scale), range(spread, scale))
        }
        Some(spread) => value(spread.median, scale),
    }
}

/// How it failed, how many connections never got an answer, and the errors by kind.
fn troubles(point: &Point, row: &Row) -> Vec<String> {
    let mut troubles: Vec<String> = row.failures.iter().map(|it| it.label.clone()).collect();
    troubles.dedup();
    let starved = row.never_answered.map_or(0.0, |spread| spread.median);
    if starved >= point.connections as f64 {
        troubles.push("all starved".to_owned());
    } else if starved > 0.0 {
        troubles.push(format!("{} starved", grouped(starved)));
    }
    let kinds = row.errors_by_kind.kinds().filter(|(_, count)| *count > 0);
    troubles.extend(kinds.map(|(kind, count)| format!("{} {}", grouped(count as f64), word(kind))));
    troubles
}

/// A kind of failure in a word or two, so that it fits into a cell.
fn word(kind: Failure) -> &'static str {
    match kind {
        Failure::Refused => "refused",
        Failure::QueueFull => "queue full",
        Failure::ResetBeforeFirstByte | Failure::ResetAfterFirstByte => "reset",
        Failure::ClosedEarly => "cut off",
        Failure::Timeout => "timed out",
        Failure::BadResponse => "garbled",
        Failure::WrongBody => "wrong body",
        Failure::Status => "status",
        Failure::ClientPorts => "no port",
        Failure::ClientDescriptors => "no file",
        Failure::ClientOther => "client",
    }
}

fn below(results: &SweepResults) -> Vec<String> {
    let mut lines = Vec::new();
    for &scenario in &results.plan.scenarios {
        let said = results.plan.contenders.iter().map(|contender| {
            let story = story(results, &contender.name, scenario);
            format!("{}, {scenario}: {story}.", contender.name)
        });
        lines.extend(said);
    }
    let stories: Vec<(u32, String)> = results
        .points
        .iter()
        .flat_map(|point| {
            let rows = point.summary.iter();
            rows.flat_map(move |row| row.failures.iter().map(move |it| (point.value, row, it)))
        })
        .map(|(value, row, failure)| (value, format!("{}: {}", row.contender, failure.story)))
        .collect();
    let name = results.sweep.parameter.name();
    lines.extend(
        stories
            .into_iter()
            .map(|(value, story)| format!("FAILED {name} {value}, {story}")),
    );
    lines.push(String::new());
    lines.push(
        "starved: connections that got no answer in the whole window (median over blocks). Errors \
         are those of all blocks together. Latency and requests/s tell only of who was answered. \
         Each window opens all its connections anew."
            .to_owned(),
    );
    lines.extend(results.limits.iter().map(|limit| capitalised(limit) + "."));
    lines.extend(findings::machine(&results.plan, &results.environment));
    if results.sweep.stretches {
        let line = "With the connections, windows become longer: so that each can be answered.";
        lines.push(line.to_owned());
    }
    if results.interrupted {
        let (done, all) = (results.points.len(), results.sweep.values.len());
        lines.push(format!("INTERRUPTED at value {done} of {all}."));
    }
    lines
}

/// Up to where everything went well, and what came then.
fn story(results: &SweepResults, contender: &str, scenario: Scenario) -> String {
    let name = results.sweep.parameter.name();
    let mut fine = None;
    for point in &results.points {
        let value = grouped(f64::from(point.value));
        let Some(row) = row(point, contender, scenario).filter(|row| is_measured(row)) else {
            return format!("not reached at {value} {name}");
        };
        let troubles = troubles(point, row);
        if !troubles.is_empty() {
            let before = fine.map_or(String::new(), |fine| {
                format!("answers everybody up to {fine} {name}; ")
            });
            return format!("{before}at {value} {}", troubles.join(", "));
        }
        fine = Some(value);
    }
    format!("answers everybody at every number of {name}")
}

fn is_measured(row: &Row) -> bool {
    row.blocks_measured > 0 || !row.failures.is_empty()
}

#[cfg(test)]
#[path = "sweep_table_tests.rs"]
mod tests;
