//! Which model for which situation: a row for each contender, a column for each workload.

use super::grid::Grid;
use super::rows::{NONE, figure};
use super::units::{BYTES, COUNT, TIME, brief};
use crate::bench::results::Results;
use crate::bench::summary::{Row, Summary};
use crate::bench::workload::{Metric, Workload};

/// Above the matrix.
pub(super) const TITLE: &str = "Which model for which situation? ★ none is shown to be better";

/// The matrix; none where there is but one workload.
pub(super) fn grid(results: &Results, summary: &Summary) -> Option<Grid> {
    if summary.rankings.len() + summary.looks.len() < 2 {
        return None;
    }
    let rankings = summary.rankings.iter();
    let looks = summary.looks.iter();
    let measured = rankings.clone().map(|it| &it.workload);
    let workloads: Vec<&Workload> = measured
        .chain(looks.clone().map(|it| &it.workload))
        .collect();
    let columns: Vec<usize> = (1..=workloads.len()).rev().collect();
    let mut grid = Grid::new(heads(&workloads)).expending(&columns).dense();
    for (index, contender) in results.plan.contenders.iter().enumerate() {
        let mut cells = vec![contender.name.clone()];
        cells.extend(rankings.clone().map(|ranking| {
            let row = &ranking.rows[index];
            let is_best = ranking.best.contains(&row.contender);
            let star = if is_best { "★" } else { " " };
            let glance = glance(row, ranking.workload.metric);
            with_trouble(format!("{glance}{star}"), row)
        }));
        cells.extend(looks.clone().map(|look| {
            let row = &look.rows[index];
            with_trouble(glance(row, look.workload.metric), row)
        }));
        grid.push(cells);
    }
    Some(grid)
}

/// The names of the workloads, one with a dash in two lines.
fn heads(workloads: &[&Workload]) -> Vec<Vec<String>> {
    let parts = |it: &&Workload| match it.name.split_once('-') {
        Some((first, second)) => (format!("{first}-"), second.to_owned()),
        None => (String::new(), it.name.clone()),
    };
    let (above, below): (Vec<String>, Vec<String>) = workloads.iter().map(parts).unzip();
    let with_name = |cells: Vec<String>| [vec![String::new()], cells].concat();
    let heads = [with_name(above), with_name(below)];
    let is_empty = |row: &Vec<String>| row.iter().all(String::is_empty);
    heads.into_iter().filter(|row| !is_empty(row)).collect()
}

/// A figure in six characters.
fn glance(row: &Row, metric: Metric) -> String {
    figure(row, metric).map_or(NONE.to_owned(), |it| match metric {
        Metric::CpuPerRequest => brief(it.median, TIME),
        Metric::Throughput => format!("{}/s", brief(it.median, COUNT)),
        Metric::Memory => brief(it.median * 1024.0, BYTES),
    })
}

/// Below the matrix: what its figures are.
pub(super) fn key(summary: &Summary) -> String {
    let rankings = summary.rankings.iter().map(|it| &it.workload);
    let all = rankings.chain(summary.looks.iter().map(|it| &it.workload));
    let names = |metric| {
        let names = all.clone().filter(|it| it.metric == metric);
        names.map(|it| it.name.as_str()).collect::<Vec<_>>()
    };
    let metrics = [Metric::CpuPerRequest, Metric::Throughput, Metric::Memory];
    let parts = metrics.map(|metric| (names(metric).join(", "), metric));
    let parts = parts.into_iter().filter(|(names, _)| !names.is_empty());
    let parts: Vec<String> = parts
        .map(|(names, metric)| format!("{names}: {metric}"))
        .collect();
    format!(
        "Matrix: {}. ◀: connections that got no answer in the window.",
        parts.join("; ")
    )
}

/// The cell, with what went wrong below it.
fn with_trouble(cell: String, row: &Row) -> String {
    let trouble = if row.lacks.is_some() {
        "absent".to_owned()
    } else if !row.failures.is_empty() {
        "FAILED".to_owned()
    } else if row.starved() > 0.0 {
        format!("◀{:.0}", row.starved())
    } else if row.errors > 0 {
        "errors".to_owned()
    } else {
        return cell;
    };
    format!("{cell}\n{trouble}")
}
