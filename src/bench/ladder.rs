//! The same rates for all contenders, one above the other, and where each leaves: its knee. Pure.
//!
//! ```text
//!   p99 │                       ·        prefork
//!       │                 ╱    ╱
//!       │- - - - - - - - ╱- - ╱- - - -   what was expected: p99<20ms
//!       │  ·────·────·──·────·           the knee: the highest rate up to which it is kept
//!       └──────────────────────────────
//!         500  1,000 2,000 5,000         requests per second, by the same schedule for all
//! ```
//!
//! A closed loop asks a slow server less, so its figures of two servers are taken under different
//! loads. Here the load is the same, and response times count from the moment at which a request
//! should have been sent.

use std::collections::BTreeMap;

use serde::Serialize;

use super::gates::Mark;
use super::percentiles::merged;
use super::results::{Measurement, OpenLoop, Results};
use super::rows::{FailureCount, Struck, row};
use super::stats::Spread;
use super::stats::spread::carries;
use super::workload::Workload;
use crate::load::marks::ACHIEVED_SHARE_MIN;
use crate::load::{Expectation, Quantity};

/// One workload at all rates.
#[derive(Debug, Clone, Serialize)]
pub struct Ladder {
    /// What was asked.
    pub workload: Workload,
    /// Requests per second, rising.
    pub rates_per_s: Vec<f64>,
    /// What the answers had to keep, such as `p99<20ms`.
    pub expect: Vec<String>,
    /// In the order of the plan.
    pub climbs: Vec<Climb>,
}

/// How one contender did at each rate.
#[derive(Debug, Clone, Serialize)]
pub struct Climb {
    /// [`super::contender::Contender::name`].
    pub contender: String,
    /// Where its response times leave.
    pub knee: Knee,
    /// One for each rate.
    pub steps: Vec<Step>,
}

/// Between which rates the expectations cease to be met.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Knee {
    /// The highest rate up to which all rates held; none if the lowest did not.
    pub holds_per_s: Option<f64>,
    /// The first rate that did not hold; none if all did.
    pub fails_per_s: Option<f64>,
    /// Whether it was the generator that could not go on: then the server's knee may be higher.
    pub is_generators_limit: bool,
}

/// Whether a contender kept what was expected at a rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kept {
    /// In most windows.
    Holds,
    /// Not in most.
    Fails,
    /// Not, and the generator was late or at its limit in most windows that failed.
    GeneratorLimit,
    /// The bench ended before.
    NotMeasured,
}

/// One contender at one rate. Spreads are over the windows.
#[derive(Debug, Clone, Serialize)]
pub struct Step {
    /// Requests per second that the schedule offered.
    pub rate_per_s: f64,
    /// Whether the expectations were met.
    pub kept: Kept,
    /// Requests answered per second.
    pub achieved_per_s: Option<Spread>,
    /// Response time; requests that were pending at the end count with their age. One figure over
    /// all windows together where a single one has fewer than ten requests beyond it.
    pub p50_us: Option<Spread>,
    /// See [`Step::p50_us`].
    pub p99_us: Option<Spread>,
    /// The same over the requests of all windows together.
    pub p999_us: Option<f64>,
    /// User and system time of all the server's processes for each answered request.
    pub cpu_us_per_request: Option<Spread>,
    /// How late the generator was, in 99 of 100 requests at the most.
    pub timer_lag_p99_us: Option<Spread>,
    /// Windows that count.
    pub windows: usize,
    /// Requests failed in all windows.
    pub errors: u64,
    /// In how many windows a gate has struck.
    pub marks: BTreeMap<Mark, Struck>,
    /// How the server failed.
    pub failures: Vec<FailureCount>,
}

/// A ladder for each workload of the plan; none where it has no rates.
pub(super) fn ladders(results: &Results) -> Vec<Ladder> {
    let plan = &results.plan;
    let climbed = plan.workloads.iter().filter(|_| !plan.rates.is_empty());
    let ladder = |workload: &Workload| Ladder {
        workload: workload.clone(),
        rates_per_s: plan.rates.clone(),
        expect: plan.expect.iter().map(ToString::to_string).collect(),
        climbs: plan
            .contenders
            .iter()
            .map(|it| climb(results, &it.name, workload))
            .collect(),
    };
    climbed.map(ladder).collect()
}

fn climb(results: &Results, contender: &str, workload: &Workload) -> Climb {
    let rates = results.plan.rates.iter();
    let steps: Vec<Step> = rates
        .map(|rate| step(results, contender, &workload.at_rate(*rate)))
        .collect();
    Climb {
        contender: contender.to_owned(),
        knee: knee(&steps),
        steps,
    }
}

fn knee(steps: &[Step]) -> Knee {
    let mut knee = Knee::default();
    for step in steps {
        match step.kept {
            Kept::Holds => knee.holds_per_s = Some(step.rate_per_s),
            Kept::NotMeasured => break,
            Kept::Fails | Kept::GeneratorLimit => {
                knee.fails_per_s = Some(step.rate_per_s);
                knee.is_generators_limit = step.kept == Kept::GeneratorLimit;
                break;
            }
        }
    }
    knee
}

