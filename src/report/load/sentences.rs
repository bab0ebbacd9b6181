//! What a reader must know of a run, as sentences.

use std::fs;

use super::text;
use crate::load::marks::Mark;
use crate::load::{Expectation, Failure, Outcome, Plan, Quantity, Remark, Side};
use crate::report::wrap::wrapped;

/// A sentence as a note of its own.
pub(super) fn wrapped_note(sentence: &str, width: usize) -> String {
    wrapped(&format!("note: {sentence}"), width)
}

/// What a mark means in this run.
pub(super) fn of_mark(mark: Mark, plan: &Plan, outcome: &Outcome) -> String {
    let percent = |share: f64| format!("{:.0} %", share * 100.0);
    match mark {
        Mark::NothingMeasured => nothing_measured(outcome),
        Mark::ServerGone => format!(
            "the server has gone: the last answer came {:.2} s after the start, and then {}",
            outcome.gone_since.unwrap_or_default().as_secs_f64(),
            main_failure(outcome).map_or("nothing", Failure::reason),
        ),
        Mark::TooManyErrors => format!(
            "the run ended early: {:.2} % of the requests failed, more than --max-errors allows",
            outcome.error_share() * 100.0
        ),
        Mark::Errors => match &outcome.malformed {
            Some(reason) => format!("requests failed; the first bad response: {reason}"),
            None => "requests failed; the latencies are those of the others".to_owned(),
        },
        Mark::ClientErrors => client_errors(outcome),
        Mark::Starved => format!(
            "{} of {} connections never got an answer",
            text::count(outcome.never_answered),
            text::count(outcome.connections as u64)
        ),
        Mark::Opening => opening(outcome),
        Mark::LowerBounds => format!(
            "times with ≥ are lower bounds: {} had no answer at the end, the oldest for {}, and \
             count with their age",
            text::plural(outcome.pending.len(), "request"),
            text::time(outcome.oldest_pending.as_nanos() as u64)
        ),
        Mark::Stalls => {
            let (of_time, of_requests) = outcome.stalls();
            format!(
                "{} of the time passed in {:.2} % of the requests: the server stalled, and a \
                 closed loop asks little meanwhile; --rate shows what users would see",
                percent(of_time),
                of_requests * 100.0
            )
        }
        Mark::LittlesLaw => format!(
            "{} of the connections' time is in no answered request (Little's law)",
            percent(outcome.littles_law_gap())
        ),
        Mark::GeneratorBound => format!(
            "the generator used {} of its processors: the server may well be faster",
            percent(outcome.cpu_share())
        ),
        Mark::TimerLag => format!(
            "the generator sent late: 1 % of the requests by {} or more; another processor \
             (--cpus), fewer requests or --spin may help",
            text::time(outcome.timer_lag.value_at_quantile(0.99))
        ),
        Mark::Behind => format!(
            "only {:.1} % of the plan was sent: the server, or {} at most, did not keep up",
            outcome.achieved_share() * 100.0,
            text::plural(plan.connections_used() as u64, "connection")
        ),
        Mark::ConnectionLimit => format!(
            "{} found all {} busy, for {:.2} s in all: back-pressure of the server, or too few \
             connections (-c)",
            text::plural(outcome.waited, "request"),
            text::plural(outcome.connections as u64, "connection"),
            outcome.limit_reached.as_secs_f64()
        ),
    }
}

fn opening(outcome: &Outcome) -> String {
    format!(
        "connections were opened in the first {:.2} s of the measurement, which lowers the rate: \
         a longer --warmup leaves that out",
        outcome.opening.as_secs_f64()
    )
}

