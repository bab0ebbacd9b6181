//! The answer of `servers size`: what a load needs, and how that was found.

mod json;

use std::collections::BTreeMap;

use serde::Serialize;

pub use json::json;

use super::grid::Grid;
use super::plot::{Axis, Line, Plot};
use super::units::{self, TIME, grouped};
use super::wrap::wrapped;
use crate::size::{Objective, Recommendation, Rule, Service, Station, TooSmall, knee, requests};

/// Every line fits a terminal of this width.
const WIDTH: usize = 80;
/// On a narrow terminal the p50 goes first.
const EXPENDABLE: [usize; 1] = [6];

/// Where the curves of the plot are drawn.
const UTILISATIONS: [f64; 12] = [
    0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98,
];
/// Where the table of the pools has its rows.
const POOL_ROWS: [f64; 6] = [0.5, 0.7, 0.8, 0.9, 0.95, 0.98];

/// What was asked, and the answer for each model.
pub struct Advice {
    /// Requests per second.
    pub rate_per_s: f64,
    /// What should hold.
    pub objective: Objective,
    /// The objective as it was written.
    pub expectation: String,
    /// How long a request keeps its worker on average, in s.
    pub service_s: f64,
    /// Where the service times come from.
    pub source: String,
    /// Processors and memory in KiB of one machine.
    pub machine: (usize, u64),
    /// One for each model.
    pub needs: Vec<Need>,
    /// What was measured to compare.
    pub checks: Vec<Check>,
    /// Pools of given sizes, to be compared over their load.
    pub pools: Vec<Pool>,
}

/// What a pool of a given size does as its load grows, by simulation.
pub struct Pool {
    /// How many serve, each one request at a time.
    pub workers: usize,
    /// The 99th percentile of the response times in s at each utilisation.
    pub p99_s: Vec<(f64, f64)>,
}

impl Pool {
    /// Simulates it, with so many cores that no request waits for one.
    pub fn simulated(workers: usize, service: &Service, seed: u64) -> Self {
        let station = Station {
            rule: Rule::OneQueue,
            workers,
            cores: f64::INFINITY,
        };
        Self {
            workers,
            p99_s: curve(station, service, seed),
        }
    }
}

fn curve(station: Station, service: &Service, seed: u64) -> Vec<(f64, f64)> {
    let count = requests(station.rule, service, station.capacity_per_s(service));
    knee(station, service, &UTILISATIONS, count, seed)
}

/// What one model needs.
pub struct Need {
    /// The model, or the contender of the bench.
    pub name: String,
    /// Who waits for whom.
    pub rule: Rule,
    /// Processor time of a request in s.
    pub cpu_s: f64,
    /// Memory of a worker in KiB, where it is known.
    pub worker_kib: Option<f64>,
    /// The smallest that keeps the objective.
    pub size: Result<Recommendation, TooSmall>,
}

impl Need {
    /// Workers of all copies; where there is one for each request, those that are busy.
    fn workers(size: &Recommendation) -> usize {
        size.copies * size.station.workers
    }

    /// Memory of all workers in KiB.
    fn memory_kib(&self, size: &Recommendation) -> Option<f64> {
        Some(self.worker_kib? * Self::workers(size) as f64)
    }

    /// Machines by cores and by memory, whichever needs more.
    fn machines(&self, size: &Recommendation, machine: (usize, u64)) -> u64 {
        let by_cores = size.cores as f64 / machine.0.max(1) as f64;
        let by_memory = self.memory_kib(size).unwrap_or(0.0) / machine.1.max(1) as f64;
        by_cores.max(by_memory).ceil() as u64
    }
}

/// A prediction beside its measurement, at a rate that this machine can bear.
#[derive(Debug, Clone, Serialize)]
pub struct Check {
    /// The model with its options.
    pub server: String,
    /// Requests per second.
    pub rate_per_s: f64,
    /// The share of the workers that is busy, or of the cores where no request waits for a worker.
    pub utilisation: f64,
    /// In ms, by simulation.
    pub p50_predicted_ms: f64,
    /// The median of the response times in ms.
    pub p50_measured_ms: f64,
    /// In ms, by simulation.
    pub p99_predicted_ms: f64,
    /// The 99th percentile in ms.
    pub p99_measured_ms: f64,
    /// What was to be said of the measurement.
    pub marks: Vec<&'static str>,
}

const ASSUMPTIONS: [&str; 5] = [
    "requests arrive at random (Poisson), each on a connection of its own: a kept connection holds \
     a worker of a pool for as long as it is open",
    "a request first computes and then waits; cores are shared evenly, and no core is used for \
     more than 90 %",
    "service times were measured at a low rate, and stay as they are when the rate grows: no \
     common database, lock or cache becomes slower",
    "memory grows with the workers in proportion; what they share is counted for each",
    "the loss of a machine is not planned for: add what may fail",
];

/// The answer for people.
pub fn text(advice: &Advice) -> String {
    let mut text = wrapped(&question(advice), WIDTH);
    text += "\n";
    if advice.needs.iter().any(|it| it.size.is_ok()) {
        text += &table(advice).text(WIDTH);
    }
    for (reason, names) in refusals(advice) {
        text += &wrapped(&format!("{}: {reason}", names.join(", ")), WIDTH);
    }
    text += "\n";
    text += &wrapped(&formula(advice), WIDTH);
    for assumption in ASSUMPTIONS {
        text += &wrapped(&format!("assumes: {assumption}"), WIDTH);
    }
    if !advice.checks.is_empty() {
        text += "\nOn this machine:\n";
        text += &checks(&advice.checks).text(WIDTH);
        for check in advice.checks.iter().filter(|it| !it.marks.is_empty()) {
            let marks = format!("{}: marked {}", check.server, check.marks.join(", "));
            text += &wrapped(&marks, WIDTH);
        }
    }
    if !advice.pools.is_empty() {
        text += "\np99 of pools with one queue, by utilisation (one run each):\n";
        text += &pools(&advice.pools).text(WIDTH);
    }
    text
}

