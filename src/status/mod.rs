//! What a server does, told to people and to programs: what its scoreboard says, and what `/proc`
//! adds for whoever looks.
//!
//! ```text
//!   scoreboard ──┐                ┌──▶ HTML, for a browser that stays open
//!                ├──▶  Report  ───┼──▶ `key: value`, as Apache's mod_status has it
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

/// Changes whenever a field of [`Report`] changes its meaning.
pub const SCHEMA: u32 = 1;

/// A server at one moment. Counts are since its start; those of workers that have died are in them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Of this program.
    pub version: String,
    /// The model's name.
    pub model: String,
    /// The accept strategy's name.
    pub accept: String,
    /// Where it listens.
    pub address: String,
    /// The process that the others descend from.
    pub pid: u32,
    /// When it started, in milliseconds since 1970.
    pub started_unix_ms: u64,
    /// How long ago that is.
    pub uptime_s: f64,
    /// A letter for each slot, Apache's.
    pub scoreboard: String,
    /// Workers at work for a client, or about to leave.
    pub busy: usize,
    /// Workers that wait for one.
    pub idle: usize,
    /// Requests answered.
    pub requests: u64,
    /// Bytes sent.
    pub bytes: u64,
    /// Connections begun.
    pub connections: u64,
    /// Connections open.
    pub open: u64,
    /// Time from a request's arrival to its answer, summed up over all requests.
    pub handling_s: f64,
    /// Requests that took longer than `--slow-ms`.
    pub slow: u64,
    /// Clients that were told 503, since there were too many connections.
    pub turned_away: u64,
    /// The pool, where there is a master who keeps one.
    pub pool: Option<Pool>,
    /// The accept queue, where `/proc` can be read.
    pub queue: Option<Queue>,
    /// CPU time of the server and all its children, where `/proc` can be read.
    pub cpu_s: Option<f64>,
    /// Memory of the server and all its children, where `/proc` may be read: their proportional set
    /// sizes, in which a page that several share counts once.
    #[serde(default)]
    pub pss_bytes: Option<u64>,
    /// Every slot that somebody has or had.
    pub workers: Vec<Worker>,
}

/// What a master has decided and seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// The generation that serves, from 1; each reload begins one.
    pub generation: u64,
    /// Workers that there should be now.
    pub target: u64,
    /// Workers that there may be at most.
    pub limit: u64,
    /// How often all of those were busy.
    pub limit_reached: u64,
    /// Workers that were made.
    pub started: u64,
    /// Workers that ended and should not have.
    pub crashed: u64,
    /// Workers that were killed since they no longer got on.
    pub wedged: u64,
    /// Workers that were killed since a request took longer than it may.
    pub overdue: u64,
    /// Workers that could not be made.
    pub fork_failed: u64,
}

/// Connections that nobody has accepted yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queue {
    /// How many there are.
    pub length: u64,
    /// How many there can be.
    pub limit: u64,
}

/// A slot: who has it, and what has been done in it by all who had it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Worker {
    /// The slot.
    pub slot: usize,
    /// The process.
    pub pid: u32,
    /// The thread.
    pub tid: u32,
    /// Its generation; 0 where there is no master.
    pub generation: u64,
    /// The letter of what it does.
    pub state: char,
    /// For how long it has been doing that; not known of one that waits for its first connection.
    pub state_s: Option<f64>,
    /// Requests answered.
    pub requests: u64,
    /// Bytes sent.
    pub bytes: u64,
    /// Connections begun.
    pub connections: u64,
    /// Connections open.
    pub open: u64,
    /// Time from a request's arrival to its answer, summed up.
    pub handling_s: f64,
    /// Requests that took longer than `--slow-ms`.
    pub slow: u64,
    /// CPU time of whoever has the slot now.
    pub cpu_s: Option<f64>,
    /// The start of the last request's line; `null` if there was none, or if it could not be read
    /// in one piece.
    pub request: Option<String>,
    /// Whether the request line could not be read in one piece.
    pub torn: bool,
    /// Who has sent it, while the connection is there.
    pub client: Option<String>,
}

impl Worker {
    /// The letter as a state.
    pub fn state(&self) -> State {
        State::of_letter(self.state)
    }
}

impl Report {
    /// As one JSON object, which reads back as the same report.
    pub fn json(&self) -> String {
        // Plain numbers and strings, and no map whose keys could be none: it does not fail.
        serde_json::to_string_pretty(self)
            .map_or_else(|error| error.to_string(), |json| json + "\n")
    }

    /// Requests per second since the start.
    pub fn requests_per_s(&self) -> f64 {
        per(self.requests as f64, self.uptime_s)
    }
}

/// A quotient; 0 where there is nothing to divide by.
fn per(amount: f64, by: f64) -> f64 {
    if by > 0.0 { amount / by } else { 0.0 }
}
