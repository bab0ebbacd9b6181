//! The tables of a sweep: a column for each value, and in each cell how a server broke, if it did.

use super::bench_table::View;
use super::findings;
use super::grid::Grid;
use super::units::{COUNT, Scale, TIME, grouped, range, value};
use super::words::capitalised;
use super::wrap::wrapped;
use crate::bench::gates::Mark;
use crate::bench::stats::Spread;
use crate::bench::summary::{Row, Summary, summarise};
use crate::bench::sweep::{Parameter, SweepResults};
use crate::load::Failure;

const NONE: &str = "–";

/// What a cell says of a row.
type Figure = fn(&Row) -> String;

/// A value of the parameter, and what was measured there.
struct Column {
    value: u32,
    summary: Summary,
}

impl Column {
    /// The row of a contender under a workload, by their places in the plan.
    fn row(&self, workload: usize, contender: usize) -> Option<&Row> {
        self.summary.rankings.get(workload)?.rows.get(contender)
    }
}

/// All tables and sentences.
pub fn text(results: &SweepResults, view: View) -> String {
    let Some(first) = results.points.first().map(|point| &point.results) else {
        return "Nothing was measured.\n".to_owned();
    };
    let columns = columns(results);
    let names: Vec<&str> = first
        .plan
        .contenders
        .iter()
        .map(|it| it.name.as_str())
        .collect();
    let mut text = String::new();
    for (index, workload) in first.plan.workloads.iter().enumerate() {
        let figures: [(&str, Figure); 3] = [
            ("Requests per second", throughput),
            ("Server CPU per request", cost),
            ("99 of 100 answers took no longer than", latency),
        ];
        for (figure, cell) in figures {
            let title = format!(
                "{figure}: {workload}, by {}",
                results.sweep.parameter.name()
            );
            text.push_str(&view.title(&title));
            let grid = grid(&columns, &names, index, cell);
            text.push_str(&format!("{}\n", grid.text(view.width)));
        }
    }
    for line in below(results, &columns) {
        text.push_str(&wrapped(&line, view.width));
    }
    text
}

fn columns(results: &SweepResults) -> Vec<Column> {
    let points = results.points.iter();
    let columns = points.map(|point| Column {
        value: point.value,
        summary: summarise(&point.results),
    });
    columns.collect()
}

fn grid(columns: &[Column], names: &[&str], workload: usize, cell: Figure) -> Grid {
    let values = columns
        .iter()
        .map(|column| grouped(f64::from(column.value)));
    let head = std::iter::once("model".to_owned()).chain(values).collect();
    let mut grid = Grid::new(vec![head]);
    for (contender, name) in names.iter().enumerate() {
        let cells = columns.iter().map(|column| {
            let row = column.row(workload, contender);
            row.map_or(NONE.to_owned(), cell)
        });
        grid.push(std::iter::once((*name).to_owned()).chain(cells).collect());
    }
    grid
}

/// The rate, its range, and whatever went wrong.
fn throughput(row: &Row) -> String {
    let mut lines = Vec::new();
    if let Some(rate) = &row.requests_per_s {
        lines.push(grouped(rate.median));
        if row.blocks_measured > 1 {
            lines.push(range(rate, COUNT));
        }
    }
    lines.extend(troubles(row));
    lines.extend(disturbed(row));
    if lines.is_empty() {
        lines.push(NONE.to_owned());
    }
    lines.join("\n")
}

/// `others 71 %`: what was taken from the windows that count.
fn disturbed(row: &Row) -> Vec<String> {
    let marks = [
        (Mark::Others, "others"),
        (Mark::Steal, "steal"),
        (Mark::GeneratorBound, "generator"),
    ];
    let said = marks.into_iter().filter_map(|(mark, word)| {
        let struck = row.marks.get(&mark)?;
        Some(format!("{word} {:.0} %", struck.worst * 100.0))
    });
    said.collect()
}

fn cost(row: &Row) -> String {
    figure(row, &row.cpu_us_per_request, TIME)
}

