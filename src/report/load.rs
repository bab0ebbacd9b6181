//! One run of the load generator: as a table, as JSON, and as it goes.

mod json;
mod progress;
mod text;

use comfy_table::{CellAlignment, Table, presets::UTF8_FULL_CONDENSED};

use crate::bench::gates::{GENERATOR_SHARE_MAX, LITTLES_LAW_GAP_MAX};
use crate::bench::stats::spread::carries;
use crate::load::{Outcome, Plan};

pub use json::json;
pub use progress::watch;

/// The outcome for people: headline, table, what went wrong, what to be careful about.
pub fn table(plan: &Plan, outcome: &Outcome) -> String {
    let mut text = headline(plan, outcome);
    text += &format!("{}\n", measured(outcome));
    text += &format!("{}\n", totals(outcome));
    if outcome.errors.total() > 0 {
        text += &format!("{}\n", failed(outcome));
    }
    for note in notes(outcome) {
        text += &format!("note: {note}\n");
    }
    text
}

fn headline(plan: &Plan, outcome: &Outcome) -> String {
    let interrupted = if outcome.interrupted {
        " (interrupted)"
    } else {
        ""
    };
    let reuse = if plan.keep_alive {
        "kept alive"
    } else {
        "one request each"
    };
    format!(
        "{} for {:.2} s{interrupted}: {} on {}, {reuse}\n",
        plan.target,
        outcome.duration.as_secs_f64(),
        text::plural(outcome.connections as u64, "connection"),
        text::plural(outcome.threads as u64, "thread"),
    )
}

fn measured(outcome: &Outcome) -> Table {
    let latency = &outcome.latency;
    let at = |quantile: f64| match carries(latency.len(), quantile) {
        true => text::time(latency.value_at_quantile(quantile)),
        false => "-".to_owned(),
    };
    let any = |ns: u64| {
        if latency.is_empty() {
            "-".to_owned()
        } else {
            text::time(ns)
        }
    };
    let mut table = Table::new();
    table
        .load_style(UTF8_FULL_CONDENSED)
        .set_header(["requests/s", "mean", "p50", "p90", "p99", "p99.9", "max"])
        .add_row([
            text::rate(outcome.requests_per_s()),
            any(latency.mean() as u64),
            at(0.5),
            at(0.9),
            at(0.99),
            at(0.999),
            any(latency.max()),
        ]);
    align_right(&mut table, 0);
    table
}

fn totals(outcome: &Outcome) -> String {
    format!(
        "{} answered and verified, {}; {} opened, {} received",
        text::plural(outcome.requests, "request"),
        match outcome.errors.total() {
            0 => "no errors".to_owned(),
            failed => format!("{} failed", text::count(failed)),
        },
        text::plural(outcome.connections_opened, "connection"),
        text::bytes(outcome.bytes),
    )
}

fn failed(outcome: &Outcome) -> Table {
    let mut table = Table::new();
    table
        .load_style(UTF8_FULL_CONDENSED)
        .set_header(["error", "requests", "share"]);
    for (name, count) in outcome.errors.iter().filter(|(_, count)| *count > 0) {
        let percent = count as f64 / outcome.attempted as f64 * 100.0;
        table.add_row([
            name.replace('_', " "),
            text::count(count),
            format!("{percent:.2} %"),
        ]);
    }
    align_right(&mut table, 1);
    table
}

fn align_right(table: &mut Table, from: usize) {
    for column in table.column_iter_mut().skip(from) {
        column.set_cell_alignment(CellAlignment::Right);
    }
}

/// What to be careful about.
fn notes(outcome: &Outcome) -> Vec<String> {
    let mut notes = Vec::new();
    if outcome.never_answered > 0 {
        let (starved, all) = (outcome.never_answered, outcome.connections);
        notes.push(format!(
            "{starved} of {all} connections never got an answer"
        ));
    }
    if outcome.errors.client_total() > 0 {
        notes.push("client errors are this machine's, and say nothing about the server".into());
    }
    if outcome.cpu_share() > GENERATOR_SHARE_MAX {
        let percent = outcome.cpu_share() * 100.0;
        notes.push(format!(
            "the generator used {percent:.0} % of its processors: the server may well be faster"
        ));
    }
    if outcome.requests > 0 && outcome.littles_law_gap() > LITTLES_LAW_GAP_MAX {
        let percent = outcome.littles_law_gap() * 100.0;
        notes.push(format!(
            "{percent:.0} % of the connections' time is in no answered request (Little's law)"
        ));
    }
    if is_hidden(outcome) {
        notes.push("a percentile with fewer than 10 samples beyond it is not shown".into());
    }
    notes
}

fn is_hidden(outcome: &Outcome) -> bool {
    let samples = outcome.latency.len();
    samples > 0 && !carries(samples, 0.999)
}
