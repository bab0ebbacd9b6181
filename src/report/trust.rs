//! How far to trust the figures of a bench: noise, power, disturbances. Pure.

use std::collections::BTreeMap;

use super::rows;
use super::words::percent;
use crate::bench::gates::Mark;
use crate::bench::plan::counted;
use crate::bench::results::Results;
use crate::bench::stats::{MARGIN_MIN, Verdict};
use crate::bench::summary::{Ranking, Struck, Summary};

/// How far to trust the figures: noise, power, disturbances.
pub(super) fn trust(results: &Results, summary: &Summary) -> String {
    let mut parts = Vec::new();
    let rankings = summary.rankings.iter();
    let noise = rankings.clone().filter_map(|it| it.noise);
    let worst = noise.clone().map(|it| it.ratio.max(1.0 / it.ratio) - 1.0);
    if let Some(worst) = worst.clone().reduce(f64::max) {
        let reference = &results.plan.contenders[results.plan.reference].name;
        parts.push(format!(
            "{reference} against itself differed by {} (A/A)",
            percent(worst)
        ));
    }
    if noise.clone().any(|it| is_biased(it.verdict)) {
        parts.push("that is more than chance explains: distrust the whole bench".to_owned());
    }
    let detectable = rankings.filter_map(Ranking::detectable).reduce(f64::max);
    if let Some(detectable) = detectable {
        parts.push(format!(
            "this run could show differences of {} or more",
            percent(detectable)
        ));
        parts.extend(blocks_for_ten_percent(results, detectable));
    }
    let repeated = results.runs.iter().filter(|run| run.attempt > 1).count();
    if repeated > 0 {
        parts.push(format!(
            "{} measured again because of a disturbance",
            counted(repeated, "window")
        ));
    }
    let disturbed = disturbed(summary);
    for (mark, words) in [
        (Mark::Others, "other processes took up to"),
        (Mark::Steal, "the hypervisor took up to"),
    ] {
        if let Some(struck) = disturbed.get(&mark) {
            parts.push(format!(
                "{words} {:.0} % of the CPU time ({} of the windows that count)",
                struck.worst * 100.0,
                struck.windows
            ));
        }
    }
    if parts.is_empty() && !summary.ladders.is_empty() {
        return "How far to trust this: nothing disturbed it. A knee is no more exact than the \
                distance between two rates."
            .to_owned();
    }
    if parts.is_empty() {
        return "How far to trust this: nothing disturbed it; with so few blocks it claims nothing."
            .to_owned();
    }
    format!("How far to trust this: {}.", parts.join("; "))
}

fn is_biased(verdict: Verdict) -> bool {
    matches!(
        verdict,
        Verdict::More | Verdict::Less | Verdict::DifferentButSmall
    )
}

/// More blocks than this are no advice.
const BLOCKS_MAX: f64 = 300.0;

/// How many blocks would show 10 %, where this run could not.
fn blocks_for_ten_percent(results: &Results, detectable: f64) -> Option<String> {
    const WANTED: f64 = 0.10;
    if detectable <= WANTED {
        return None;
    }
    // The interval's width shrinks with the square root of the number of blocks.
    let factor = ((detectable - MARGIN_MIN) / (WANTED - MARGIN_MIN)).powi(2);
    let blocks = (results.plan.blocks as f64 * factor).ceil();
    Some(match blocks > BLOCKS_MAX {
        true => "to show 10 % takes a quieter machine".to_owned(),
        false => format!("about {blocks} blocks would show 10 %"),
    })
}

fn disturbed(summary: &Summary) -> BTreeMap<Mark, Struck> {
    let mut all: BTreeMap<Mark, Struck> = BTreeMap::new();
    let climbs = summary.ladders.iter().flat_map(|it| &it.climbs);
    let of_steps = climbs.flat_map(|it| &it.steps).flat_map(|it| &it.marks);
    let of_rows = rows::all(summary).flat_map(|(_, row)| &row.marks);
    for (mark, struck) in of_rows.chain(of_steps) {
        let sum = all.entry(*mark).or_default();
        sum.windows += struck.windows;
        sum.worst = sum.worst.max(struck.worst);
    }
    all
}
