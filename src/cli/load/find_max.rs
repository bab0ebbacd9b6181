//! `servers load --find-max`: the highest rate that meets the expectations.

use std::process::ExitCode;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::Duration;

use super::arguments::Args;
use super::{EXIT_CANNOT_TELL, EXIT_NOT_MET, width};
use crate::cli::print;
use crate::load::{self, Amount, Outcome, Plan, Schedule, Search, Verdict, Watch};
use crate::load::{find_max, marks};
use crate::report::load as report;

/// Time at each rate, unless --duration says otherwise.
const PROBE_DEFAULT: Duration = Duration::from_secs(3);
/// The part of a probe that connects and counts for nothing, unless --warmup says otherwise.
const WARM_UP_DEFAULT: Duration = Duration::from_millis(500);
/// Between two probes, for the server to work off what the last one left.
const COOL_DOWN: Duration = Duration::from_millis(300);
/// The search begins at this share of what a closed loop reaches.
const START_SHARE: f64 = 0.5;
const PRECISION: f64 = 0.05;
const REPEATS: usize = 3;

pub(super) fn execute(args: &Args, plan: &Plan, watch: &Watch) -> anyhow::Result<ExitCode> {
    let duration = args.duration.unwrap_or(PROBE_DEFAULT);
    let base = Plan {
        amount: Amount::Duration(duration),
        warm_up: args.warmup.unwrap_or(WARM_UP_DEFAULT),
        ..plan.clone()
    };
    let capacity = load::run(&base, watch)?;
    anyhow::ensure!(capacity.requests > 0, "a closed loop got no answer at all");
    let search = Search {
        start: capacity.requests_per_s() * START_SHARE,
        precision: PRECISION,
        repeats: REPEATS,
    };
    let mut probes = Vec::new();
    let found = find_max(&search, |rate| {
        thread::sleep(COOL_DOWN);
        let plan = Plan {
            schedule: Some(Schedule::poisson(rate, duration, plan.seed)?),
            ..base.clone()
        };
        let outcome = load::run(&plan, watch)?;
        anyhow::ensure!(!watch.stop.load(Relaxed), "interrupted");
        let verdict = judge(args, &plan, &outcome);
        probes.push(report::Probe {
            rate,
            verdict,
            outcome,
        });
        if !args.quiet {
            eprintln!(
                "{}",
                report::probe_line(probes.last().expect("just pushed"))
            );
        }
        Ok::<_, anyhow::Error>(verdict)
    })?;
    let found = report::Found {
        capacity_per_s: capacity.requests_per_s(),
        expectations: &args.expect,
        found: &found,
        probes: &probes,
    };
    let text = match args.json {
        true => serde_json::to_string_pretty(&report::found_json(&found))? + "\n",
        false => report::found_table(&found, width()),
    };
    print(text.as_bytes())?;
    Ok(match (found.found.holds, found.found.is_generators_limit) {
        (None, _) => ExitCode::from(EXIT_NOT_MET),
        (Some(_), true) => ExitCode::from(EXIT_CANNOT_TELL),
        (Some(_), false) => ExitCode::SUCCESS,
    })
}

/// A rate holds if all expectations are met and the plan was carried out. Where it does not, and
/// the generator sent late or was at its limit, the server is not to blame.
fn judge(args: &Args, plan: &Plan, outcome: &Outcome) -> Verdict {
    let marks = marks::marks(plan, outcome);
    let is_met = args.expect.iter().all(|it| it.is_met(outcome));
    if is_met && !marks.contains(&marks::Mark::Behind) {
        return Verdict::Holds;
    }
    match marks.iter().any(|mark| mark.is_generators()) {
        true => Verdict::GeneratorLimit,
        false => Verdict::Fails,
    }
}
