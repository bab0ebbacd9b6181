//! The rows of a run's JSON object.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::whole;
use crate::load::{Expectation, Outcome, Second, SlowClients};

/// How often and how long all connections of an open loop were busy.
#[derive(Serialize, Deserialize)]
pub(in crate::report::load) struct Limit {
    pub(in crate::report::load) requests_waited: u64,
    pub(in crate::report::load) reached_s: f64,
}

/// Null where nothing was measured. All percentiles are given, however few the samples: `count`
/// is there to judge them by.
#[derive(Serialize, Deserialize)]
pub(in crate::report::load) struct Times {
    pub(in crate::report::load) count: u64,
    pub(in crate::report::load) mean: Option<f64>,
    pub(in crate::report::load) p50: Option<f64>,
    pub(in crate::report::load) p90: Option<f64>,
    pub(in crate::report::load) p99: Option<f64>,
    pub(in crate::report::load) p999: Option<f64>,
    pub(in crate::report::load) max: Option<f64>,
}

/// Where requests that were pending at the end put a percentile in doubt, the least that it is.
#[derive(Serialize, Deserialize)]
pub(in crate::report::load) struct AtLeast {
    pub(in crate::report::load) p50: Option<f64>,
    pub(in crate::report::load) p90: Option<f64>,
    pub(in crate::report::load) p99: Option<f64>,
    pub(in crate::report::load) p999: Option<f64>,
    pub(in crate::report::load) max: Option<f64>,
}

#[derive(Serialize, Deserialize)]
pub(in crate::report::load) struct SecondRow {
    pub(in crate::report::load) second: u64,
    pub(in crate::report::load) length_s: f64,
    pub(in crate::report::load) attempted: u64,
    pub(in crate::report::load) requests: u64,
    pub(in crate::report::load) failed: u64,
    pub(in crate::report::load) waiting: u64,
    pub(in crate::report::load) connections: u64,
    pub(in crate::report::load) response_us: Times,
    /// The response times, whole.
    pub(in crate::report::load) response: Option<String>,
}

#[derive(Serialize, Deserialize)]
pub(in crate::report::load) struct Slow {
    pub(in crate::report::load) wanted: usize,
    pub(in crate::report::load) opened: u64,
    pub(in crate::report::load) closed_by_server: u64,
    pub(in crate::report::load) refused: u64,
}

#[derive(Serialize, Deserialize)]
pub(in crate::report::load) struct MarkRow {
    pub(in crate::report::load) mark: String,
    pub(in crate::report::load) meaning: String,
}

#[derive(Serialize, Deserialize)]
pub(in crate::report::load) struct ExpectationRow {
    pub(in crate::report::load) expectation: String,
    pub(in crate::report::load) measured: Option<f64>,
    pub(in crate::report::load) bound: f64,
    pub(in crate::report::load) met: bool,
}

impl Limit {
    pub(super) fn of(outcome: &Outcome) -> Self {
        Self {
            requests_waited: outcome.waited,
            reached_s: outcome.limit_reached.as_secs_f64(),
        }
    }
}

impl ExpectationRow {
    pub(super) fn of(expectation: &Expectation, outcome: &Outcome) -> Self {
        Self {
            expectation: expectation.to_string(),
            measured: expectation.measured(outcome),
            bound: expectation.bound,
            met: expectation.is_met(outcome),
        }
    }
}

impl Times {
    pub(super) fn of(times: &Histogram<u64>) -> Self {
        let in_us = |ns: f64| (!times.is_empty()).then_some(ns / 1000.0);
        let at = |quantile| in_us(times.value_at_quantile(quantile) as f64);
        Self {
            count: times.len(),
            mean: in_us(times.mean()),
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: in_us(times.max() as f64),
        }
    }
}

impl AtLeast {
    pub(super) fn of(outcome: &Outcome) -> Self {
        let at = |quantile| outcome.at_least(quantile).map(|ns| ns as f64 / 1000.0);
        Self {
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: at(1.0),
        }
    }
}

impl SecondRow {
    pub(super) fn of(second: &Second) -> Self {
        let histogram = second.histogram();
        Self {
            second: second.index,
            length_s: second.length_ns as f64 / 1e9,
            attempted: second.attempted,
            requests: second.requests,
            failed: second.failed,
            waiting: second.waiting,
            connections: second.connections,
            response_us: Times::of(&histogram),
            response: Some(whole::encoded(&histogram)),
        }
    }
}

impl Slow {
    pub(super) fn of(slow: SlowClients) -> Self {
        Self {
            wanted: slow.wanted,
            opened: slow.opened,
            closed_by_server: slow.closed_by_server,
            refused: slow.refused,
        }
    }
}
