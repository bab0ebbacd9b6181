//! What a bench prints: the matrix of all workloads, a table for each, and sentences.

use super::bar::bar;
use super::findings;
use super::grid::Grid;
use super::ladder_table;
use super::matrix;
use super::units::{COUNT, TIME, grouped, mebibytes, range, value};
use super::workers_table;
use super::wrap::wrapped;
use crate::bench::gates::Mark;
use crate::bench::results::Results;
use crate::bench::stats::{Comparison, Spread, Verdict};
use crate::bench::summary::{Ranking, Row, Struck, Summary, summarise};
use crate::bench::workload::Metric;

/// The width of a terminal that is not known, and of what is saved.
pub const WIDTH: usize = 80;
/// Narrower, the tables could not be whole.
pub const WIDTH_MIN: usize = 60;
const BAR_WIDTH: usize = 9;
pub(super) const NONE: &str = "–";

/// How the tables are to look.
#[derive(Debug, Clone, Copy)]
pub struct View {
    /// Columns of the terminal.
    pub width: usize,
    /// Titles are bold.
    pub styled: bool,
    /// With ranges, intervals and resources.
    pub full: bool,
}

impl View {
    /// For a file.
    pub const PLAIN: View = View {
        width: WIDTH,
        styled: false,
        full: false,
    };

    pub(super) fn title(self, title: &str) -> String {
        match self.styled {
            true => format!("\x1b[1m{title}\x1b[0m\n"),
            false => wrapped(title, self.width),
        }
    }
}

/// Everything that a bench prints.
pub fn text(results: &Results, view: View) -> String {
    let summary = summarise(results);
    let mut text = String::new();
    if let Some(grid) = matrix::grid(results, &summary) {
        text.push_str(&view.title(matrix::TITLE));
        text.push_str(&format!("{}\n", grid.text(view.width)));
    }
    for ranking in &summary.rankings {
        text.push_str(&view.title(&heading(ranking)));
        text.push_str(&table(results, ranking).text(view.width));
        text.push('\n');
        if view.full {
            text.push_str(&format!(
                "{}\n",
                details(ranking).text(view.width.max(WIDTH))
            ));
        }
    }
    for ladder in &summary.ladders {
        text.push_str(&ladder_table::text(ladder, view));
    }
    let workers = workers_table::text(results, &summary, view.width);
    if view.full && !workers.is_empty() {
        text.push_str(&format!("{workers}\n"));
    }
    for line in findings::below_the_table(results, &summary) {
        text.push_str(&wrapped(&line, view.width));
    }
    text
}

/// `Kept connections (hello): 16 clients`, with what the signs of this table mean.
pub(super) fn heading(ranking: &Ranking) -> String {
    let workload = &ranking.workload;
    let starred = ranking.rows.iter().any(is_generator_bound);
    let star = if starred {
        "; * limited by the generator"
    } else {
        ""
    };
    format!(
        "{} ({}), {} clients{star}",
        findings::capitalised(&workload.title),
        workload.name,
        workload.connections
    )
}

/// The rows from the best to the worst, then those without a figure.
pub(super) fn sorted(ranking: &Ranking) -> Vec<(usize, &Row)> {
    let metric = ranking.workload.metric;
    let key = |row: &Row| {
        let median = figure(row, metric).map(|spread| spread.median);
        match metric.lower_is_better() {
            true => median.unwrap_or(f64::INFINITY),
            false => -median.unwrap_or(f64::NEG_INFINITY),
        }
    };
    let mut rows: Vec<(usize, &Row)> = ranking.rows.iter().enumerate().collect();
    rows.sort_by(|(_, a), (_, b)| key(a).total_cmp(&key(b)));
    rows
}

/// The figure by which the rows are sorted.
pub(super) fn figure(row: &Row, metric: Metric) -> Option<Spread> {
    match metric {
        Metric::CpuPerRequest => row.cpu_us_per_request,
        Metric::Throughput => row.requests_per_s,
        Metric::Memory => row.peak_pss_kib,
    }
}

