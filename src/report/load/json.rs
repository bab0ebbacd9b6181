//! A run as one JSON object. The book documents it; a change that breaks readers raises the
//! schema's number.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use serde::Serialize;

use super::sentences;
use crate::load::{
    Arrivals, EarlyEnd, Expectation, Outcome, Plan, Schedule, Second, SlowClients, marks,
};

/// The version of the object's meaning.
pub const SCHEMA: u32 = 1;

/// What `servers load --json` prints. Names end in their units.
#[derive(Serialize)]
pub struct Json {
    schema: u32,
    url: String,
    address: Option<String>,
    mode: &'static str,
    arrivals: Option<&'static str>,
    rate_per_s: Option<f64>,
    seed: u64,
    timer_slack_us: f64,
    keep_alive: bool,
    ended: &'static str,
    interrupted: bool,
    gone_since_s: Option<f64>,
    planned: u64,
    attempted: u64,
    requests: u64,
    errors: BTreeMap<&'static str, u64>,
    client_errors: BTreeMap<&'static str, u64>,
    bad_response: Option<&'static str>,
    statuses: BTreeMap<u16, u64>,
    in_flight_at_stop: u64,
    never_sent: u64,
    never_sent_due: u64,
    oldest_pending_us: Option<f64>,
    never_answered: u64,
    opening_s: f64,
    warm_up_s: f64,
    warm_up_requests: u64,
    duration_s: f64,
    requests_per_s: f64,
    achieved_share: f64,
    connections: usize,
    threads: usize,
    connections_opened: u64,
    connection_limit: Limit,
    bytes: u64,
    latency_us: Times,
    response_us: Times,
    service_us: Times,
    timer_lag_us: Times,
    connection_wait_us: Times,
    connect_us: Times,
    first_byte_us: Times,
    response_at_least_us: AtLeast,
    seconds: Vec<SecondRow>,
    slow_clients: Option<Slow>,
    generator_cpu_s: f64,
    generator_cpu_share: f64,
    littles_law_gap: f64,
    marks: Vec<MarkRow>,
    expectations: Vec<ExpectationRow>,
}

/// How often and how long all connections of an open loop were busy.
#[derive(Serialize)]
struct Limit {
    requests_waited: u64,
    reached_s: f64,
}

/// Null where nothing was measured. All percentiles are given, however few the samples: `count`
/// is there to judge them by.
#[derive(Serialize)]
struct Times {
    count: u64,
    mean: Option<f64>,
    p50: Option<f64>,
    p90: Option<f64>,
    p99: Option<f64>,
    p999: Option<f64>,
    max: Option<f64>,
}

/// Where requests that were pending at the end put a percentile in doubt, the least that it is.
#[derive(Serialize)]
struct AtLeast {
    p50: Option<f64>,
    p90: Option<f64>,
    p99: Option<f64>,
    p999: Option<f64>,
    max: Option<f64>,
}

#[derive(Serialize)]
struct SecondRow {
    second: u64,
    length_s: f64,
    attempted: u64,
    requests: u64,
    failed: u64,
    waiting: u64,
    connections: u64,
    response_us: Times,
}

#[derive(Serialize)]
struct Slow {
    wanted: usize,
    opened: u64,
    closed_by_server: u64,
    refused: u64,
}

#[derive(Serialize)]
struct MarkRow {
    mark: &'static str,
    meaning: String,
}

#[derive(Serialize)]
struct ExpectationRow {
    expectation: String,
    measured: Option<f64>,
    bound: f64,
    met: bool,
}