/// Each reason for which there is no size, with the models that it concerns.
fn refusals(advice: &Advice) -> BTreeMap<String, Vec<&str>> {
    let mut refusals = BTreeMap::<String, Vec<&str>>::new();
    for need in &advice.needs {
        if let Err(reason) = &need.size {
            let names = refusals.entry(reason.to_string()).or_default();
            names.push(&need.name);
        }
    }
    refusals
}

fn question(advice: &Advice) -> String {
    let (cores, kib) = advice.machine;
    format!(
        "{} requests/s with {}; a request keeps its worker for {} on average ({}); a machine has \
         {cores} cores and {} MiB",
        grouped(advice.rate_per_s),
        advice.expectation,
        units::value(advice.service_s * 1e6, TIME),
        advice.source,
        units::mebibytes(kib as f64),
    )
}

fn table(advice: &Advice) -> Grid {
    let heads = [
        "model", "workers", "busy", "cores", "MiB", "machines", "p50", "p99",
    ];
    let mut grid = Grid::with_heads(heads).expending(&EXPENDABLE).dense();
    for need in &advice.needs {
        let Ok(size) = &need.size else {
            continue;
        };
        let memory = need.memory_kib(size).map(units::mebibytes);
        let time = |s: f64| units::value(s * 1e6, TIME);
        grid.push(vec![
            need.name.clone(),
            workers(need.rule, size),
            format!("{:.1}", size.busy),
            grouped(size.cores as f64),
            memory.unwrap_or_else(|| "-".to_owned()),
            grouped(need.machines(size, advice.machine) as f64),
            time(size.prediction.p50_s.mean),
            time(size.prediction.p99_s.mean),
        ]);
    }
    grid
}

fn workers(rule: Rule, size: &Recommendation) -> String {
    match (rule, size.copies) {
        (Rule::NoQueue, _) => "1 each".to_owned(),
        (_, 1) => grouped(size.station.workers as f64),
        (_, copies) => format!("{} × {}", grouped(copies as f64), size.station.workers),
    }
}

fn formula(advice: &Advice) -> String {
    format!(
        "by: Little's law, {} /s × {} = {:.1} requests in service, is the least; above it, a \
         simulation of each model's queue (10 runs from seed; 95 % intervals in --json) finds the \
         smallest size that keeps {}. Pools have one queue (M/G/c), loops a queue each, and \
         threads, processes or tasks for each request only share the cores",
        grouped(advice.rate_per_s),
        units::value(advice.service_s * 1e6, TIME),
        advice.rate_per_s * advice.service_s,
        advice.expectation,
    )
}

fn checks(checks: &[Check]) -> Grid {
    let heads = [
        "server",
        "requests/s",
        "u",
        "p50",
        "predicted",
        "p99",
        "predicted",
    ];
    let mut grid = Grid::with_heads(heads).dense();
    for check in checks {
        let time = |ms: f64| units::value(ms * 1e3, TIME);
        grid.push(vec![
            check.server.clone(),
            grouped(check.rate_per_s),
            format!("{:.2}", check.utilisation),
            time(check.p50_measured_ms),
            time(check.p50_predicted_ms),
            time(check.p99_measured_ms),
            time(check.p99_predicted_ms),
        ]);
    }
    grid
}

fn pools(pools: &[Pool]) -> Grid {
    let heads = pools.iter().map(|it| grouped(it.workers as f64));
    let heads = std::iter::once("workers".to_owned()).chain(heads);
    let mut grid = Grid::new(vec![heads.collect()]).dense();
    for row in POOL_ROWS {
        let cells = pools.iter().map(|pool| {
            let found = pool.p99_s.iter().find(|(u, _)| *u == row);
            found.map_or_else(String::new, |(_, s)| units::value(s * 1e6, TIME))
        });
        let first = std::iter::once(format!("u = {row:.2}"));
        grid.push(first.chain(cells).collect());
    }
    grid
}

/// The 99th percentile of each model, or of each pool of a given size, over the utilisation of its
/// workers, as an SVG file.
pub fn knees(advice: &Advice, services: &[Service], seed: u64) -> String {
    let needs = advice.needs.iter().zip(services);
    let lines = needs.filter_map(|(need, service)| {
        let station = need.size.as_ref().ok()?.station;
        let seconds = curve(station, service, seed);
        Some(line(need.name.clone(), &seconds))
    });
    let pools = advice.pools.iter().map(|pool| {
        let name = format!("{} workers", grouped(pool.workers as f64));
        line(name, &pool.p99_s)
    });
    let (lines, x): (Vec<Line>, _) = match advice.pools.is_empty() {
        true => (
            lines.collect(),
            "utilisation of the workers, or of the cores",
        ),
        false => (pools.collect(), "utilisation of the workers"),
    };
    let plot = Plot {
        title: "p99 over the utilisation, by simulation",
        x: Axis::linear(x),
        y: Axis::log("ms"),
        lines,
    };
    plot.svg()
}

fn line(name: String, seconds: &[(f64, f64)]) -> Line {
    let points = seconds.iter().map(|&(u, s)| (u, s * 1e3)).collect();
    Line::new(name, points)
}

#[cfg(test)]
#[path = "size/tests.rs"]
mod tests;
