//! The plots of one workload.

use super::named::Named;
use crate::bench::percentiles::merged;
use crate::bench::results::Results;
use crate::bench::stats::spread::SAMPLES_BEYOND_MIN;
use crate::bench::stats::{Comparison, Spread, Verdict};
use crate::bench::summary::{Look, Ranking, Row};
use crate::bench::workload::{Metric, Workload};
use crate::report::notes;
use crate::report::plot::bars::{Bar, Bars};
use crate::report::plot::intervals::{Interval, Intervals};
use crate::report::plot::shares::{Share, Shares};
use crate::report::plot::{Axis, Drawing, Line, Plot};
use crate::report::rows::{figure, ratio, shown, sorted, times};
use crate::report::units::{self, COUNT, TIME, grouped};
use crate::report::words::{capitalised, percent};

/// The curve of waiting times has so many points for each further nine.
const POINTS_PER_NINE: i32 = 16;
/// It ends at one answer of so many: p99.99.
const NINES_MAX: i32 = 4;

/// Those of a workload that was measured in blocks.
pub(super) fn of_ranking(results: &Results, ranking: &Ranking) -> Vec<Named> {
    let workload = &ranking.workload;
    let mut figures = vec![named(
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
        named(workload, "look", bars.draw(), caption),
        who_waits(results, workload, &look.rows),
    ]
}

fn named(workload: &Workload, what: &str, drawing: Drawing, caption: String) -> Named {
    Named {
        name: format!("{}-{what}", workload.name),
        drawing,
        caption,
    }
}

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

fn cost_caption(ranking: &Ranking) -> String {
    let order = match ranking.workload.metric.lower_is_better() {
        true => "Less is better",
        false => "More is better",
    };
    format!(
        "{order}. Bar: median over the blocks; thin line: from the smallest to the largest block; \
         ×: ratio to the reference, block by block; ★ none is shown to be better."
    )
}

fn bar(row: &Row, series: usize, metric: Metric, remark: String) -> Bar {
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
fn against(results: &Results, ranking: &Ranking) -> Option<Named> {
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
    Some(named(
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

/// Which share of the answers took longer than which time.
pub(super) fn who_waits(results: &Results, workload: &Workload, rows: &[Row]) -> Named {
    let title = format!("Who waits, {}", workload.name);
    let lines = rows.iter().enumerate().filter_map(|(series, row)| {
        let points = waiting_curve(results, &row.contender, &workload.name);
        let line = Line::new(label(row), points).of_series(series);
        (line.points.len() > 1).then_some(line)
    });
    let plot = Plot {
        title: &title,
        x: Axis::log("share of the answers that took longer")
            .with_least(1e-6)
            .with_format(share)
            .reversed(),
        y: Axis::log("time of an answer").with_format(time),
        lines: lines.collect(),
    };
    let said = rows.iter().map(|row| {
        let percentiles = &row.percentiles;
        let at = |us: Option<f64>| us.map_or("–".to_owned(), |us| units::value(us, TIME));
        let (p50, p99) = (at(percentiles.p50_us), at(percentiles.p99_us));
        let notes = notes::notes(row).join(", ");
        format!("{} p50 {p50}, p99 {p99} {notes}", row.contender)
    });
    let said: Vec<String> = said.map(|it| it.trim_end().to_owned()).collect();
    let drawing = plot.draw(&format!("{title}: {}.", said.join("; ")));
    let caption = "Each step to the right leaves the slowest tenth of the answers. ◀: so many \
                   connections got no answer at all. They are not in the curve.";
    named(workload, "waits", drawing, caption.to_owned())
}

/// The name at the end of a line, with what went wrong.
fn label(row: &Row) -> String {
    match (row.failures.is_empty(), row.starved()) {
        (false, _) => format!("{} FAILED", row.contender),
        (true, starved) if starved > 0.0 => {
            format!("{} ◀{}", row.contender, grouped(starved))
        }
        _ => row.contender.clone(),
    }
}

/// A share at an axis: down to one of ten thousand.
fn share(share: f64) -> String {
    format!("{} %", (share * 1e5).round() / 1e3)
}

/// A time at an axis.
fn time(us: f64) -> String {
    units::brief(us, TIME).replace(".0", "")
}

/// Share of the answers of all windows, and the time that these exceed at least; as far as ten
/// answers lie beyond.
fn waiting_curve(results: &Results, contender: &str, workload: &str) -> Vec<(f64, f64)> {
    let windows = results.windows(contender, workload);
    let histograms = windows.iter().map(|it| it.1.latency.buckets_ns.as_slice());
    let sum = merged(histograms);
    let all = sum.values().sum::<u64>() as f64;
    let mut buckets = sum.into_iter();
    let (mut reached, mut ns) = (0, 0);
    let steps = 0..=NINES_MAX * POINTS_PER_NINE;
    let shares = steps.map(|step| libm::exp10(-f64::from(step) / f64::from(POINTS_PER_NINE)));
    let carried = shares.take_while(|share| all * share + 1e-6 >= SAMPLES_BEYOND_MIN);
    carried
        .map(|share| {
            let wanted = ((all * (1.0 - share)).ceil() as u64).max(1);
            while reached < wanted {
                let Some((bound, count)) = buckets.next() else {
                    break;
                };
                (reached, ns) = (reached + count, bound);
            }
            (share, ns as f64 / 1000.0)
        })
        .collect()
}

/// The memory of the whole server at its peak.
fn memory(workload: &Workload, rows: &[Row]) -> Named {
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
    named(workload, "memory", bars.draw(), caption.to_owned())
}

/// Fewer blocks make no series.
const SERIES_MIN: usize = 3;

/// Each contender's figure block after block: whether the machine kept its speed.
fn block_by_block(results: &Results, workload: &Workload) -> Option<Named> {
    let contenders = results.plan.contenders.iter().enumerate();
    let lines = contenders.map(|(series, it)| {
        let column = results.column(&it.name, workload);
        let blocks = column.into_iter().enumerate();
        let points = blocks.map(|(at, figure)| (at as f64 + 1.0, figure.unwrap_or(f64::NAN)));
        Line::new(&it.name, points.collect())
            .of_series(series)
            .with_dots(Vec::new())
    });
    let lines: Vec<Line> = lines.collect();
    if lines.iter().all(|line| line.points.len() < SERIES_MIN) {
        return None;
    }
    let title = format!("Block by block, {}", workload.name);
    let (label, format): (&str, fn(f64) -> String) = match workload.metric {
        Metric::CpuPerRequest => ("CPU per request", time),
        Metric::Throughput => ("requests per second", |rate| units::value(rate, COUNT)),
        Metric::Memory => ("memory", |kib| shown(kib, Metric::Memory)),
    };
    let plot = Plot {
        title: &title,
        x: Axis::linear("block"),
        y: Axis::log(label).with_format(format),
        lines,
    };
    let caption = "What moves all lines of a block together is the machine. A gap: no window of \
                   this block counts.";
    let alt = format!("{title}: {label} of each contender in each block.");
    Some(named(
        workload,
        "blocks",
        plot.draw(&alt),
        caption.to_owned(),
    ))
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
    Some(named(
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
