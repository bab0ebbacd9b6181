//! The generators of a result, each with its own account.

use std::fs;
use std::process;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::whole::duration;
use crate::load::{EarlyEnd, Generator, Outcome, Plan, Rank, marks};

pub(in crate::report::load) const SERVER_GONE: &str = "server_gone";
pub(in crate::report::load) const TOO_MANY_ERRORS: &str = "too_many_errors";

/// One generator.
#[derive(Serialize, Deserialize)]
pub(in crate::report::load) struct GeneratorRow {
    /// The result that it wrote, where it was read from there.
    result: Option<String>,
    host: String,
    process: u32,
    rank: Option<u32>,
    ranks: Option<u32>,
    start_at_s: Option<f64>,
    began_at_s: f64,
    duration_s: f64,
    ended: String,
    planned: u64,
    attempted: u64,
    requests: u64,
    failed: u64,
    p50_us: Option<f64>,
    p99_us: Option<f64>,
    cpu_share: f64,
    marks: Vec<String>,
}

impl GeneratorRow {
    /// This process, which has measured.
    pub(super) fn own(plan: &Plan, outcome: &Outcome) -> Self {
        let at = |quantile| {
            let ns = outcome.latency.value_at_quantile(quantile);
            (!outcome.latency.is_empty()).then_some(ns as f64 / 1000.0)
        };
        let marks = marks::marks(plan, outcome).into_iter();
        Self {
            result: None,
            host: host(),
            process: process::id(),
            rank: plan.rank.map(|it| it.index),
            ranks: plan.rank.map(|it| it.count),
            start_at_s: plan.start_at.map(since_epoch),
            began_at_s: since_epoch(outcome.began),
            duration_s: outcome.duration.as_secs_f64(),
            ended: ended(outcome),
            planned: outcome.planned,
            attempted: outcome.attempted,
            requests: outcome.requests,
            failed: outcome.errors.total(),
            p50_us: at(0.5),
            p99_us: at(0.99),
            cpu_share: outcome.cpu_share(),
            marks: marks.map(|mark| mark.name().to_owned()).collect(),
        }
    }

    pub(super) fn of(it: &Generator) -> Self {
        let us = |ns: Option<u64>| ns.map(|ns| ns as f64 / 1000.0);
        Self {
            result: Some(it.name.clone()),
            host: it.host.clone(),
            process: it.process,
            rank: it.rank.map(|rank| rank.index),
            ranks: it.rank.map(|rank| rank.count),
            start_at_s: None,
            began_at_s: since_epoch(it.began),
            duration_s: it.duration.as_secs_f64(),
            ended: it.ended.clone(),
            planned: it.planned,
            attempted: it.attempted,
            requests: it.requests,
            failed: it.failed,
            p50_us: us(it.p50_ns),
            p99_us: us(it.p99_ns),
            cpu_share: it.cpu_share,
            marks: it.marks.clone(),
        }
    }

    /// The generator that the row of a file tells of.
    ///
    /// # Errors
    /// A time that is none.
    pub(in crate::report::load) fn generator(self, file: &str) -> Result<Generator, String> {
        let ns = |us: Option<f64>| us.map(|us| (us * 1000.0).round() as u64);
        let rank = match (self.rank, self.ranks) {
            (Some(index), Some(count)) if index < count => Some(Rank { index, count }),
            (None, None) => None,
            _ => return Err("a generator has no rank among its ranks".to_owned()),
        };
        Ok(Generator {
            name: self.result.unwrap_or_else(|| file.to_owned()),
            host: self.host,
            process: self.process,
            rank,
            began: moment(self.began_at_s)?,
            duration: duration(self.duration_s)?,
            ended: self.ended,
            planned: self.planned,
            attempted: self.attempted,
            requests: self.requests,
            failed: self.failed,
            p50_ns: ns(self.p50_us),
            p99_ns: ns(self.p99_us),
            cpu_share: self.cpu_share,
            marks: self.marks,
        })
    }

    /// When the first of several measurements began.
    pub(in crate::report::load) fn first(rows: &[Self]) -> Result<SystemTime, String> {
        let first = rows.iter().map(|it| it.began_at_s).reduce(f64::min);
        moment(first.ok_or("no generator is named")?)
    }
}

/// How a run ended, in a word.
pub(super) fn ended(outcome: &Outcome) -> String {
    let ended = match outcome.early_end {
        Some(EarlyEnd::ServerGone) => SERVER_GONE,
        Some(EarlyEnd::TooManyErrors) => TOO_MANY_ERRORS,
        None if outcome.interrupted => "interrupted",
        None => "done",
    };
    ended.to_owned()
}

/// The name of this machine (proc(5): `/proc/sys/kernel/hostname`).
fn host() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname");
    name.map_or_else(|_| "unknown".to_owned(), |name| name.trim().to_owned())
}

/// In s since 1970, exact to the microsecond.
fn since_epoch(moment: SystemTime) -> f64 {
    let since = moment.duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_micros() as f64 / 1e6
}

fn moment(seconds: f64) -> Result<SystemTime, String> {
    let micros = duration(seconds)?.as_secs_f64() * 1e6;
    Ok(UNIX_EPOCH + Duration::from_micros(micros.round() as u64))
}