/// The outcome for programs. Failures that are the generator's own stand apart from the server's.
pub fn json(plan: &Plan, outcome: &Outcome, expectations: &[Expectation]) -> Json {
    let seconds = outcome.seconds.iter().map(SecondRow::of);
    Json {
        schema: SCHEMA,
        url: plan.target.to_string(),
        address: outcome.address.as_ref().map(ToString::to_string),
        mode: if outcome.is_open_loop {
            "open"
        } else {
            "closed"
        },
        arrivals: plan.schedule.as_ref().map(arrivals),
        rate_per_s: plan.schedule.as_ref().map(Schedule::rate),
        seed: plan.seed,
        timer_slack_us: plan.timer_slack.as_nanos() as f64 / 1000.0,
        keep_alive: plan.keep_alive,
        ended: ended(outcome),
        interrupted: outcome.interrupted,
        gone_since_s: outcome.gone_since.map(|since| since.as_secs_f64()),
        planned: outcome.planned,
        attempted: outcome.attempted,
        requests: outcome.requests,
        errors: errors(outcome, false),
        client_errors: errors(outcome, true),
        bad_response: outcome.malformed,
        statuses: outcome.statuses.clone(),
        in_flight_at_stop: outcome.in_flight_at_stop,
        never_sent: outcome.never_sent,
        never_sent_due: outcome.never_sent_due,
        oldest_pending_us: (!outcome.pending.is_empty())
            .then(|| outcome.oldest_pending.as_nanos() as f64 / 1000.0),
        never_answered: outcome.never_answered,
        opening_s: outcome.opening.as_secs_f64(),
        warm_up_s: plan.warm_up.as_secs_f64(),
        warm_up_requests: outcome.warm_up_requests,
        duration_s: outcome.duration.as_secs_f64(),
        requests_per_s: outcome.requests_per_s(),
        achieved_share: outcome.achieved_share(),
        connections: outcome.connections,
        threads: outcome.threads,
        connections_opened: outcome.connections_opened,
        connection_limit: Limit {
            requests_waited: outcome.waited,
            reached_s: outcome.limit_reached.as_secs_f64(),
        },
        bytes: outcome.bytes,
        latency_us: Times::of(&outcome.latency),
        response_us: Times::of(&outcome.latency),
        service_us: Times::of(&outcome.service),
        timer_lag_us: Times::of(&outcome.timer_lag),
        connection_wait_us: Times::of(&outcome.connection_wait),
        connect_us: Times::of(&outcome.connect),
        first_byte_us: Times::of(&outcome.first_byte),
        response_at_least_us: AtLeast::of(outcome),
        seconds: seconds.collect(),
        slow_clients: outcome.slow_clients.map(Slow::of),
        generator_cpu_s: outcome.cpu.as_secs_f64(),
        generator_cpu_share: outcome.cpu_share(),
        littles_law_gap: outcome.littles_law_gap(),
        marks: mark_rows(plan, outcome),
        expectations: expectations
            .iter()
            .map(|it| ExpectationRow::of(it, outcome))
            .collect(),
    }
}

fn mark_rows(plan: &Plan, outcome: &Outcome) -> Vec<MarkRow> {
    let marks = marks::marks(plan, outcome).into_iter();
    marks
        .map(|mark| MarkRow {
            mark: mark.name(),
            meaning: sentences::of_mark(mark, plan, outcome),
        })
        .collect()
}

impl ExpectationRow {
    fn of(expectation: &Expectation, outcome: &Outcome) -> Self {
        Self {
            expectation: expectation.to_string(),
            measured: expectation.measured(outcome),
            bound: expectation.bound,
            met: expectation.is_met(outcome),
        }
    }
}

fn arrivals(schedule: &Schedule) -> &'static str {
    match schedule.arrivals() {
        Arrivals::Constant => "constant",
        Arrivals::Poisson => "poisson",
    }
}

fn ended(outcome: &Outcome) -> &'static str {
    match outcome.early_end {
        Some(EarlyEnd::ServerGone) => "server_gone",
        Some(EarlyEnd::TooManyErrors) => "too_many_errors",
        None if outcome.interrupted => "interrupted",
        None => "done",
    }
}

fn errors(outcome: &Outcome, by_client: bool) -> BTreeMap<&'static str, u64> {
    let kinds = outcome.errors.kinds();
    let kinds = kinds.filter(|(kind, _)| kind.is_client() == by_client);
    kinds.map(|(kind, count)| (kind.name(), count)).collect()
}

impl Times {
    fn of(times: &Histogram<u64>) -> Self {
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
    fn of(outcome: &Outcome) -> Self {
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
    fn of(second: &Second) -> Self {
        Self {
            second: second.index,
            length_s: second.length_ns as f64 / 1e9,
            attempted: second.attempted,
            requests: second.requests,
            failed: second.failed,
            waiting: second.waiting,
            connections: second.connections,
            response_us: Times::of(&second.histogram()),
        }
    }
}

impl Slow {
    fn of(slow: SlowClients) -> Self {
        Self {
            wanted: slow.wanted,
            opened: slow.opened,
            closed_by_server: slow.closed_by_server,
            refused: slow.refused,
        }
    }
}
