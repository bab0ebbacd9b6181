//! The state of a server as a report, for people and for programs. It combines the scoreboard,
//! which the workers write, with what the reader finds in `/proc`.
//!
//! ```text
//!   scoreboard ──┐                ┌──▶ HTML, for a browser
//!                ├──▶  Report  ───┼──▶ `key: value`, the format of Apache's mod_status
//!   /proc ───────┘                ├──▶ JSON, which `servers top URL` reads back
//!                                 └──▶ Prometheus' text format
//! ```

mod auto;
mod html;
mod metrics;
mod proc;
mod source;

use serde::{Deserialize, Serialize};

use crate::scoreboard::State;
pub use source::Source;

/// The version of [`Report`]; it changes when a field changes its meaning.
pub const SCHEMA: u32 = 1;

/// A server at one moment. Counts run since its start, and include those of workers that have died.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The [`SCHEMA`] of the program that made the report.
    pub schema: u32,
    /// The version of that program.
    pub version: String,
    /// Name of the server's model.
    pub model: String,
    /// Name of its accept strategy.
    pub accept: String,
    /// Address and port on which it listens.
    pub address: String,
    /// The main process: the master, or the parent of the other processes.
    pub pid: u32,
    /// When the server started, in milliseconds since 1970.
    pub started_unix_ms: u64,
    /// Seconds since then.
    pub uptime_s: f64,
    /// One letter for each slot, as in Apache's status.
    pub scoreboard: String,
    /// Workers that serve a client, or are about to leave.
    pub busy: usize,
    /// Workers that wait for a client.
    pub idle: usize,
    /// Answered requests.
    pub requests: u64,
    /// Bytes sent to clients.
    pub bytes: u64,
    /// Connections that workers have begun to serve.
    pub connections: u64,
    /// Connections that are open now.
    pub open: u64,
    /// Time from the last byte of a request to its answer, summed over all requests.
    pub handling_s: f64,
    /// Requests that took longer than `--slow-ms`.
    pub slow: u64,
    /// Connections that were answered with 503, beyond `--max-connections`.
    pub rejected: u64,
    /// The pool, if the server has a master.
    pub pool: Option<Pool>,
    /// The accept queue, if `/proc` can be read.
    pub queue: Option<Queue>,
    /// CPU time of the server and its children, if `/proc` can be read.
    pub cpu_s: Option<f64>,
    /// Memory of the server and its children, if `/proc` can be read: the sum of their proportional
    /// set sizes (PSS), in which a page that several processes share counts once.
    #[serde(default)]
    pub pss_bytes: Option<u64>,
    /// The slots that a worker has or had.
    pub workers: Vec<Worker>,
}

/// The state and the counts of a master's pool of workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// The newest generation of workers, counted from 1; each reload begins one.
    pub generation: u64,
    /// The number of workers that the master aims at now.
    pub target: u64,
    /// The largest number of workers that the pool may have.
    pub limit: u64,
    /// How often the pool was at that limit with every worker busy.
    pub limit_reached: u64,
    /// Workers that the master has started.
    pub started: u64,
    /// Workers that ended unexpectedly.
    pub crashed: u64,
    /// Workers that the master killed because their heartbeat stood still.
    pub wedged: u64,
    /// Workers that the master killed because a request took longer than `--request-timeout`.
    pub overdue: u64,
    /// Workers that the master could not start.
    pub fork_failed: u64,
}

/// The accept queue: connections that the kernel has established and no worker has accepted yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queue {
    /// Connections that wait.
    pub length: u64,
    /// Connections that the queue has room for.
    pub limit: u64,
}

/// A slot: the worker that has it, and the counts of all workers that have had it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Worker {
    /// Index of the slot in the scoreboard.
    pub slot: usize,
    /// The worker's process ID.
    pub pid: u32,
    /// The worker's thread ID.
    pub tid: u32,
    /// The worker's generation; 0 in a server without a master.
    pub generation: u64,
    /// The letter of the worker's [`State`].
    pub state: char,
    /// How long the worker has been in that state; unknown before its first connection.
    pub state_s: Option<f64>,
    /// Answered requests.
    pub requests: u64,
    /// Bytes sent to clients.
    pub bytes: u64,
    /// Connections that were begun.
    pub connections: u64,
    /// Connections that are open now.
    pub open: u64,
    /// Time from the last byte of a request to its answer, summed over all requests.
    pub handling_s: f64,
    /// Requests that took longer than `--slow-ms`.
    pub slow: u64,
    /// CPU time of the worker that has the slot now.
    pub cpu_s: Option<f64>,
    /// The start of the last request line; `null` if there was none or `torn` is set.
    pub request: Option<String>,
    /// Whether the worker was writing the request line while it was read.
    pub torn: bool,
    /// Address of the client that sent the request, while its connection is open.
    pub client: Option<String>,
}

impl Worker {
    /// What [`Worker::state`], a letter, stands for.
    pub fn state(&self) -> State {
        State::of_letter(self.state)
    }
}

impl Report {
    /// The report as a JSON object, which deserializes to the same report.
    pub fn json(&self) -> String {
        // The report holds numbers, strings and lists alone, so this does not fail.
        serde_json::to_string_pretty(self)
            .map_or_else(|error| error.to_string(), |json| json + "\n")
    }

    /// Requests per second, on average since the start.
    pub fn requests_per_s(&self) -> f64 {
        per(self.requests as f64, self.uptime_s)
    }
}

/// `amount / by`, or 0 if `by` is 0.
fn per(amount: f64, by: f64) -> f64 {
    if by > 0.0 { amount / by } else { 0.0 }
}
