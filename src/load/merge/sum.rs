//! The sum of several outcomes, field by field.

use std::time::{Duration, SystemTime};

use crate::load::histogram::add;
use crate::load::series::{Second, merged};
use crate::load::{Outcome, Plan, SlowClients};

/// Counts and histograms are added. The window reaches from the first beginning to the last end.
pub(super) fn of(plan: &Plan, outcomes: &[&Outcome]) -> Outcome {
    let mut sum = Outcome::empty(plan);
    let outcomes = || outcomes.iter().copied();
    let began = outcomes().map(|it| it.began).min();
    sum.began = began.unwrap_or(SystemTime::UNIX_EPOCH);
    let since = |moment: SystemTime| moment.duration_since(sum.began).unwrap_or_default();
    sum.duration = (outcomes().map(|it| since(it.began) + it.duration).max()).unwrap_or_default();
    let seconds: Vec<Second> = outcomes()
        .flat_map(|it| shifted(&it.seconds, since(it.began)))
        .collect();
    sum.seconds = merged(&seconds);
    sum.connections = outcomes().map(|it| it.connections).sum();
    for outcome in outcomes() {
        add_counts(&mut sum, outcome);
        add_times(&mut sum, outcome);
        add_ends(&mut sum, outcome);
    }
    sum
}

/// A generator counts seconds from its own beginning. One that began whole seconds after the
/// first is shifted by them.
fn shifted(seconds: &[Second], since: Duration) -> impl Iterator<Item = Second> {
    let shift = since.as_secs();
    seconds.iter().cloned().map(move |second| Second {
        index: second.index + shift,
        ..second
    })
}

fn add_counts(sum: &mut Outcome, part: &Outcome) {
    sum.planned += part.planned;
    sum.requests += part.requests;
    sum.attempted += part.attempted;
    sum.errors += &part.errors;
    sum.in_flight_at_stop += part.in_flight_at_stop;
    sum.never_sent += part.never_sent;
    sum.never_sent_due += part.never_sent_due;
    sum.never_answered += part.never_answered;
    for (&status, count) in &part.statuses {
        *sum.statuses.entry(status).or_default() += count;
    }
    sum.waited += part.waited;
    sum.warm_up_requests += part.warm_up_requests;
    sum.connections_opened += part.connections_opened;
    sum.bytes += part.bytes;
    sum.threads += part.threads;
    sum.cpu += part.cpu;
}

fn add_times(sum: &mut Outcome, part: &Outcome) {
    for (sum, part) in [
        (&mut sum.latency, &part.latency),
        (&mut sum.service, &part.service),
        (&mut sum.timer_lag, &part.timer_lag),
        (&mut sum.connection_wait, &part.connection_wait),
        (&mut sum.connect, &part.connect),
        (&mut sum.first_byte, &part.first_byte),
        (&mut sum.pending, &part.pending),
    ] {
        add(sum, part);
    }
    sum.oldest_pending = sum.oldest_pending.max(part.oldest_pending);
    sum.limit_reached = sum.limit_reached.max(part.limit_reached);
    sum.opening = sum.opening.max(part.opening);
}

/// How the runs ended: the first reason stays.
fn add_ends(sum: &mut Outcome, part: &Outcome) {
    sum.malformed = sum.malformed.take().or_else(|| part.malformed.clone());
    sum.address = sum.address.take().or_else(|| part.address.clone());
    sum.interrupted |= part.interrupted;
    sum.early_end = sum.early_end.or(part.early_end);
    sum.gone_since = sum.gone_since.into_iter().chain(part.gone_since).min();
    sum.slow_clients = match (sum.slow_clients, part.slow_clients) {
        (Some(one), Some(other)) => Some(SlowClients {
            wanted: one.wanted + other.wanted,
            opened: one.opened + other.opened,
            closed_by_server: one.closed_by_server + other.closed_by_server,
            refused: one.refused + other.refused,
        }),
        (one, other) => one.or(other),
    };
}
