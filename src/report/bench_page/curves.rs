//! How long answers took, and how the figures changed from block to block.

use super::named::Named;
use crate::bench::percentiles::merged;
use crate::bench::results::Results;
use crate::bench::stats::spread::SAMPLES_BEYOND_MIN;
use crate::bench::summary::Row;
use crate::bench::workload::{Metric, Workload};
use crate::report::notes;
use crate::report::plot::{Axis, Line, Plot};
use crate::report::rows::shown;
use crate::report::units::{self, COUNT, TIME, grouped};

/// The curve of waiting times has so many points for each further nine.
const POINTS_PER_NINE: i32 = 16;
/// It ends at one answer of so many: p99.99.
const NINES_MAX: i32 = 4;

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
    Named::of(workload, "waits", drawing, caption.to_owned())
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

/// Fewer blocks make no series.
const SERIES_MIN: usize = 3;

/// Each contender's figure block after block: whether the machine kept its speed.
pub(super) fn block_by_block(results: &Results, workload: &Workload) -> Option<Named> {
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
    Some(Named::of(
        workload,
        "blocks",
        plot.draw(&alt),
        caption.to_owned(),
    ))
}
