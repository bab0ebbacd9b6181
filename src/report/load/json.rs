//! A run as one JSON object. The book documents it; a change that breaks readers raises the
//! schema's number.

mod generators;
mod rows;
mod whole;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::sentences;
use crate::load::{Arrivals, Expectation, Merged, Outcome, Plan, Schedule, marks};
use rows::{AtLeast, ExpectationRow, Limit, MarkRow, Times};
use whole::{Histograms, ScheduleRow};

pub(super) use generators::{GeneratorRow, SERVER_GONE, TOO_MANY_ERRORS};
pub(super) use rows::{SecondRow, Slow};
pub(super) use whole::{decoded, duration};

/// The version of the object's meaning.
pub const SCHEMA: u32 = 2;

const CONSTANT: &str = "constant";
pub(super) const POISSON: &str = "poisson";

/// What `servers load --json` prints, and `servers merge` reads and prints. Names end in their
/// units.
#[derive(Serialize, Deserialize)]
pub struct Json {
    pub(super) schema: u32,
    pub(super) url: String,
    pub(super) address: Option<String>,
    pub(super) mode: String,
    pub(super) arrivals: Option<String>,
    pub(super) rate_per_s: Option<f64>,
    pub(super) seed: u64,
    pub(super) schedule: Option<ScheduleRow>,
    pub(super) timer_slack_us: f64,
    pub(super) spin: bool,
    pub(super) thinks: bool,
    pub(super) keep_alive: bool,
    pub(super) requests_per_connection: Option<u64>,
    pub(super) ended: String,
    pub(super) interrupted: bool,
    pub(super) gone_since_s: Option<f64>,
    pub(super) planned: u64,
    pub(super) attempted: u64,
    pub(super) requests: u64,
    pub(super) errors: BTreeMap<String, u64>,
    pub(super) client_errors: BTreeMap<String, u64>,
    pub(super) bad_response: Option<String>,
    pub(super) statuses: BTreeMap<u16, u64>,
    pub(super) in_flight_at_stop: u64,
    pub(super) never_sent: u64,
    pub(super) never_sent_due: u64,
    pub(super) oldest_pending_us: Option<f64>,
    pub(super) never_answered: u64,
    pub(super) opening_s: f64,
    pub(super) warm_up_s: f64,
    pub(super) warm_up_requests: u64,
    pub(super) duration_s: f64,
    pub(super) requests_per_s: f64,
    pub(super) achieved_share: f64,
    pub(super) connections: usize,
    pub(super) threads: usize,
    pub(super) connections_opened: u64,
    pub(super) connection_limit: Limit,
    pub(super) bytes: u64,
    pub(super) latency_us: Times,
    pub(super) response_us: Times,
    pub(super) service_us: Times,
    pub(super) timer_lag_us: Times,
    pub(super) connection_wait_us: Times,
    pub(super) connect_us: Times,
    pub(super) first_byte_us: Times,
    pub(super) response_at_least_us: AtLeast,
    pub(super) seconds: Vec<SecondRow>,
    pub(super) histograms: Histograms,
    pub(super) generators: Vec<GeneratorRow>,
    pub(super) skew_s: f64,
    pub(super) overlap_share: f64,
    pub(super) slow_clients: Option<Slow>,
    pub(super) generator_cpu_s: f64,
    pub(super) generator_cpu_share: f64,
    pub(super) littles_law_gap: f64,
    pub(super) marks: Vec<MarkRow>,
    pub(super) expectations: Vec<ExpectationRow>,
}