/// A value of that figure.
pub(super) fn shown(median: f64, metric: Metric) -> String {
    match metric {
        Metric::CpuPerRequest => value(median, TIME),
        Metric::Throughput => format!("{}/s", value(median, COUNT)),
        Metric::Memory => format!("{} MiB", mebibytes(median)),
    }
}

/// The grid of a workload.
pub(super) fn table(results: &Results, ranking: &Ranking) -> Grid {
    let metric = ranking.workload.metric;
    let head = match metric {
        Metric::CpuPerRequest => "CPU/request",
        Metric::Throughput => "answers",
        Metric::Memory => "memory",
    };
    let heads = [
        "", head, "", "ratio", "req/s", "p50", "p99", "p99.9", "worst", "MiB", "proc", "thr",
    ];
    let mut grid = Grid::with_heads(heads).expending(&[10, 11, 9, 7, 5, 2, 8]);
    let rows = sorted(ranking);
    let figures = rows.iter().filter_map(|(_, row)| figure(row, metric));
    let largest = figures.map(|it| it.median).fold(0.0, f64::max);
    for (index, row) in rows {
        let median = figure(row, metric).map(|spread| spread.median);
        let percentiles = &row.percentiles;
        let time = |us: Option<f64>| us.map_or(NONE.to_owned(), |us| value(us, TIME));
        let count =
            |spread: Option<Spread>| spread.map_or(NONE.to_owned(), |it| grouped(it.median));
        let cells = vec![
            row.contender.clone(),
            median.map_or(NONE.to_owned(), |it| shown(it, metric)),
            bar(median.unwrap_or(f64::NAN), largest, BAR_WIDTH),
            ratio(results, ranking, index),
            rate(row),
            time(percentiles.p50_us),
            time(percentiles.p99_us),
            time(percentiles.p999_us),
            time(percentiles.max_us),
            row.peak_pss_kib
                .map_or(NONE.to_owned(), |it| mebibytes(it.median)),
            count(row.processes),
            count(row.threads),
        ];
        grid.push_with(cells, notes(row).join("; "));
    }
    grid
}

/// `1.52×`, with a sign where that is no clear difference.
fn ratio(results: &Results, ranking: &Ranking, index: usize) -> String {
    if index == results.plan.reference {
        return "1 ".to_owned();
    }
    let Some(pair) = ranking.pair(index, results.plan.reference) else {
        return format!("{NONE} ");
    };
    format!("{}{}", times(pair.ratio), sign(pair.verdict))
}

/// `1.52×`, `14.5×`.
pub(super) fn times(ratio: f64) -> String {
    match ratio {
        10.0.. => format!("{ratio:.1}×"),
        _ => format!("{ratio:.2}×"),
    }
}

/// What stands behind a ratio.
fn sign(verdict: Verdict) -> char {
    match verdict {
        Verdict::More | Verdict::Less => ' ',
        Verdict::DifferentButSmall => '~',
        Verdict::Same => '=',
        Verdict::CannotTell => '?',
    }
}

/// The meaning of each sign.
pub(super) const SIGNS: &str = "ratio: to the reference, block by block; ~ different, but not by \
    more than the margin; = the same within it; ? cannot tell.";

fn rate(row: &Row) -> String {
    let star = if is_generator_bound(row) { "*" } else { "" };
    row.requests_per_s.map_or(NONE.to_owned(), |rate| {
        format!("{}{star}", value(rate.median, COUNT))
    })
}

/// Whether most of the windows that count were limited by the generator.
fn is_generator_bound(row: &Row) -> bool {
    let struck = row.marks.get(&Mark::GeneratorBound);
    struck.is_some_and(|it| 2 * it.windows > row.blocks_measured)
}

