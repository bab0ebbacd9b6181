//! What a bench prints: the matrix of all workloads, a table for each, and sentences.

use super::bar::bar;
use super::findings;
use super::grid::Grid;
use super::ladder_table;
use super::matrix;
use super::notes::notes;
use super::rows::{NONE, figure, is_generator_bound, ratio, shown, sorted};
use super::units::{COUNT, TIME, grouped, mebibytes, range, value};
pub use super::view::{View, WIDTH, WIDTH_MIN};
use super::words::capitalised;
use super::workers_table;
use super::wrap::wrapped;
use crate::bench::results::Results;
use crate::bench::stats::{Comparison, Spread};
use crate::bench::summary::{Ranking, Row, Summary, summarise};
use crate::bench::workload::Metric;

const BAR_WIDTH: usize = 9;

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
        capitalised(&workload.title),
        workload.name,
        workload.connections
    )
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

fn rate(row: &Row) -> String {
    let star = if is_generator_bound(row) { "*" } else { "" };
    row.requests_per_s.map_or(NONE.to_owned(), |rate| {
        format!("{}{star}", value(rate.median, COUNT))
    })
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