fn latency(row: &Row) -> String {
    row.percentiles
        .p99_us
        .map_or(NONE.to_owned(), |us| value(us, TIME))
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
fn troubles(row: &Row) -> Vec<String> {
    let mut troubles: Vec<String> = row.failures.iter().map(|it| it.label.clone()).collect();
    troubles.dedup();
    let starved = row.starved();
    if starved >= row.connections as f64 && starved > 0.0 {
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

/// What stands below the tables.
pub(super) fn sentences(results: &SweepResults) -> Vec<String> {
    let mut lines = below(results, &columns(results));
    lines.retain(|line| !line.is_empty());
    lines
}

fn below(results: &SweepResults, columns: &[Column]) -> Vec<String> {
    let Some(first) = results.points.first().map(|point| &point.results) else {
        return Vec::new();
    };
    let name = results.sweep.parameter.name();
    let mut lines = Vec::new();
    for (index, workload) in first.plan.workloads.iter().enumerate() {
        for (contender, who) in first.plan.contenders.iter().enumerate() {
            let rows = columns
                .iter()
                .map(|it| (it.value, it.row(index, contender)));
            let story = story(name, rows);
            lines.push(format!("{}, {}: {story}.", who.name, workload.name));
        }
    }
    for column in columns {
        let failures = findings::failures(&column.summary);
        lines.extend(failures.map(|it| format!("{name} {}: {it}", column.value)));
    }
    lines.push(String::new());
    lines.push(
        "starved: connections that got no answer in the whole window (median over blocks). Errors \
         are those of all blocks together. Latency and requests/s are of the connections that were \
         answered. Each window opens all its connections anew. others, steal: the largest part of \
         the CPU time that other processes or the hypervisor took in a window. generator: \
         the part of its own processors that the generator used, where that is over 85 %."
            .to_owned(),
    );
    lines.extend(results.limits.iter().map(|limit| capitalised(limit) + "."));
    lines.extend(findings::machine(&first.plan, &first.environment));
    lines.extend(scaling(results, columns));
    lines.extend(caveats(results, columns));
    lines
}

/// How many times the requests per second of the first number of processors the last one gave.
fn scaling(results: &SweepResults, columns: &[Column]) -> Vec<String> {
    let (Some(first), Some(last)) = (columns.first(), columns.last()) else {
        return Vec::new();
    };
    if results.sweep.parameter != Parameter::Cores || columns.len() < 2 {
        return Vec::new();
    }
    let rankings = first.summary.rankings.iter().zip(&last.summary.rankings);
    let sentences = rankings.filter_map(|(one, many)| {
        let ratios: Vec<String> = one
            .rows
            .iter()
            .zip(&many.rows)
            .filter_map(|(one, many)| {
                let ratio = many.requests_per_s?.median / one.requests_per_s?.median;
                Some(format!("{} {ratio:.2}×", one.contender))
            })
            .collect();
        let (name, to, from) = (&one.workload.name, last.value, first.value);
        (!ratios.is_empty()).then(|| {
            format!(
                "{name}, requests/s with {to} cores against {from}: {}.",
                ratios.join(", ")
            )
        })
    });
    sentences.collect()
}

/// Whether the generator had no processor of its own at some value.
fn is_shared(results: &SweepResults) -> bool {
    let mut layouts = results.points.iter().map(|it| &it.results.environment);
    layouts.any(|it| it.layout.shared)
}

const SHARED: &str = "In the shared layout the generator takes its time from the server's \
    processors: requests per second are those of the pair and no measure of how a model scales; \
    CPU per request is still the server's own.";

/// What keeps the figures from saying more.
fn caveats(results: &SweepResults, columns: &[Column]) -> Vec<String> {
    let mut lines = Vec::new();
    if results.sweep.stretches && results.sweep.parameter == Parameter::Connections {
        let line = "With the connections, windows become longer: so that each can be answered.";
        lines.push(line.to_owned());
    }
    if results.sweep.parameter == Parameter::Cores {
        for point in &results.points {
            let layout = &point.results.environment.layout;
            lines.push(format!("cores {}: {layout}.", point.value));
        }
        lines.extend(is_shared(results).then(|| SHARED.to_owned()));
    }
    let blocks = results.points.iter().map(|it| it.results.plan.blocks).max();
    if blocks == Some(1) {
        let line = "Where there is one window only, nothing tells a difference from chance.";
        lines.push(line.to_owned());
    }
    let repeated: usize = results
        .points
        .iter()
        .flat_map(|it| &it.results.runs)
        .filter(|run| run.attempt > 1)
        .count();
    let rows = columns
        .iter()
        .flat_map(|it| &it.summary.rankings)
        .flat_map(|it| &it.rows);
    let disturbed = rows.filter(|row| !disturbed(row).is_empty()).count();
    if repeated + disturbed > 0 {
        lines.push(format!(
            "How far to trust this: {disturbed} cells have windows that other processes or the \
             hypervisor disturbed; {repeated} windows were measured again for that."
        ));
    }
    if results.interrupted {
        let (done, all) = (results.points.len(), results.sweep.values.len());
        lines.push(format!("INTERRUPTED at value {done} of {all}."));
    }
    lines
}

/// Up to where everything went well, and what came then.
fn story<'a>(name: &str, rows: impl Iterator<Item = (u32, Option<&'a Row>)>) -> String {
    let mut fine = None;
    for (value, row) in rows {
        let value = grouped(f64::from(value));
        let Some(row) = row.filter(|row| is_measured(row)) else {
            return format!("not reached at {value} {name}");
        };
        let mut troubles = troubles(row);
        if !troubles.is_empty() {
            troubles.extend(disturbed(row));
            let before = fine.map_or(String::new(), |fine| {
                format!("answers every client up to {fine} {name}; ")
            });
            return format!("{before}at {value} {}", troubles.join(", "));
        }
        fine = Some(value);
    }
    format!("answers every client at every number of {name}")
}

fn is_measured(row: &Row) -> bool {
    row.blocks_measured > 0 || !row.failures.is_empty()
}

#[cfg(test)]
#[path = "sweep_table_tests.rs"]
mod tests;
