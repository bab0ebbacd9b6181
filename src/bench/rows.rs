//! From raw figures to the rows of the tables: one contender under one workload. Pure.

use std::collections::BTreeMap;

use serde::Serialize;

use super::gates::Mark;
use super::percentiles::Percentiles;
use super::results::{Lack, Measurement, Results};
use super::stats::Spread;
use super::workers::Workers;
use super::workload::Workload;
use crate::load::Errors;

/// One contender under one workload.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// [`super::contender::Contender::name`].
    pub contender: String,
    /// Blocks whose window counts.
    pub blocks_measured: usize,
    /// Blocks whose window counts although no request was answered.
    pub blocks_empty: usize,
    /// Windows that were measured again.
    pub repeated: usize,
    /// Connections of the load.
    pub connections: usize,
    /// Requests answered per second.
    pub requests_per_s: Option<Spread>,
    /// Service times over the requests of all windows together.
    pub percentiles: Percentiles,
    /// The percentile of each window, where all have enough requests for it.
    pub p50_us: Option<Spread>,
    /// See [`Row::p50_us`].
    pub p99_us: Option<Spread>,
    /// See [`Row::p50_us`].
    pub max_us: Option<Spread>,
    /// Requests failed in all blocks together.
    pub errors: u64,
    /// Requests answered in all blocks together.
    pub answers: u64,
    /// How they failed.
    pub errors_by_kind: Errors,
    /// Connections of the load that never got an answer.
    pub never_answered: Option<Spread>,
    /// User and system time of all the server's processes for each answered request.
    pub cpu_us_per_request: Option<Spread>,
    /// Peak of the samples of the proportional set size.
    pub peak_pss_kib: Option<Spread>,
    /// Peak of the samples.
    pub processes: Option<Spread>,
    /// Peak of the samples.
    pub threads: Option<Spread>,
    /// Workers among which the load was shared; none where there is but one, or one for each
    /// connection.
    pub workers: Option<Spread>,
    /// Requests of the worker that answered fewest.
    pub requests_of_least: Option<Spread>,
    /// Requests of the worker that answered most.
    pub requests_of_most: Option<Spread>,
    /// Jain's fairness index over the workers: 1 where all answered alike.
    pub fairness: Option<Spread>,
    /// In how many of the windows that count a gate has struck, and how hard at the worst.
    pub marks: BTreeMap<Mark, Struck>,
    /// How it failed: a few words for the table, the whole story, and in how many blocks.
    pub failures: Vec<FailureCount>,
    /// The status with which it refused the workload's path, if it lacks it.
    pub lacks: Option<u16>,
}

/// What a gate has seen in the windows of a row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Struck {
    /// In how many of them.
    pub windows: usize,
    /// The largest share: of the CPU time, the connections' time or the generator.
    pub worst: f64,
}

/// The same failure in some blocks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FailureCount {
    /// A few words.
    pub label: String,
    /// The whole story.
    pub story: String,
    /// In how many runs.
    pub blocks: usize,
}

/// Above this share of failed requests a contender is not compared as if it had done the work.
const ERROR_SHARE_MAX: f64 = 0.01;

impl Row {
    /// Whether it did all the work: no failure, hardly an error, no connection left waiting. Only
    /// such a row can be called the best.
    pub fn is_sound(&self) -> bool {
        let all = (self.errors + self.answers).max(1) as f64;
        self.failures.is_empty()
            && self.answers > 0
            && self.starved() == 0.0
            && self.errors as f64 / all <= ERROR_SHARE_MAX
    }

    /// How many connections never got an answer, in the middle of the blocks.
    pub fn starved(&self) -> f64 {
        self.never_answered.map_or(0.0, |spread| spread.median)
    }
}

pub(super) fn rows(results: &Results, workload: &Workload) -> Vec<Row> {
    let contenders = results.plan.contenders.iter();
    contenders
        .map(|it| row(results, &it.name, workload))
        .collect()
}

pub(super) fn row(results: &Results, contender: &str, workload: &Workload) -> Row {
    let counted = results.windows(contender, &workload.name);
    let windows: Vec<&Measurement> = counted.iter().map(|(_, window)| *window).collect();
    let answered: Vec<&Measurement> = windows
        .iter()
        .copied()
        .filter(|it| it.requests > 0)
        .collect();
    let spread = |figure: fn(&Measurement) -> f64| Spread::of(windows.iter().map(|w| figure(w)));
    // A window without an answer has no such figure, and the others keep theirs.
    let of_answered = |figure: fn(&Measurement) -> Option<f64>| {
        Spread::of_all(answered.iter().map(|window| figure(window)))
    };
    let lacks = |it: &&Lack| it.contender == contender && workload.is_step_of(&it.workload);
    Row {
        contender: contender.to_owned(),
        blocks_measured: windows.len(),
        blocks_empty: windows.len() - answered.len(),
        repeated: results
            .attempts(contender, &workload.name)
            .filter(|run| run.attempt > 1)
            .count(),
        connections: workload.connections,
        requests_per_s: spread(|window| window.requests_per_s),
        percentiles: Percentiles::of(answered.iter().map(|it| it.latency.buckets_ns.as_slice())),
        p50_us: of_answered(|window| window.latency.p50_us),
        p99_us: of_answered(|window| window.latency.p99_us),
        max_us: of_answered(|window| window.latency.max_us),
        errors: windows.iter().map(|window| window.errors.total()).sum(),
        answers: windows.iter().map(|window| window.requests).sum(),
        errors_by_kind: errors_by_kind(&windows),
        never_answered: spread(|window| window.never_answered as f64),
        cpu_us_per_request: of_answered(|window| window.server.cpu_us_per_request),
        peak_pss_kib: spread(|window| window.server.peak_pss_kib as f64),
        processes: spread(|window| window.server.peak_processes as f64),
        threads: spread(|window| window.server.peak_threads as f64),
        workers: of_answered(|window| Some(shared(window)?.requests.len() as f64)),
        requests_of_least: of_answered(|window| Some(shared(window)?.least() as f64)),
        requests_of_most: of_answered(|window| Some(shared(window)?.most() as f64)),
        fairness: of_answered(|window| shared(window)?.fairness()),
        marks: marks(&windows),
        failures: failures(results, contender, workload),
        lacks: results.lacks.iter().find(lacks).map(|it| it.status),
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

fn marks(windows: &[&Measurement]) -> BTreeMap<Mark, Struck> {
    let mut struck: BTreeMap<Mark, Struck> = BTreeMap::new();
    for window in windows {
        for &mark in &window.marks {
            let share = match mark {
                Mark::Steal => window.steal_share,
                Mark::Others => window.others_share,
                Mark::GeneratorBound => window.generator.cpu_share,
                Mark::LittlesLaw => window.littles_law_gap,
                Mark::Errors | Mark::Miscounted | Mark::Unreaped | Mark::Empty => 0.0,
                Mark::TimerLag | Mark::Behind | Mark::ConnectionLimit => 0.0,
            };
            let entry = struck.entry(mark).or_default();
            entry.windows += 1;
            entry.worst = entry.worst.max(share);
        }
    }
    struck
}

/// The failures, equal ones together, in the order of their first appearance.
fn failures(results: &Results, contender: &str, workload: &Workload) -> Vec<FailureCount> {
    let mut counts: Vec<FailureCount> = Vec::new();
    // The reference's twin is the same server.
    let twin = results.plan.twin_of(contender).unwrap_or_default();
    let own = results.attempts(contender, &workload.name);
    let runs = own.chain(results.attempts(&twin, &workload.name));
    for failure in runs.filter_map(|run| run.failure.as_ref()) {
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
