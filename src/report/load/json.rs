//! A run as one JSON object.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::load::{Outcome, Plan};

/// What `servers load --json` prints. Names end in their units.
#[derive(Serialize)]
pub struct Json {
    url: String,
    keep_alive: bool,
    interrupted: bool,
    attempted: u64,
    requests: u64,
    errors: BTreeMap<&'static str, u64>,
    client_errors: BTreeMap<&'static str, u64>,
    in_flight_at_stop: u64,
    never_answered: u64,
    duration_s: f64,
    requests_per_s: f64,
    connections: usize,
    threads: usize,
    connections_opened: u64,
    bytes: u64,
    latency_us: Latency,
    generator_cpu_s: f64,
    generator_cpu_share: f64,
    littles_law_gap: f64,
}

/// Null where nothing was answered. All percentiles are given, however few the samples: it is
/// for the reader to compare with `requests`.
#[derive(Serialize)]
struct Latency {
    mean: Option<f64>,
    p50: Option<f64>,
    p90: Option<f64>,
    p99: Option<f64>,
    p999: Option<f64>,
    max: Option<f64>,
}

/// The outcome for programs. Failures that are the generator's own stand apart from the server's.
pub fn json(plan: &Plan, outcome: &Outcome) -> Json {
    let errors = |by_client: bool| {
        let kinds = outcome
            .errors
            .kinds()
            .filter(move |(kind, _)| kind.is_client() == by_client);
        kinds.map(|(kind, count)| (kind.name(), count)).collect()
    };
    Json {
        url: plan.target.to_string(),
        keep_alive: plan.keep_alive,
        interrupted: outcome.interrupted,
        attempted: outcome.attempted,
        requests: outcome.requests,
        errors: errors(false),
        client_errors: errors(true),
        in_flight_at_stop: outcome.in_flight_at_stop,
        never_answered: outcome.never_answered,
        duration_s: outcome.duration.as_secs_f64(),
        requests_per_s: outcome.requests_per_s(),
        connections: outcome.connections,
        threads: outcome.threads,
        connections_opened: outcome.connections_opened,
        bytes: outcome.bytes,
        latency_us: Latency::of(outcome),
        generator_cpu_s: outcome.cpu.as_secs_f64(),
        generator_cpu_share: outcome.cpu_share(),
        littles_law_gap: outcome.littles_law_gap(),
    }
}

impl Latency {
    fn of(outcome: &Outcome) -> Self {
        let latency = &outcome.latency;
        let in_us = |ns: f64| (!latency.is_empty()).then_some(ns / 1000.0);
        let at = |quantile| in_us(latency.value_at_quantile(quantile) as f64);
        Self {
            mean: in_us(latency.mean()),
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: in_us(latency.max() as f64),
        }
    }
}
