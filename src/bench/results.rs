//! What `results.json` holds, and reading it back. Nothing needs to be measured twice.

use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::accounting::Lifetime;
use super::environment::Environment;
use super::failure::Failure;
use super::gates::Mark;
use super::json;
use super::plan::{Plan, Scenario};
use super::summary::Row;
use super::workers::{Ledger, Workers};
use crate::load::Errors;

/// The number of the file's layout; a change that old readers would misread raises it.
pub const SCHEMA: u32 = 1;
/// The file's name within the directory of the results.
pub const FILE_NAME: &str = "results.json";

/// A whole bench.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Whether the bench was ended before it had carried out its plan.
    pub interrupted: bool,
    /// Machine and program.
    pub environment: Environment,
    /// What was to be done.
    pub plan: Plan,
    /// One entry for each table row, in the order of the table.
    pub summary: Vec<Row>,
    /// The raw figures, in the order in which they were measured.
    pub runs: Vec<Run>,
}

/// One server, from its start to its end, in one scenario of one block.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// From 1.
    pub block: usize,
    /// [`super::plan::Contender::name`].
    pub contender: String,
    /// How the clients used their connections.
    pub scenario: Scenario,
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
    /// Connections opened, the reconnects included.
    pub connections_opened: u64,
    /// Bytes received.
    pub bytes: u64,
    /// Requests answered per second.
    pub requests_per_s: f64,
    /// Service times.
    pub latency: Latency,
    /// How the workers shared the window's requests; none where a worker lives for one connection,
    /// and its slot is but a place that others have had as well.
    #[serde(default)]
    pub workers: Option<Workers>,
    /// The workers' account and the client's; none where the server has no scoreboard.
    #[serde(default)]
    pub ledger: Option<Ledger>,
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
    /// Writes [`FILE_NAME`] in `directory`. A reader sees the old file or the new one, never half.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, directory: &Path) -> io::Result<()> {
        let unfinished = directory.join(".results.json.new");
        fs::write(&unfinished, json::to_string(self)?)?;
        fs::rename(unfinished, directory.join(FILE_NAME))
    }

    /// Reads a file that [`Results::write`] wrote.
    ///
    /// # Errors
    /// The file cannot be read, is no such file, or is of another [`SCHEMA`].
    pub fn read(path: &Path) -> io::Result<Results> {
        let results: Results = serde_json::from_slice(&fs::read(path)?)?;
        if results.schema != SCHEMA {
            let message = format!("schema {} where {SCHEMA} is understood", results.schema);
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        Ok(results)
    }
}
