//! Which model for which situation: a row for each contender, a column for each workload.

use super::bench_table::{NONE, figure, shown};
use super::grid::Grid;
use super::units::{COUNT, value};
use crate::bench::results::Results;
use crate::bench::summary::{Row, Summary};
use crate::bench::workload::Metric;

/// Above the matrix.
pub(super) const TITLE: &str = "Which model for which situation? ★ none is shown to be better";

/// The matrix; none where there is but one workload.
pub(super) fn grid(results: &Results, summary: &Summary) -> Option<Grid> {
    if summary.rankings.len() + summary.looks.len() < 2 {
        return None;
    }
    let rankings = summary.rankings.iter();
    let looks = summary.looks.iter();
    let mut names = vec![String::new()];
    let mut units = vec![String::new()];
    names.extend(rankings.clone().map(|it| it.workload.name.clone()));
    units.extend(rankings.clone().map(|it| unit(it.workload.metric)));
    names.extend(looks.clone().map(|it| it.workload.name.clone()));
    units.extend(looks.clone().map(|it| look_unit(it.workload.metric)));
    let mut grid = Grid::new(vec![names, units]);
    for (index, contender) in results.plan.contenders.iter().enumerate() {
        let mut cells = vec![contender.name.clone()];
        cells.extend(rankings.clone().map(|ranking| {
            let row = &ranking.rows[index];
            let metric = ranking.workload.metric;
            let median = figure(row, metric).map(|it| it.median);
            let star = if ranking.best.contains(&row.contender) {
                "★"
            } else {
                " "
            };
            let figure = median.map_or(NONE.to_owned(), |it| shown(it, metric));
            with_trouble(format!("{figure}{star}"), row)
        }));
        cells.extend(looks.clone().map(|look| {
            let row = &look.rows[index];
            with_trouble(glance(row, look.workload.metric), row)
        }));
        grid.push(cells);
    }
    Some(grid)
}

/// What a look shows in a cell.
fn glance(row: &Row, metric: Metric) -> String {
    match metric {
        Metric::Memory => {
            let median = figure(row, metric).map(|it| it.median);
            median.map_or(NONE.to_owned(), |it| shown(it, metric))
        }
        _ => row.requests_per_s.map_or(NONE.to_owned(), |it| {
            format!("{}/s", value(it.median, COUNT))
        }),
    }
}

fn unit(metric: Metric) -> String {
    match metric {
        Metric::CpuPerRequest => "CPU/request ",
        Metric::Throughput => "answers ",
        Metric::Memory => "memory ",
    }
    .to_owned()
}

fn look_unit(metric: Metric) -> String {
    match metric {
        Metric::Memory => "memory",
        _ => "a look",
    }
    .to_owned()
}

/// The cell, with what went wrong below it.
fn with_trouble(cell: String, row: &Row) -> String {
    let trouble = if row.lacks.is_some() {
        "not there".to_owned()
    } else if !row.failures.is_empty() {
        "✗ failed".to_owned()
    } else if row.starved() > 0.0 {
        format!("{:.0} wait", row.starved())
    } else if row.errors > 0 {
        "errors".to_owned()
    } else {
        return cell;
    };
    format!("{cell}\n{trouble}")
}
