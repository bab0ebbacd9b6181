//! The figures of a row, as the tables, the sentences and the plots show them. Pure.

use super::units::{COUNT, TIME, mebibytes, value};
use crate::bench::gates::Mark;
use crate::bench::results::Results;
use crate::bench::stats::{Spread, Verdict};
use crate::bench::summary::{Ranking, Row, Summary};
use crate::bench::workload::Metric;

pub(super) const NONE: &str = "–";

/// The rows from the best to the worst; then those without a figure, then those
/// that failed, which never lead.
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
    rows.sort_by(|(_, a), (_, b)| {
        let failed = |row: &Row| !row.failures.is_empty();
        failed(a).cmp(&failed(b)).then(key(a).total_cmp(&key(b)))
    });
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

/// `1.52×`, with a sign where that is no clear difference.
pub(super) fn ratio(results: &Results, ranking: &Ranking, index: usize) -> String {
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
pub(super) fn sign(verdict: Verdict) -> char {
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

/// Whether most of the windows that count were limited by the generator.
pub(super) fn is_generator_bound(row: &Row) -> bool {
    let struck = row.marks.get(&Mark::GeneratorBound);
    struck.is_some_and(|it| 2 * it.windows > row.blocks_measured)
}

/// The rows of all workloads, each with the name of its workload.
pub(super) fn all(summary: &Summary) -> impl Iterator<Item = (&str, &Row)> {
    let ranked = summary.rankings.iter().flat_map(|ranking| {
        let name = ranking.workload.name.as_str();
        ranking.rows.iter().map(move |row| (name, row))
    });
    let looked = summary.looks.iter().flat_map(|look| {
        let name = look.workload.name.as_str();
        look.rows.iter().map(move |row| (name, row))
    });
    ranked.chain(looked)
}
