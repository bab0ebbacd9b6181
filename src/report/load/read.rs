//! A result read back from what `servers load` or `servers merge` has written.

use std::time::Duration;

use hdrhistogram::Histogram;
use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};

use super::hlog::OBJECT;
use super::json::{GeneratorRow, Json, POISSON, SCHEMA, SERVER_GONE, SecondRow, Slow};
use super::json::{TOO_MANY_ERRORS, decoded, duration};
use crate::load::{
    Amount, Arrivals, EarlyEnd, Errors, Outcome, Part, Plan, RequestTemplate, Second, SlowClients,
    Target, Workload,
};

/// Why a file is no result. A sentence that goes on after the file's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(String);

impl From<String> for Unreadable {
    fn from(reason: String) -> Self {
        Self(reason)
    }
}

/// Reads a result, of `--json` or `--hlog`.
///
/// # Errors
/// Text that is no result of this program, or of another version of it.
pub fn read(name: &str, text: &str) -> Result<Part, Unreadable> {
    if text.trim().is_empty() {
        return Err(Unreadable(
            "is empty: its generator ended without a result".to_owned(),
        ));
    }
    let json: Json = match text.starts_with('#') {
        true => of_log(text)?,
        false => parse(text)?,
    };
    Ok(part(name, json)?)
}

fn parse(text: &str) -> Result<Json, String> {
    let value: serde_json::Value = serde_json::from_str(text)
        .map_err(|error| format!("is no result of servers load --json: {error}"))?;
    match value["schema"].as_u64() {
        Some(schema) if schema == u64::from(SCHEMA) => serde_json::from_value(value)
            .map_err(|error| format!("is no result of servers load --json: {error}")),
        Some(schema) => Err(format!(
            "is of schema {schema}, and this program reads {SCHEMA}: measure again"
        )),
        None => Err("is no result of servers load --json: it has no schema".to_owned()),
    }
}

/// The object in the first comment of an interval log, with the log's histograms.
fn of_log(text: &str) -> Result<Json, String> {
    let object = text.lines().find_map(|line| line.strip_prefix(OBJECT));
    let object = object.ok_or("is an interval log of another program, or of an older version")?;
    let mut json = parse(object)?;
    for entry in IntervalLogIterator::new(text.as_bytes()) {
        let entry = entry.map_err(|error| format!("is a broken interval log: {error:?}"))?;
        let LogEntry::Interval(interval) = entry else {
            continue;
        };
        let index = interval.start_timestamp().as_secs();
        let mut seconds = json.seconds.iter_mut();
        if let Some(second) = seconds.find(|it| it.second == index) {
            second.response = Some(interval.encoded_histogram().to_owned());
        }
    }
    match json.seconds.iter().all(|it| it.response.is_some()) {
        true => Ok(json),
        false => Err("lacks some of its seconds".to_owned()),
    }
}

fn part(name: &str, json: Json) -> Result<Part, String> {
    let plan = plan(&json)?;
    let outcome = outcome(&plan, &json)?;
    if !outcome.is_complete() {
        return Err("contradicts itself: its counts do not add up to its plan".to_owned());
    }
    let generators = json.generators.into_iter();
    Ok(Part {
        name: name.to_owned(),
        generators: generators
            .map(|row| row.generator(name))
            .collect::<Result<_, _>>()?,
        plan,
        outcome,
    })
}

/// The plan, as far as a report shows it.
fn plan(json: &Json) -> Result<Plan, String> {
    let address = json.address.as_ref().and_then(|it| it.parse().ok());
    let target = Target::named(&json.url, address).map_err(|error| error.to_string())?;
    let arrivals = match json.arrivals.as_deref() {
        Some(POISSON) => Arrivals::Poisson,
        _ => Arrivals::Constant,
    };
    let schedule = json.schedule.as_ref();
    let schedule = schedule.map(|it| it.schedule(arrivals)).transpose()?;
    let think = Duration::from_nanos(u64::from(json.thinks));
    Ok(Plan {
        schedule,
        workload: Workload::new(vec![RequestTemplate {
            think,
            ..RequestTemplate::default()
        }]),
        connections: json.connections,
        threads: json.threads,
        amount: Amount::Duration(duration(json.duration_s)?),
        warm_up: duration(json.warm_up_s)?,
        keep_alive: json.keep_alive,
        requests_per_connection: json.requests_per_connection,
        seed: json.seed,
        spin: json.spin,
        timer_slack: duration(json.timer_slack_us / 1e6)?,
        ..Plan::new(target)
    })
}

fn outcome(plan: &Plan, json: &Json) -> Result<Outcome, String> {
    let us = |us: Option<f64>| duration(us.unwrap_or(0.0) / 1e6);
    let address = plan.target.addresses.first().cloned();
    let mut outcome = Outcome {
        planned: json.planned,
        requests: json.requests,
        attempted: json.attempted,
        errors: errors(json)?,
        in_flight_at_stop: json.in_flight_at_stop,
        never_sent: json.never_sent,
        never_sent_due: json.never_sent_due,
        oldest_pending: us(json.oldest_pending_us)?,
        never_answered: json.never_answered,
        statuses: json.statuses.clone(),
        malformed: json.bad_response.clone().map(Into::into),
        seconds: json.seconds.iter().map(second).collect::<Result<_, _>>()?,
        waited: json.connection_limit.requests_waited,
        limit_reached: duration(json.connection_limit.reached_s)?,
        opening: duration(json.opening_s)?,
        began: GeneratorRow::first(&json.generators)?,
        duration: duration(json.duration_s)?,
        warm_up_requests: json.warm_up_requests,
        connections: json.connections,
        connections_opened: json.connections_opened,
        bytes: json.bytes,
        cpu: duration(json.generator_cpu_s)?,
        threads: json.threads,
        address: address.filter(|_| json.address.is_some()),
        interrupted: json.interrupted,
        early_end: match json.ended.as_str() {
            SERVER_GONE => Some(EarlyEnd::ServerGone),
            TOO_MANY_ERRORS => Some(EarlyEnd::TooManyErrors),
            _ => None,
        },
        gone_since: json.gone_since_s.map(duration).transpose()?,
        slow_clients: json.slow_clients.as_ref().map(slow_clients),
        ..Outcome::empty(plan)
    };
    json.histograms.fill(&mut outcome)?;
    Ok(outcome)
}

fn errors(json: &Json) -> Result<Errors, String> {
    let all = json.errors.iter().chain(&json.client_errors);
    let all = all.map(|(kind, count)| (kind.clone(), *count));
    Errors::try_from(all.collect::<std::collections::BTreeMap<_, _>>())
}

fn second(row: &SecondRow) -> Result<Second, String> {
    let text = row.response.as_deref();
    let times: Histogram<u64> = decoded(text.ok_or("lacks the histogram of a second")?)?;
    let values = times.iter_recorded();
    Ok(Second {
        index: row.second,
        length_ns: (row.length_s * 1e9).round() as u64,
        attempted: row.attempted,
        requests: row.requests,
        failed: row.failed,
        waiting: row.waiting,
        connections: row.connections,
        latency_ns: values
            .map(|step| (step.value_iterated_to(), step.count_at_value()))
            .collect(),
    })
}

fn slow_clients(row: &Slow) -> SlowClients {
    SlowClients {
        wanted: row.wanted,
        opened: row.opened,
        closed_by_server: row.closed_by_server,
        refused: row.refused,
    }
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
