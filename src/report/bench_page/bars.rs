//! What each contender of a workload costs: figures, ratios to the reference, memory.

use super::named::Named;
use crate::bench::results::Results;
use crate::bench::stats::{Comparison, Spread, Verdict};
use crate::bench::summary::{Ranking, Row};
use crate::bench::workload::{Metric, Workload};
use crate::report::plot::Drawing;
use crate::report::plot::bars::{Bar, Bars};
use crate::report::plot::intervals::{Interval, Intervals};
use crate::report::rows::{figure, ratio, shown, sorted, times};
use crate::report::units::grouped;
use crate::report::words::{capitalised, percent};

/// The figure by which contenders are compared, as bars.
pub(super) fn cost(results: &Results, ranking: &Ranking) -> Drawing {
    let metric = ranking.workload.metric;
    let title = format!(
        "{}, {}",
        capitalised(&metric.to_string()),
        ranking.workload.name
    );
    let bars = sorted(ranking).into_iter().map(|(index, row)| {
        let star = if ranking.best.contains(&row.contender) {
            " ★"
        } else {
            ""
        };
        let ratio = ratio(results, ranking, index);
        bar(row, index, metric, format!("{}{star}", ratio.trim_end()))
    });
    let bars = Bars {
        title: &title,
        bars: bars.collect(),
    };
    bars.draw()
}

pub(super) fn cost_caption(ranking: &Ranking) -> String {
    let order = match ranking.workload.metric.lower_is_better() {
        true => "Less is better",
        false => "More is better",
    };
    format!(
        "{order}. Bar: median over the blocks; thin line: from the smallest to the largest block; \
         ×: ratio to the reference, block by block; ★ none is shown to be better."
    )
}

pub(super) fn bar(row: &Row, series: usize, metric: Metric, remark: String) -> Bar {
    let spread = figure(row, metric);
    bar_of(row, series, spread, remark, |median| shown(median, metric))
}

/// A failed contender has no bar: its failure stands there.
fn bar_of(
    row: &Row,
    series: usize,
    spread: Option<Spread>,
    remark: String,
    shown: impl Fn(f64) -> String,
) -> Bar {
    let why = match (&row.failures[..], row.lacks, spread) {
        ([first, ..], _, _) => Some(format!("FAILED: {}", first.label)),
        (_, Some(status), _) => Some(format!("does not have this path ({status})")),
        (_, _, None) => Some("no answer was measured".to_owned()),
        _ => None,
    };
    Bar {
        name: row.contender.clone(),
        series,
        value: spread.map(|it| it.median),
        range: spread.map(|it| (it.min, it.max)),
        figure: spread.map_or(String::new(), |it| shown(it.median)),
        remark,
        failure: why,
    }
}

/// The ratios to the reference with their intervals; none where there are too few blocks for any.
pub(super) fn against(results: &Results, ranking: &Ranking) -> Option<Named> {
    let reference = &results.plan.contenders[results.plan.reference].name;
    let twin = ranking
        .noise
        .map(|noise| (format!("{reference} (again)"), noise));
    let compared: Vec<(usize, String, Comparison)> = sorted(ranking)
        .into_iter()
        .filter_map(|(index, row)| {
            let is_sound = row.failures.is_empty() && index != results.plan.reference;
            let pair = ranking.pair(index, results.plan.reference)?;
            is_sound.then(|| (index, row.contender.clone(), pair))
        })
        .collect();
    if compared.iter().all(|(_, _, pair)| pair.interval.is_none()) {
        return None;
    }
    let twin = twin.map(|(name, noise)| (results.plan.reference, name, noise));
    let rows: Vec<Interval> = compared
        .into_iter()
        .chain(twin)
        .map(|(series, name, comparison)| Interval {
            name,
            series,
            ratio: comparison.ratio,
            interval: comparison.interval,
            remark: format!("{} {}", times(comparison.ratio), word(comparison.verdict)),
        })
        .collect();
    let title = format!("Against {reference}, {}", ranking.workload.name);
    let label = format!("{}, ratio to {reference}", ranking.workload.metric);
    let intervals = Intervals {
        title: &title,
        label: &label,
        margin: ranking.margin,
        rows,
    };
    let caption = format!(
        "Line: the interval of the ratio, with at most 5 % false alarms in the table. Grey: \
         differences of up to {}, which are small.",
        percent(ranking.margin)
    );
    Some(Named::of(
        &ranking.workload,
        "against",
        intervals.draw(),
        caption,
    ))
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::More => "more",
        Verdict::Less => "less",
        Verdict::DifferentButSmall => "~ small",
        Verdict::Same => "= same",
        Verdict::CannotTell => "? cannot tell",
    }
}

/// The memory of the whole server at its peak.
pub(super) fn memory(workload: &Workload, rows: &[Row]) -> Named {
    let title = format!("Memory, {}", workload.name);
    let mut sorted: Vec<(usize, &Row)> = rows.iter().enumerate().collect();
    let peak = |row: &Row| row.peak_pss_kib.map_or(f64::INFINITY, |it| it.median);
    sorted.sort_by(|(_, a), (_, b)| {
        let failed = |row: &Row| !row.failures.is_empty();
        failed(a).cmp(&failed(b)).then(peak(a).total_cmp(&peak(b)))
    });
    let bars = sorted.into_iter().map(|(series, row)| {
        let count = |it: Option<Spread>| it.map_or(0.0, |it| it.median);
        let (processes, threads) = (count(row.processes), count(row.threads));
        let remark = format!("{} proc, {} thr", grouped(processes), grouped(threads));
        bar_of(row, series, row.peak_pss_kib, remark, |kib| {
            shown(kib, Metric::Memory)
        })
    });
    let bars = Bars {
        title: &title,
        bars: bars.collect(),
    };
    let caption = "Peak of the proportional set size (PSS): a page that several processes share \
                   counts once. With the largest numbers of processes and threads.";
    Named::of(workload, "memory", bars.draw(), caption.to_owned())
}
