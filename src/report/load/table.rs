//! One run as a table for people.

use hdrhistogram::Histogram;

use super::sentences::{self, wrapped_note};
use super::text;
use crate::load::{Arrivals, Expectation, Outcome, Plan, has_tail, marks};
use crate::report::grid::Grid;
use crate::report::wrap::wrapped;

/// The quantiles of the table, with their heads.
const QUANTILES: [(&str, f64); 4] = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999)];

/// On a narrow terminal the mean goes first, then p99.9, p90 and p50.
const EXPENDABLE: [usize; 4] = [1, 5, 3, 2];

/// The outcome for people, in lines of this width: headline, times, what became of every request,
/// what to be careful about.
pub fn table(plan: &Plan, outcome: &Outcome, expectations: &[Expectation], width: usize) -> String {
    let mut text = headline(plan, outcome, width);
    text += "\n";
    text += &times(outcome).text(width);
    text += "\n";
    text += &wrapped(&totals(outcome), width);
    text += &wrapped(&accounts(outcome), width);
    if outcome.errors.total() > 0 {
        text += "\n";
        text += &failed(outcome).text(width);
    }
    for mark in marks::marks(plan, outcome) {
        text += &wrapped_note(&sentences::of_mark(mark, plan, outcome), width);
    }
    if is_hidden(outcome) {
        let hidden = "a percentile with fewer than 10 samples beyond it is not shown";
        text += &wrapped_note(hidden, width);
    }
    for expectation in expectations {
        text += &wrapped(&sentences::of_expectation(expectation, outcome), width);
    }
    text
}

/// Where the load went, how it came about and how long it took.
pub(super) fn headline(plan: &Plan, outcome: &Outcome, width: usize) -> String {
    let interrupted = match outcome.interrupted {
        true => " (interrupted)",
        false => "",
    };
    let reuse = match (plan.keep_alive, plan.requests_per_connection) {
        (false, _) => ", one request each".to_owned(),
        (true, Some(n)) => format!(", {} each", text::plural(n, "request")),
        (true, None) => ", kept alive".to_owned(),
    };
    let up_to = match outcome.is_open_loop {
        true => "at most ",
        false => "",
    };
    let address = match &outcome.address {
        Some(address) if plan.target.addresses.len() > 1 => format!(" ({address})"),
        _ => String::new(),
    };
    let first = format!("{}{address}", plan.target);
    let second = format!(
        "{}, {:.2} s{interrupted}{}: {up_to}{} on {}{reuse}",
        loop_of(plan),
        outcome.duration.as_secs_f64(),
        match plan.warm_up.is_zero() {
            true => String::new(),
            false => format!(" after {:.1} s of warm-up", plan.warm_up.as_secs_f64()),
        },
        text::plural(outcome.connections as u64, "connection"),
        text::plural(outcome.threads as u64, "thread"),
    );
    format!("{}{}", wrapped(&first, width), wrapped(&second, width))
}

fn loop_of(plan: &Plan) -> String {
    let Some(schedule) = &plan.schedule else {
        return "closed loop".to_owned();
    };
    let arrivals = match schedule.arrivals() {
        Arrivals::Constant => String::new(),
        Arrivals::Poisson => format!(" at random (Poisson, seed {})", plan.seed),
    };
    let rate = text::rate(schedule.rate());
    let rank = match plan.rank {
        Some(rank) => format!(
            ", of which rank {} of {} sends its part",
            rank.index, rank.count
        ),
        None => String::new(),
    };
    match schedule.stages().count() {
        1 => format!("open loop, {rate} requests/s{arrivals}{rank}"),
        n => format!("open loop, {n} stages, {rate} requests/s on average{arrivals}{rank}"),
    }
}

fn times(outcome: &Outcome) -> Grid {
    let heads = ["time", "mean"].into_iter();
    let heads = heads.chain(QUANTILES.map(|(head, _)| head)).chain(["max"]);
    let grid = Grid::new(vec![heads.map(str::to_owned).collect()]);
    let mut grid = grid.expending(&EXPENDABLE).dense();
    let whole = match outcome.is_open_loop {
        true => "response",
        false => "whole answer",
    };
    grid.push(response_row(whole, outcome));
    if outcome.is_open_loop {
        grid.push(row("service", &outcome.service));
        grid.push(row("timer lag", &outcome.timer_lag));
        grid.push(row("connection wait", &outcome.connection_wait));
    }
    grid.push(row("first byte", &outcome.first_byte));
    grid.push(row("connect", &outcome.connect));
    grid
}

/// The response times, with lower bounds where pending requests put a percentile in doubt.
fn response_row(name: &str, outcome: &Outcome) -> Vec<String> {
    let mut cells = row(name, &outcome.latency);
    let quantiles = QUANTILES
        .map(|(_, quantile)| quantile)
        .into_iter()
        .chain([1.0]);
    for (cell, quantile) in cells.iter_mut().skip(2).zip(quantiles) {
        if let Some(bound) = outcome.at_least(quantile).filter(|_| cell != "-") {
            *cell = format!("≥{}", text::time(bound));
        }
    }
    cells
}

fn row(name: &str, times: &Histogram<u64>) -> Vec<String> {
    let any = |ns: u64| match times.is_empty() {
        true => "-".to_owned(),
        false => text::time(ns),
    };
    let at = |quantile: f64| match has_tail(times.len(), quantile) {
        true => text::time(times.value_at_quantile(quantile)),
        false => "-".to_owned(),
    };
    let mut cells = vec![name.to_owned(), any(times.mean() as u64)];
    cells.extend(QUANTILES.map(|(_, quantile)| at(quantile)));
    cells.push(any(times.max()));
    cells
}

fn totals(outcome: &Outcome) -> String {
    format!(
        "{} requests/s answered and verified; {} opened, {} received",
        text::rate(outcome.requests_per_s()),
        text::plural(outcome.connections_opened, "connection"),
        text::bytes(outcome.bytes),
    )
}

/// What became of every request: the sum is exact.
pub(super) fn accounts(outcome: &Outcome) -> String {
    let mut text = format!(
        "attempted {} = {} answered + {} failed + {} in flight at the end",
        text::count(outcome.attempted),
        text::count(outcome.requests),
        text::count(outcome.errors.total()),
        text::count(outcome.in_flight_at_stop),
    );
    if outcome.planned != outcome.attempted {
        text = format!(
            "planned {} = {} + {} never sent; {text}",
            text::count(outcome.planned),
            text::count(outcome.attempted),
            text::count(outcome.never_sent),
        );
    }
    if !outcome.pending.is_empty() {
        let oldest = outcome.oldest_pending.as_nanos() as u64;
        text += &format!(", the oldest for {}", text::time(oldest));
    }
    text
}

fn failed(outcome: &Outcome) -> Grid {
    let heads = ["error", "requests", "share"].map(str::to_owned);
    let mut grid = Grid::new(vec![heads.to_vec()]);
    for (name, count) in outcome.errors.iter().filter(|(_, count)| *count > 0) {
        let percent = count as f64 / outcome.attempted as f64 * 100.0;
        grid.push(vec![
            name.replace('_', " "),
            text::count(count),
            format!("{percent:.2} %"),
        ]);
    }
    grid
}

fn is_hidden(outcome: &Outcome) -> bool {
    let samples = outcome.latency.len();
    samples > 0 && !has_tail(samples, 0.999)
}
