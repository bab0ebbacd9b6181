//! What is added: one result, and the generators that measured it.

use std::time::{Duration, SystemTime};

use crate::load::{Outcome, Plan, Rank};

/// One result to be added: of a generator, or of several that were added before.
#[derive(Debug, Clone)]
pub struct Part {
    /// Where it comes from.
    pub name: String,
    /// What was planned, as far as the result tells it.
    pub plan: Plan,
    /// What was measured.
    pub outcome: Outcome,
    /// Those that measured it.
    pub generators: Vec<Generator>,
}

/// One generator's account of itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Generator {
    /// The result that it wrote.
    pub name: String,
    /// Its machine.
    pub host: String,
    /// Its process ID.
    pub process: u32,
    /// Its part of a common schedule.
    pub rank: Option<Rank>,
    /// When its measurement began, by the clock of its machine.
    pub began: SystemTime,
    /// How long it measured.
    pub duration: Duration,
    /// `done`, or why it ended before its time.
    pub ended: String,
    /// Requests of its plan.
    pub planned: u64,
    /// Requests that it began.
    pub attempted: u64,
    /// Requests answered and verified.
    pub requests: u64,
    /// Requests failed.
    pub failed: u64,
    /// The median of its response times in ns.
    pub p50_ns: Option<u64>,
    /// Their 99th percentile in ns.
    pub p99_ns: Option<u64>,
    /// How busy it was itself, 0 to 1.
    pub cpu_share: f64,
    /// The names of its marks.
    pub marks: Vec<String>,
}

impl Generator {
    /// What ended its measurement early, if anything did.
    pub fn is_whole(&self) -> bool {
        self.ended == "done"
    }

    pub(super) fn end(&self) -> SystemTime {
        self.began + self.duration
    }
}
