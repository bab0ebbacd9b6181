//! From the raw figures to the rows of the table: medians over blocks, with their extremes. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::gates::Mark;
use super::plan::{Plan, Scenario};
use super::results::{Measurement, Run};
use super::stats::Spread;
use super::workers::Workers;
use crate::load::Errors;

/// One contender in one scenario. A figure that was not measured in every block is none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// [`super::plan::Contender::name`].
    pub contender: String,
    /// How the clients used their connections.
    pub scenario: Scenario,
    /// Blocks whose window counts.
    pub blocks_measured: usize,
    /// Requests answered per second.
    pub requests_per_s: Option<Spread>,
    /// Percentiles of each block's service times, never merged or averaged across blocks.
    pub p50_us: Option<Spread>,
    /// See [`Row::p50_us`].
    pub p99_us: Option<Spread>,
    /// See [`Row::p50_us`].
    pub p999_us: Option<Spread>,
    /// See [`Row::p50_us`].
    pub max_us: Option<Spread>,
    /// Requests failed in all blocks together.
    pub errors: u64,
    /// The same by kind.
    #[serde(default)]
    pub errors_by_kind: Errors,
    /// Connections of the plan that never got an answer.
    pub never_answered: Option<Spread>,
    /// User and system time of all the server's processes for each answered request.
    pub server_cpu_us_per_request: Option<Spread>,
    /// Peak of the samples of the proportional set size.
    pub peak_pss_kib: Option<Spread>,
    /// Peak of the samples.
    pub processes: Option<Spread>,
    /// Peak of the samples.
    pub threads: Option<Spread>,
    /// Workers among which the load was shared; none where there is but one, or one for each
    /// connection.
    #[serde(default)]
    pub workers: Option<Spread>,
    /// Requests of the worker that answered fewest.
    #[serde(default)]
    pub requests_of_least: Option<Spread>,
    /// Requests of the worker that answered most.
    #[serde(default)]
    pub requests_of_most: Option<Spread>,
    /// Jain's fairness index over the workers: 1 where all answered alike.
    #[serde(default)]
    pub fairness: Option<Spread>,
    /// In how many blocks each mark was called for.
    pub marks: BTreeMap<Mark, usize>,
    /// How it failed: a few words for the table, the whole story, and in how many blocks.
    pub failures: Vec<FailureCount>,
}

/// The same failure in some blocks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureCount {
    /// A few words.
    pub label: String,
    /// The whole story.
    pub story: String,
    /// In how many blocks.
    pub blocks: usize,
}

/// A row for every contender in every scenario, whether or not anything was measured.
pub fn summarise(plan: &Plan, runs: &[Run]) -> Vec<Row> {
    let mut rows = Vec::new();
    for &scenario in &plan.scenarios {
        for contender in &plan.contenders {
            let own = |run: &&Run| run.contender == contender.name && run.scenario == scenario;
            let runs: Vec<&Run> = runs.iter().filter(own).collect();
            rows.push(row(&contender.name, scenario, &runs));
        }
    }
    rows
}

fn row(contender: &str, scenario: Scenario, runs: &[&Run]) -> Row {
    let windows: Vec<&Measurement> = runs.iter().filter_map(|run| run.usable()).collect();
    let spread = |figure: fn(&Measurement) -> f64| Spread::of(windows.iter().map(|w| figure(w)));
    let spread_of_all =
        |figure: fn(&Measurement) -> Option<f64>| Spread::of_all(windows.iter().map(|w| figure(w)));
    Row {
        contender: contender.to_owned(),
        scenario,
        blocks_measured: windows.len(),
        requests_per_s: spread(|window| window.requests_per_s),
        p50_us: spread_of_all(|window| window.latency.p50_us),
        p99_us: spread_of_all(|window| window.latency.p99_us),
        p999_us: spread_of_all(|window| window.latency.p999_us),
        max_us: spread_of_all(|window| window.latency.max_us),
        errors: windows.iter().map(|window| window.errors.total()).sum(),
        errors_by_kind: errors_by_kind(&windows),
        never_answered: spread(|window| window.never_answered as f64),
        server_cpu_us_per_request: spread_of_all(|window| window.server.cpu_us_per_request),
        peak_pss_kib: spread(|window| window.server.peak_pss_kib as f64),
        processes: spread(|window| window.server.peak_processes as f64),
        threads: spread(|window| window.server.peak_threads as f64),
        workers: spread_of_all(|window| Some(shared(window)?.requests.len() as f64)),
        requests_of_least: spread_of_all(|window| Some(shared(window)?.least() as f64)),
        requests_of_most: spread_of_all(|window| Some(shared(window)?.most() as f64)),
        fairness: spread_of_all(|window| shared(window)?.fairness()),
        marks: marks(&windows),
        failures: failures(runs),
    }
}

/// The workers, if there are several that could share anything.
fn shared(window: &Measurement) -> Option<&Workers> {
    let workers = window.workers.as_ref();
    workers.filter(|workers| workers.requests.len() > 1)
}

fn errors_by_kind(windows: &[&Measurement]) -> Errors {
    let mut sum = Errors::default();
    for window in windows {
        sum += &window.errors;
    }
    sum
}

fn marks(windows: &[&Measurement]) -> BTreeMap<Mark, usize> {
    let mut counts = BTreeMap::new();
    for mark in windows.iter().flat_map(|window| &window.marks) {
        *counts.entry(*mark).or_insert(0) += 1;
    }
    counts
}

/// The failures, equal ones together, in the order of their first appearance.
fn failures(runs: &[&Run]) -> Vec<FailureCount> {
    let mut counts: Vec<FailureCount> = Vec::new();
    for failure in runs.iter().filter_map(|run| run.failure.as_ref()) {
        let story = failure.to_string();
        match counts.iter_mut().find(|count| count.story == story) {
            Some(count) => count.blocks += 1,
            None => counts.push(FailureCount {
                label: failure.label().to_owned(),
                story,
                blocks: 1,
            }),
        }
    }
    counts
}