/// Why there is no figure.
fn nothing_measured(outcome: &Outcome) -> String {
    let statuses: Vec<String> = (outcome.statuses.iter())
        .map(|(status, count)| format!("{} × {status}", text::count(*count)))
        .collect();
    match main_failure(outcome) {
        Some(Failure::Status) => format!(
            "nothing was measured: every answer had a status that is no success ({})",
            statuses.join(", ")
        ),
        Some(Failure::BadResponse) => format!(
            "nothing was measured: the answers are malformed ({})",
            outcome.malformed.as_deref().unwrap_or("no reason known")
        ),
        Some(failure) => format!("nothing was measured: {}", failure.reason()),
        None if outcome.duration.is_zero() => {
            "nothing was measured: the run ended before its measurement began".to_owned()
        }
        None => format!(
            "nothing was measured: no answer came within {:.2} s",
            outcome.duration.as_secs_f64()
        ),
    }
}

/// The kind of failure that happened most often.
fn main_failure(outcome: &Outcome) -> Option<Failure> {
    let kinds = outcome.errors.kinds().filter(|(_, count)| *count > 0);
    kinds.max_by_key(|(_, count)| *count).map(|(kind, _)| kind)
}

fn client_errors(outcome: &Outcome) -> String {
    if outcome.errors.get(Failure::ClientPorts) == 0 {
        return "client errors are this machine's, and say nothing about the server".to_owned();
    }
    let waiting = match time_wait() {
        Some(count) => format!(" ({} in TIME_WAIT)", text::plural(count, "socket")),
        None => String::new(),
    };
    format!(
        "this machine's local ports are used up{waiting}: keep connections alive, wait a minute, \
         widen net.ipv4.ip_local_port_range, or connect from several --sources"
    )
}

/// How many sockets of this machine wait for stray segments (proc(5): `/proc/net/sockstat`).
fn time_wait() -> Option<u64> {
    let text = fs::read_to_string("/proc/net/sockstat").ok()?;
    let line = text.lines().find(|line| line.starts_with("TCP:"))?;
    let mut words = line.split_whitespace().skip_while(|word| *word != "tw");
    words.nth(1)?.parse().ok()
}

/// Whether an expectation was met, with the figure that was measured.
pub(super) fn of_expectation(expectation: &Expectation, outcome: &Outcome) -> String {
    let verdict = match expectation.is_met(outcome) {
        true => "met",
        false => "NOT met",
    };
    let side = match expectation.side {
        Side::Below => "below",
        Side::Above => "above",
    };
    let figure = |value: f64| match expectation.quantity {
        Quantity::Errors => format!("{:.3} %", value * 100.0),
        Quantity::Rate => format!("{}/s", text::rate(value)),
        _ => text::time(value as u64),
    };
    let measured = expectation.measured(outcome).map(figure);
    format!(
        "expected {expectation}: {verdict} ({}, should be {side} {})",
        measured.unwrap_or_else(|| "nothing measured".to_owned()),
        figure(expectation.bound)
    )
}

/// What a remark on several generators means.
pub(super) fn of_remark(remark: &Remark) -> String {
    let seconds = |time: std::time::Duration| text::time(time.as_nanos() as u64);
    match remark {
        Remark::MissingRanks {
            ranks,
            of,
            requests,
        } => {
            let ranks: Vec<String> = ranks.iter().map(ToString::to_string).collect();
            format!(
                "no result of rank {} of {of}: {} of the plan are in no figure, and the server \
                 was loaded less than planned",
                ranks.join(", "),
                text::plural(*requests, "request")
            )
        }
        Remark::Unusable { name, reason } => format!("{name} {reason}"),
        Remark::EndedEarly { name, ended } => format!(
            "{name}: its generator ended before its time ({})",
            ended.replace('_', " ")
        ),
        Remark::Skew(skew) => format!(
            "the generators began up to {} apart, by their own clocks",
            seconds(*skew)
        ),
        Remark::PartialOverlap(share) => format!(
            "all generators were at work in only {:.0} % of the longest window: before and after \
             it the load was less than planned",
            share * 100.0
        ),
        Remark::SeveralUrls(count) => format!("the generators loaded {count} different URLs"),
    }
}
