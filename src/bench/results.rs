//! What `results.json` holds: raw figures and nothing that can be computed from them.
//!
//! Rows, medians and verdicts are computed on reading ([`super::summary`]), so a file keeps its
//! worth when the computation changes, and nothing needs to be measured twice.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::accounting::Lifetime;
use super::environment::Environment;
use super::failure::Failure;
use super::gates::Mark;
use super::json;
use super::plan::Plan;
use super::stats::table::Column;
use super::workers::{RequestCounts, Workers};
use super::workload::{Metric, Workload};
use crate::load::Errors;

/// The number of the file's layout; a change that old readers would misread raises it.
pub const SCHEMA: u32 = 2;
/// The file's name within the directory of the results.
pub const FILE_NAME: &str = "results.json";

/// The name of the plan beside it, as a file that can be edited and run again.
pub const PLAN_NAME: &str = "plan.toml";

/// A whole bench.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// The layout of this file, [`SCHEMA`] when it was written.
    pub schema: u32,
    /// Whether the bench was ended before it had carried out its plan.
    pub interrupted: bool,
    /// Machine and program.
    pub environment: Environment,
    /// The order that was given.
    pub plan: Plan,
    /// What a contender was not asked for, because it lacks the path.
    #[serde(default)]
    pub lacks: Vec<Lack>,
    /// The raw figures, in the order in which they were measured.
    pub runs: Vec<Run>,
}

/// A contender that does not have the path of a workload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lack {
    /// [`super::contender::Contender::name`].
    pub contender: String,
    /// [`Workload::name`].
    pub workload: String,
    /// The status with which it answered.
    pub status: u16,
}

/// One server, from its start to its end, under one workload of one block.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// From 1. A look has block 0.
    pub block: usize,
    /// [`super::contender::Contender::name`].
    pub contender: String,
    /// [`Workload::name`].
    pub workload: String,
    /// From 1; a window that a gate has condemned is measured again.
    pub attempt: u32,
    /// What went wrong, if anything did.
    pub failure: Option<Failure>,
    /// The window, if there was one.
    pub measurement: Option<Measurement>,
}

impl Run {
    /// The measurement, unless the server failed in a way that makes it worthless.
    pub fn usable(&self) -> Option<&Measurement> {
        let spared = self.failure.as_ref().is_none_or(Failure::spares_the_window);
        self.measurement.as_ref().filter(|_| spared)
    }

    /// Why the window should be measured again, if it should.
    pub fn condemned(&self) -> Vec<Mark> {
        let window = self.usable();
        window.map_or(Vec::new(), Measurement::condemned)
    }

    /// How much the window was disturbed: an empty one more than any other.
    fn disturbance(&self) -> f64 {
        self.usable().map_or(f64::INFINITY, |window| {
            let is_empty = if window.requests == 0 { 10.0 } else { 0.0 };
            is_empty + window.steal_share + window.others_share
        })
    }
}

/// One window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// The window's real length.
    pub duration_s: f64,
    /// Requests answered and verified.
    pub requests: u64,
    /// Requests begun: answered, failed, or in flight at the stop.
    pub attempted: u64,
    /// Requests failed, by kind.
    pub errors: Errors,
    /// Requests that the end of the window overtook.
    pub in_flight_at_stop: u64,
    /// Connections that never got an answer.
    pub never_answered: u64,
    /// Connections beside those of the load that the server has taken; none where there were to be
    /// none.
    #[serde(default)]
    pub bystanders: Option<usize>,
    /// Connections opened, the reconnects included.
    pub connections_opened: u64,
    /// Bytes received.
    pub bytes: u64,
    /// Requests answered per second.
    pub requests_per_s: f64,
    /// Service times; in an open loop response times, which count from the intended send.
    pub latency: Latency,
    /// What an open loop offered, and how far it got; none in a closed loop.
    #[serde(default)]
    pub open_loop: Option<OpenLoop>,
    /// How the workers shared the window's requests; none where a worker lives for one connection,
    /// and its slot is but a place that others have had as well.
    #[serde(default)]
    pub workers: Option<Workers>,
    /// What the workers and the client have counted; none where the server has no scoreboard.
    #[serde(default)]
    pub request_counts: Option<RequestCounts>,
    /// What the server used.
    pub server: ServerUse,
    /// What the generator used.
    pub generator: GeneratorUse,
    /// |X·R/c − 1| over the connections that got answers: the part of their time that no answered
    /// request accounts for.
    pub littles_law_gap: f64,
    /// The part of all processors' time that the hypervisor gave to others.
    pub steal_share: f64,
    /// The part of it that neither the server nor the generator used, but other processes.
    pub others_share: f64,
    /// What is to be said about these figures.
    pub marks: Vec<Mark>,
}

impl Measurement {
    /// The marks for which a window is measured again.
    fn condemned(&self) -> Vec<Mark> {
        let marks = self.marks.iter().copied();
        let mut condemned: Vec<Mark> = marks.filter(|mark| mark.condemns()).collect();
        if self.requests == 0 {
            condemned.push(Mark::Empty);
        }
        condemned
    }