fn step(results: &Results, contender: &str, workload: &Workload) -> Step {
    let row = row(results, contender, workload);
    let counted = results.windows(contender, &workload.name);
    let windows: Vec<&Measurement> = counted.iter().map(|(_, window)| *window).collect();
    let quantile = |q| {
        let by_window = Spread::of_all(windows.iter().map(|it| shown(it, q)));
        // Short windows may have enough requests together.
        by_window.or_else(|| Spread::of(of_sum(&windows, q, true)))
    };
    let lag = |it: &OpenLoop| it.timer_lag_p99_us;
    let open = windows.iter().filter_map(|it| it.open_loop.as_ref());
    Step {
        rate_per_s: workload.rate.unwrap_or_default(),
        kept: kept(&windows, &results.plan.expect, !row.failures.is_empty()),
        achieved_per_s: row.requests_per_s,
        p50_us: quantile(0.5),
        p99_us: quantile(0.99),
        p999_us: of_sum(&windows, 0.999, true),
        cpu_us_per_request: row.cpu_us_per_request,
        timer_lag_p99_us: Spread::of(open.map(lag)),
        windows: windows.len(),
        errors: row.errors,
        marks: row.marks,
        failures: row.failures,
    }
}

/// What most windows say. A server that failed has not held.
fn kept(windows: &[&Measurement], expect: &[Expectation], has_failed: bool) -> Kept {
    let holding = windows.iter().filter(|it| holds(it, expect)).count();
    let failing = windows.iter().filter(|it| !holds(it, expect));
    let is_late = |it: &&&Measurement| it.marks.iter().any(|mark| mark.is_generators());
    let late = failing.clone().filter(is_late).count();
    if has_failed {
        Kept::Fails
    } else if windows.is_empty() {
        Kept::NotMeasured
    } else if 2 * holding > windows.len() {
        Kept::Holds
    } else if 2 * late > failing.count() {
        Kept::GeneratorLimit
    } else {
        Kept::Fails
    }
}

/// Whether a window met all expectations, and its schedule was carried out.
fn holds(window: &Measurement, expect: &[Expectation]) -> bool {
    let sent = window.open_loop.as_ref().map_or(1.0, |it| it.sent_share);
    let is_met = |it: &Expectation| measured(window, it.quantity).is_some_and(|x| it.allows(x));
    sent >= ACHIEVED_SHARE_MIN && expect.iter().all(is_met)
}

/// The figure of a window, in the unit of the quantity.
fn measured(window: &Measurement, quantity: Quantity) -> Option<f64> {
    const NS_PER_US: f64 = 1000.0;
    let failed = window.errors.total();
    let ended = window.requests + failed;
    let ns = |us: Option<f64>| us.map(|us| us * NS_PER_US);
    match quantity {
        Quantity::Quantile(q) => ns(of_sum(&[window], q, false)),
        Quantity::Mean => (window.requests > 0).then_some(window.latency.mean_us * NS_PER_US),
        Quantity::Max => ns(of_sum(&[window], 1.0, false)),
        Quantity::Errors => (ended > 0).then(|| failed as f64 / ended as f64),
        Quantity::Rate => Some(window.requests_per_s),
    }
}

/// The quantile of one window, if it has enough requests beyond it.
fn shown(window: &&Measurement, q: f64) -> Option<f64> {
    of_sum(&[window], q, true)
}

/// A quantile of the response times of these windows together, in microseconds.
fn of_sum(windows: &[&Measurement], q: f64, needs_tail: bool) -> Option<f64> {
    let answered = windows.iter().map(|it| it.latency.buckets_ns.as_slice());
    let open = windows.iter().filter_map(|it| it.open_loop.as_ref());
    let sum = merged(answered.chain(open.map(|it| it.pending_ns.as_slice())));
    let all: u64 = sum.values().sum();
    if all == 0 || needs_tail && !carries(all, q) {
        return None;
    }
    super::percentiles::quantile(&sum, q)
}

/// Rates for contenders that answer so many requests per second in a closed loop: below, at and
/// above what the slowest can do, then on to what the fastest can do. Two digits each.
pub fn rates_for(capacities: &[f64]) -> Vec<f64> {
    let slowest = capacities.iter().copied().reduce(f64::min);
    let fastest = capacities.iter().copied().reduce(f64::max);
    let (Some(slowest), Some(fastest)) = (slowest, fastest) else {
        return Vec::new();
    };
    let steps = libm::log2(fastest * ABOVE_FASTEST / slowest).ceil();
    let steps = steps.clamp(1.0, STEPS_ABOVE_MAX);
    let factor = libm::pow(fastest * ABOVE_FASTEST / slowest, 1.0 / steps);
    let above = (1..=steps as i32).map(|step| slowest * factor.powi(step));
    let below = SHARES_OF_SLOWEST.iter().map(|share| slowest * share);
    let mut rates: Vec<f64> = below.chain(above).map(rounded).collect();
    rates.sort_by(f64::total_cmp);
    rates.dedup();
    rates
}

/// Up to where the slowest contender still answers.
const SHARES_OF_SLOWEST: [f64; 4] = [0.25, 0.5, 0.75, 0.9];
/// The last rate should be too much for all.
const ABOVE_FASTEST: f64 = 1.2;
/// With more the table would be too wide.
const STEPS_ABOVE_MAX: f64 = 5.0;

/// Two digits: nothing is known better, and people can read it.
fn rounded(rate: f64) -> f64 {
    let unit = 10f64.powf((rate.log10().floor() - 1.0).max(0.0));
    ((rate / unit).round() * unit).max(1.0)
}

#[cfg(test)]
#[path = "ladder_tests.rs"]
mod tests;