/// Ranges, intervals and resources of the rows.
fn details(ranking: &Ranking) -> Grid {
    let heads = [
        "",
        "CPU/req",
        "ratio",
        "higher in",
        "req/s",
        "p99",
        "MiB",
        "proc",
        "thr",
        "errors",
    ];
    let mut grid = Grid::with_heads(heads).expending(&[8, 7, 3]);
    for (_, row) in sorted(ranking) {
        let against = ranking.against_reference.iter();
        let pair = against.clone().find(|it| it.contender == row.contender);
        let pair = pair.map(|it| it.comparison);
        let spread =
            |spread: Option<Spread>, scale| spread.map_or(NONE.to_owned(), |it| range(&it, scale));
        let count =
            |spread: Option<Spread>| spread.map_or(NONE.to_owned(), |it| grouped(it.median));
        grid.push(vec![
            row.contender.clone(),
            spread(row.cpu_us_per_request, TIME),
            interval(pair),
            pair.map_or(NONE.to_owned(), |it| {
                format!("{} of {}", it.higher_in, it.blocks)
            }),
            spread(row.requests_per_s, COUNT),
            spread(row.p99_us, TIME),
            row.peak_pss_kib
                .map_or(NONE.to_owned(), |it| mebibytes(it.median)),
            count(row.processes),
            count(row.threads),
            grouped(row.errors as f64),
        ]);
    }
    grid
}

/// `1.02..1.15`.
fn interval(pair: Option<Comparison>) -> String {
    let interval = pair.and_then(|it| it.interval);
    interval.map_or(NONE.to_owned(), |(low, high)| {
        format!("{low:.2}..{high:.2}")
    })
}

/// What stands below a row: how it failed, how many clients waited, what disturbed its windows.
pub(super) fn notes(row: &Row) -> Vec<String> {
    let mut notes: Vec<String> = Vec::new();
    if let Some(status) = row.lacks {
        notes.push(format!("does not have this path (status {status})"));
    } else if row.blocks_measured == 0 && row.failures.is_empty() {
        notes.push("not reached".to_owned());
    }
    let labels = row.failures.iter().map(|it| match it.blocks {
        1 => it.label.clone(),
        several => format!("{} {several} times", it.label),
    });
    notes.extend(labels.map(|label| format!("FAILED: {label}")));
    if row.starved() > 0.0 {
        let (starved, all) = (grouped(row.starved()), grouped(row.connections as f64));
        notes.push(format!("◀ {starved} of {all} wait"));
    }
    if row.errors > 0 {
        notes.push(format!("{} requests failed", grouped(row.errors as f64)));
    }
    if row.blocks_empty > 0 {
        notes.push(format!("{} empty", windows(row, row.blocks_empty)));
    }
    let marks = row.marks.iter();
    notes.extend(marks.filter_map(|(mark, struck)| disturbance(row, *mark, *struck)));
    notes
}

/// `others 71 % (1 of 9 windows)`: the most that was taken in a window, and in how many.
fn disturbance(row: &Row, mark: Mark, struck: Struck) -> Option<String> {
    let taker = match mark {
        Mark::Steal => "steal",
        Mark::Others => "others",
        Mark::Miscounted => return Some("workers and client count differently".to_owned()),
        _ => return None,
    };
    let percent = struck.worst * 100.0;
    Some(format!(
        "{taker} {percent:.0} % ({})",
        windows(row, struck.windows)
    ))
}

fn windows(row: &Row, some: usize) -> String {
    match row.blocks_measured {
        1 => "its only window".to_owned(),
        all => format!("{some} of {all} windows"),
    }
}

/// As Markdown: a heading and a table for each workload, then the sentences as a list.
pub fn markdown(results: &Results) -> String {
    let summary: Summary = summarise(results);
    let mut text = String::new();
    if let Some(grid) = matrix::grid(results, &summary) {
        text.push_str(&format!("### {}\n\n{}\n", matrix::TITLE, grid.markdown()));
    }
    for ranking in &summary.rankings {
        let grid = table(results, ranking);
        text.push_str(&format!(
            "### {}\n\n{}\n",
            heading(ranking),
            grid.markdown()
        ));
    }
    for ladder in &summary.ladders {
        text.push_str(&ladder_table::markdown(ladder));
    }
    let sentences = findings::below_the_table(results, &summary);
    for sentence in sentences.iter().filter(|line| !line.is_empty()) {
        text.push_str(&format!("- {}\n", super::grid::escaped(sentence)));
    }
    text
}

#[cfg(test)]
#[path = "bench_table_tests.rs"]
pub(crate) mod tests;