    /// The figure by which a workload compares contenders.
    pub fn figure(&self, metric: Metric) -> Option<f64> {
        match metric {
            Metric::CpuPerRequest => self.server.cpu_us_per_request,
            Metric::Throughput => Some(self.requests_per_s),
            Metric::Memory => Some(self.server.peak_pss_kib as f64),
        }
    }
}

/// A window whose requests were sent by a schedule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OpenLoop {
    /// Requests per second that the schedule offered.
    pub offered_per_s: f64,
    /// Requests that the schedule had.
    pub planned: u64,
    /// Those of them that were never sent.
    pub never_sent: u64,
    /// The part of the schedule that was sent: below 0.99 the server did not keep up.
    pub sent_share: f64,
    /// Requests that found all connections busy when they were due.
    pub waited: u64,
    /// How late the generator saw a request due, which is its own fault.
    pub timer_lag_p99_us: f64,
    /// How long a due request waited for a connection.
    pub connection_wait_p99_us: f64,
    /// The ages of the requests that were pending at the end, as [`Latency::buckets_ns`] has them:
    /// their response times would have been as long or longer.
    pub pending_ns: Vec<(u64, u64)>,
}

/// Service times of the answered requests. A percentile with fewer than ten samples beyond it is
/// left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names say it all")]
pub struct Latency {
    pub mean_us: f64,
    pub p50_us: Option<f64>,
    pub p90_us: Option<f64>,
    pub p99_us: Option<f64>,
    pub p999_us: Option<f64>,
    pub max_us: Option<f64>,
    /// The whole histogram: `[upper bound in ns, count]`, three significant digits, rising.
    /// Two of them are merged by adding up the counts of equal bounds.
    pub buckets_ns: Vec<(u64, u64)>,
}

/// What the server's processes used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServerUse {
    /// User and system time within the window, reaped children included.
    pub cpu_s: f64,
    /// The same for each answered request; none where nothing was answered.
    pub cpu_us_per_request: Option<f64>,
    /// The largest sample of the proportional set size.
    pub peak_pss_kib: u64,
    /// The largest sample.
    pub peak_processes: u64,
    /// The largest sample.
    pub peak_threads: u64,
    /// From the start to the end of the server, with the warm-up and the stop.
    pub lifetime: Lifetime,
}

/// What the generator used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GeneratorUse {
    /// Event loops.
    pub threads: usize,
    /// User and system time.
    pub cpu_s: f64,
    /// The same as a part of what one processor for each thread has to give, 0 to 1.
    pub cpu_share: f64,
}

impl Results {
    /// The windows of a contender under a workload that count, with their blocks: of each block the
    /// least disturbed attempt.
    pub fn windows<'a>(
        &'a self,
        contender: &'a str,
        workload: &'a str,
    ) -> Vec<(usize, &'a Measurement)> {
        let mut best: BTreeMap<usize, &Run> = BTreeMap::new();
        for run in self.attempts(contender, workload) {
            let kept = best.entry(run.block).or_insert(run);
            if run.disturbance() < kept.disturbance() {
                *kept = run;
            }
        }
        let counted = best.into_iter();
        counted
            .filter_map(|(block, run)| Some((block, run.usable()?)))
            .collect()
    }

    /// All runs of a contender under a workload, the repeated windows among them.
    pub fn attempts<'a>(
        &'a self,
        contender: &'a str,
        workload: &'a str,
    ) -> impl Iterator<Item = &'a Run> {
        let is_its = move |run: &&Run| run.contender == contender && run.workload == workload;
        self.runs.iter().filter(is_its)
    }

    /// The figures of a contender under a workload, block by block.
    pub fn column(&self, contender: &str, workload: &Workload) -> Column {
        let blocks = self.runs.iter().map(|run| run.block).max().unwrap_or(0);
        let mut column = vec![None; blocks];
        for (block, window) in self.windows(contender, &workload.name) {
            if let Some(place) = block.checked_sub(1).and_then(|at| column.get_mut(at)) {
                *place = window
                    .figure(workload.metric)
                    .filter(|figure| *figure > 0.0);
            }
        }
        column
    }

    /// Writes [`FILE_NAME`] in `directory`. A reader sees the old file or the new one, never half.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, directory: &Path) -> io::Result<()> {
        fs::write(directory.join(PLAN_NAME), self.plan.to_toml()?)?;
        let unfinished = directory.join(".results.json.new");
        fs::write(&unfinished, json::to_string(self)?)?;
        fs::rename(unfinished, directory.join(FILE_NAME))
    }

    /// Reads a file that [`Results::write`] wrote.
    ///
    /// # Errors
    /// The file cannot be read, is no such file, or is of another [`SCHEMA`].
    pub fn read(path: &Path) -> io::Result<Results> {
        /// Read first: a file of another layout has other fields.
        #[derive(Deserialize)]
        struct Layout {
            schema: u32,
        }
        let bytes = fs::read(path)?;
        let Layout { schema } = serde_json::from_slice(&bytes)?;
        if schema != SCHEMA {
            let message = format!("schema {schema} where {SCHEMA} is understood");
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        Ok(serde_json::from_slice(&bytes)?)
    }
}

#[cfg(test)]
#[path = "results_tests.rs"]
pub(crate) mod tests;
