//! The plots of one workload.

use super::bars::{against, bar, cost, cost_caption, memory};
use super::curves::{block_by_block, who_waits};
use super::named::Named;
use crate::bench::results::Results;
use crate::bench::summary::{Look, Ranking, Row};
use crate::bench::workload::{Metric, Workload};
use crate::report::plot::bars::Bars;
use crate::report::plot::shares::{Share, Shares};
use crate::report::words::capitalised;

/// Those of a workload that was measured in blocks.
pub(super) fn of_ranking(results: &Results, ranking: &Ranking) -> Vec<Named> {
    let workload = &ranking.workload;
    let mut figures = vec![Named::of(
        workload,
        "cost",
        cost(results, ranking),
        cost_caption(ranking),
    )];
    figures.extend(against(results, ranking));
    figures.push(who_waits(results, workload, &ranking.rows));
    if workload.metric != Metric::Memory {
        figures.push(memory(workload, &ranking.rows));
    }
    figures.extend(block_by_block(results, workload));
    figures.extend(distribution(results, workload, &ranking.rows));
    figures
}

/// Those of a workload that was looked at.
pub(super) fn of_look(results: &Results, look: &Look) -> Vec<Named> {
    let workload = &look.workload;
    let bars = look.rows.iter().enumerate();
    let bars = bars.map(|(index, row)| bar(row, index, workload.metric, String::new()));
    let title = format!(
        "{}, {}",
        capitalised(&workload.metric.to_string()),
        workload.name
    );
    let bars = Bars {
        title: &title,
        bars: bars.collect(),
    };
    let caption = "One window each: no ranking.".to_owned();
    vec![
        Named::of(workload, "look", bars.draw(), caption),
        who_waits(results, workload, &look.rows),
    ]
}

/// How the workers of each server shared its requests; none where no server has several.
fn distribution(results: &Results, workload: &Workload, rows: &[Row]) -> Option<Named> {
    let shares: Vec<Share> = rows
        .iter()
        .enumerate()
        .filter_map(|(series, row)| {
            row.workers?;
            let fairness = row.fairness?.median;
            Some(Share {
                name: row.contender.clone(),
                series,
                requests: requests_by_rank(results, &row.contender, &workload.name),
                remark: format!("fairness {fairness:.3}"),
            })
        })
        .collect();
    if shares.is_empty() {
        return None;
    }
    let title = format!("Requests of each worker, {}", workload.name);
    let drawing = Shares {
        title: &title,
        rows: shares,
    };
    let caption = "A column for each worker, from the busiest down, as the mean over the blocks. \
                   Line: what each would have answered if all had answered alike.";
    Some(Named::of(
        workload,
        "workers",
        drawing.draw(),
        caption.to_owned(),
    ))
}

/// The mean over the windows of the busiest worker's requests, of the second's, and so on.
fn requests_by_rank(results: &Results, contender: &str, workload: &str) -> Vec<f64> {
    let windows = results.windows(contender, workload);
    let counts = windows.iter().filter_map(|it| it.1.workers.as_ref());
    let mut sums: Vec<f64> = Vec::new();
    let mut number = 0.0;
    for workers in counts {
        let mut sorted = workers.requests.clone();
        sorted.sort_unstable_by(|a, b| b.cmp(a));
        sums.resize(sums.len().max(sorted.len()), 0.0);
        for (sum, requests) in sums.iter_mut().zip(sorted) {
            *sum += requests as f64;
        }
        number += 1.0;
    }
    sums.into_iter().map(|sum| sum / number).collect()
}
