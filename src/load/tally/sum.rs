//! What all threads of a run have counted.

use std::borrow::Cow;
use std::time::Duration;

use super::Tally;
use crate::load::Plan;
use crate::load::histogram::add;
use crate::load::outcome::Outcome;
use crate::load::queue::Queue;
use crate::load::series;
use crate::load::shared::{Patience, Shared};

/// The outcome of a run: what its threads have counted, and what is left of its queue.
pub(in crate::load) fn sum(
    plan: &Plan,
    tallies: &[Tally],
    shared: &Shared,
    queue: Queue,
) -> Outcome {
    let warm_up = plan.warm_up.as_nanos() as u64;
    let mut outcome = Outcome::empty(plan);
    outcome.threads = tallies.len();
    for tally in tallies {
        let measured = tally.ended.saturating_sub(warm_up);
        outcome.duration = outcome.duration.max(Duration::from_nanos(measured));
        let opening = Duration::from_nanos(tally.opened.saturating_sub(warm_up));
        outcome.opening = outcome.opening.max(opening);
        add_counts(&mut outcome, tally);
        add_times(&mut outcome, tally);
        outcome.address = outcome.address.take().or_else(|| {
            let used = tally.address?;
            plan.target.addresses.get(used).cloned()
        });
    }
    if plan.schedule.is_none() {
        outcome.service = outcome.latency.clone();
    }
    outcome.planned = plan.planned().unwrap_or(outcome.attempted);
    outcome.never_sent = outcome.planned.saturating_sub(outcome.attempted);
    outcome.seconds = series::merged(tallies.iter().flat_map(|tally| &tally.seconds));
    outcome.early_end = shared.early_end(0, Patience::new(plan), None);
    let ended = tallies.iter().map(|tally| tally.ended).max().unwrap_or(0);
    add_waiting(&mut outcome, queue, ended);
    let gone = shared.gone_since(ended, Patience::new(plan));
    outcome.gone_since = gone.map(|since| Duration::from_nanos(since.saturating_sub(warm_up)));
    outcome
}

fn add_counts(outcome: &mut Outcome, tally: &Tally) {
    outcome.requests += tally.requests;
    outcome.attempted += tally.attempted;
    outcome.errors += &tally.errors;
    outcome.warm_up_requests += tally.warm_up_requests;
    let statuses = tally.statuses.iter().enumerate();
    for (status, count) in statuses.filter(|(_, count)| **count > 0) {
        *outcome.statuses.entry(status as u16).or_default() += count;
    }
    let reason = tally.malformed.map(|it| Cow::Borrowed(it.reason));
    outcome.malformed = outcome.malformed.take().or(reason);
    outcome.in_flight_at_stop += tally.in_flight.len();
    let oldest = Duration::from_nanos(tally.oldest_ns);
    outcome.oldest_pending = outcome.oldest_pending.max(oldest);
    outcome.never_answered += tally.never_answered;
    outcome.connections_opened += tally.connections_opened;
    outcome.bytes += tally.bytes;
    outcome.cpu += tally.cpu;
    outcome.interrupted |= tally.interrupted;
    outcome.waited += tally.waited;
}

/// Requests that are left in the queue count with their age.
fn add_waiting(outcome: &mut Outcome, queue: Queue, ended: u64) {
    let left = queue.close(ended);
    outcome.limit_reached = Duration::from_nanos(left.limit_ns);
    for due in left.requests.iter().filter(|due| due.is_measured) {
        let age = ended.saturating_sub(due.intended);
        outcome.never_sent_due += 1;
        outcome.pending.saturating_record(age);
        outcome.oldest_pending = outcome.oldest_pending.max(Duration::from_nanos(age));
    }
}

fn add_times(outcome: &mut Outcome, tally: &Tally) {
    for (sum, part) in [
        (&mut outcome.latency, &tally.response),
        (&mut outcome.service, &tally.service),
        (&mut outcome.timer_lag, &tally.timer_lag),
        (&mut outcome.connection_wait, &tally.connection_wait),
        (&mut outcome.connect, &tally.connect),
        (&mut outcome.first_byte, &tally.first_byte),
        (&mut outcome.pending, &tally.in_flight),
    ] {
        add(sum, part);
    }
}