/// The outcome for programs. Failures that are the generator's own stand apart from the server's.
pub fn json(plan: &Plan, outcome: &Outcome, expectations: &[Expectation]) -> Json {
    Json {
        schema: SCHEMA,
        url: plan.target.to_string(),
        address: outcome.address.as_ref().map(ToString::to_string),
        mode: if outcome.is_open_loop {
            "open".to_owned()
        } else {
            "closed".to_owned()
        },
        arrivals: plan.schedule.as_ref().map(arrivals),
        rate_per_s: plan.schedule.as_ref().map(Schedule::rate),
        seed: plan.seed,
        schedule: plan.schedule.as_ref().map(ScheduleRow::of),
        timer_slack_us: plan.timer_slack.as_nanos() as f64 / 1000.0,
        spin: plan.spin,
        thinks: thinks(plan),
        keep_alive: plan.keep_alive,
        requests_per_connection: plan.requests_per_connection,
        ended: generators::ended(outcome),
        interrupted: outcome.interrupted,
        gone_since_s: outcome.gone_since.map(|since| since.as_secs_f64()),
        planned: outcome.planned,
        attempted: outcome.attempted,
        requests: outcome.requests,
        errors: errors(outcome, false),
        client_errors: errors(outcome, true),
        bad_response: outcome.malformed.as_ref().map(ToString::to_string),
        statuses: outcome.statuses.clone(),
        in_flight_at_stop: outcome.in_flight_at_stop,
        never_sent: outcome.never_sent,
        never_sent_due: outcome.never_sent_due,
        oldest_pending_us: oldest_pending_us(outcome),
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
        connection_limit: Limit::of(outcome),
        bytes: outcome.bytes,
        latency_us: Times::of(&outcome.latency),
        response_us: Times::of(&outcome.latency),
        service_us: Times::of(&outcome.service),
        timer_lag_us: Times::of(&outcome.timer_lag),
        connection_wait_us: Times::of(&outcome.connection_wait),
        connect_us: Times::of(&outcome.connect),
        first_byte_us: Times::of(&outcome.first_byte),
        response_at_least_us: AtLeast::of(outcome),
        seconds: outcome.seconds.iter().map(SecondRow::of).collect(),
        histograms: Histograms::of(outcome),
        generators: vec![GeneratorRow::own(plan, outcome)],
        skew_s: 0.0,
        overlap_share: 1.0,
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

/// The sum of several results, for programs: the same object, with every generator's account.
pub fn merged_json(merged: &Merged, expectations: &[Expectation]) -> Json {
    let mut json = json(&merged.plan, &merged.outcome, expectations);
    json.generators = merged.generators.iter().map(GeneratorRow::of).collect();
    json.skew_s = merged.skew.as_secs_f64();
    json.overlap_share = merged.overlap;
    json.marks
        .extend(merged.remarks.iter().map(|remark| MarkRow {
            mark: remark.name().to_owned(),
            meaning: sentences::of_remark(remark),
        }));
    json
}

impl Json {
    /// The object without the histograms of its seconds, which an interval log has beside it.
    pub(super) fn without_seconds_whole(mut self) -> Self {
        for second in &mut self.seconds {
            second.response = None;
        }
        self
    }
}

fn mark_rows(plan: &Plan, outcome: &Outcome) -> Vec<MarkRow> {
    let marks = marks::marks(plan, outcome).into_iter();
    marks
        .map(|mark| MarkRow {
            mark: mark.name().to_owned(),
            meaning: sentences::of_mark(mark, plan, outcome),
        })
        .collect()
}

fn arrivals(schedule: &Schedule) -> String {
    match schedule.arrivals() {
        Arrivals::Constant => CONSTANT.to_owned(),
        Arrivals::Poisson => POISSON.to_owned(),
    }
}

fn oldest_pending_us(outcome: &Outcome) -> Option<f64> {
    let us = outcome.oldest_pending.as_nanos() as f64 / 1000.0;
    (!outcome.pending.is_empty()).then_some(us)
}

fn thinks(plan: &Plan) -> bool {
    let mut requests = plan.workload.requests().iter();
    requests.any(|it| !it.think.is_zero())
}

fn errors(outcome: &Outcome, by_client: bool) -> BTreeMap<String, u64> {
    let kinds = outcome.errors.kinds();
    let kinds = kinds.filter(|(kind, _)| kind.is_client() == by_client);
    kinds
        .map(|(kind, count)| (kind.name().to_owned(), count))
        .collect()
}
