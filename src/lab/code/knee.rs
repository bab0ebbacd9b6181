//! `knee`: how long do requests take when the load comes near the capacity?
//!
//! Times of service are drawn from an exponential distribution, and requests come at random, so
//! that Erlang's formula for M/M/c queues applies. A closed loop finds the capacity of this
//! machine first; each open loop then sends a part of it. So the utilisation is right on a machine
//! that is slow, too.

use std::time::Duration;

use crate::bench::server::ServerUnderTest;
use crate::lab::context::Context;
use crate::lab::definition::Definition;
use crate::lab::figures::{Figures, Unit};
use crate::lab::outcome::{LeftOut, Observed};
use crate::lab::picture::{Picture, Series};
use crate::lab::problem::Problem;
use crate::load::{self, Amount, Outcome, Plan, RequestTemplate, Schedule, Target, Workload};
use crate::size::formulas;

/// Utilisations in per cent, each a row: `u30`.
const LOADS: [u32; 6] = [30, 50, 70, 80, 90, 130];
/// Those of them that `--quick` measures.
const QUICK_LOADS: [u32; 3] = [30, 80, 130];
/// Kinds of request, one for each part of the distribution.
const KINDS: u32 = 20;
/// Connections of the closed loop for each worker: none of them is idle.
const CLIENTS_PER_WORKER: usize = 3;
/// The same arrivals each time.
const SEED: u64 = 1;
const NS_PER_MS: f64 = 1e6;
const MS_PER_S: f64 = 1000.0;
const PERCENT: f64 = 100.0;

/// The numbers of the lab's file.
struct Numbers {
    workers: usize,
    service_ms: f64,
    run: Duration,
    warm_up: Duration,
}

pub(super) fn run(lab: &Definition, context: &Context<'_>) -> Result<Observed, Problem> {
    let ms = |name: &str| -> Result<Duration, Problem> {
        Ok(Duration::from_millis(
            lab.number(name, context.quick)? as u64
        ))
    };
    let numbers = Numbers {
        workers: lab.number("workers", context.quick)?,
        service_ms: lab.setting("service-ms", context.quick)?,
        run: ms("run-ms")?,
        warm_up: ms("warm-up-ms")?,
    };
    let loads: &[u32] = if context.quick { &QUICK_LOADS } else { &LOADS };
    let server = context.start(&format!("prefork --workers {}", numbers.workers))?;
    context.wait_for_slots(&server, numbers.workers)?;
    context.step_of("a closed loop finds the capacity", 0, loads.len() + 1);
    let base = plan(&server, &numbers);
    let full = loaded(context, &base)?;
    let capacity = full.requests_per_s();
    if capacity <= 0.0 {
        return Err(Problem::Other("the server has answered nothing".to_owned()));
    }
    // The time for which a request has its worker, on this machine and with this load generator.
    let service_ms = numbers.workers as f64 / capacity * MS_PER_S;
    let mut observed = Observed::default();
    let (mut measured, mut theory) = (Vec::new(), Vec::new());
    for (index, &percent) in loads.iter().enumerate() {
        let utilisation = f64::from(percent) / PERCENT;
        let what = format!("an open loop sends {percent} % of it");
        context.step_of(&what, index + 1, loads.len() + 1);
        let schedule = Schedule::poisson(capacity * utilisation, numbers.run, SEED);
        let open = Plan {
            connections: (capacity * numbers.run.as_secs_f64()).ceil() as usize + 1,
            schedule: Some(schedule.map_err(|error| Problem::Other(error.to_string()))?),
            warm_up: Duration::ZERO,
            ..base.clone()
        };
        let outcome = loaded(context, &open)?;
        let expected = mean_ms(numbers.workers, utilisation, service_ms);
        let mean = enter(percent, &outcome, service_ms, &mut observed.figures);
        let row = format!("u{percent}");
        let times = expected.map(|ms| ms / service_ms);
        observed.figures.add(&row, "theory", Unit::Count, times);
        measured.push((utilisation, mean));
        theory.extend(times.map(|times| (utilisation, times)));
    }
    context.stop("prefork", server)?;
    let left_out = LOADS.iter().filter(|it| !loads.contains(it));
    let rows: Vec<String> = left_out.map(|percent| format!("u{percent}")).collect();
    if !rows.is_empty() {
        let why = "measured without --quick".to_owned();
        observed.left_out.push(LeftOut { rows, why });
    }
    observed.pictures.push(picture(measured, theory));
    Ok(observed)
}

fn plan(server: &ServerUnderTest, numbers: &Numbers) -> Plan {
    Plan {
        workload: exponential(numbers.service_ms),
        connections: numbers.workers * CLIENTS_PER_WORKER,
        amount: Amount::Duration(numbers.run),
        warm_up: numbers.warm_up,
        keep_alive: false,
        seed: SEED,
        ..Plan::new(Target::at(server.address(), "/"))
    }
}

/// Requests that hold their worker for times with about an exponential distribution: the middle of
/// each of so many parts of equal probability, scaled so that their mean is right.
fn exponential(mean_ms: f64) -> Workload {
    let parts = f64::from(KINDS);
    let quantile = |kind: u32| -(1.0 - (f64::from(kind) + 0.5) / parts).ln();
    let mean: f64 = (0..KINDS).map(quantile).sum::<f64>() / parts;
    let kinds = (0..KINDS).map(|kind| {
        let ms = (quantile(kind) / mean * mean_ms).round();
        RequestTemplate {
            path: Some(format!("/sleep?ms={ms}")),
            ..RequestTemplate::default()
        }
    });
    Workload::new(kinds.collect())
}

fn loaded(context: &Context<'_>, plan: &Plan) -> Result<Outcome, Problem> {
    let outcome = load::run(plan, context.watch);
    context.check()?;
    outcome.map_err(|error| Problem::Other(error.to_string()))
}

/// Adds the figures of one load, and returns the mean as a multiple of the service time. Requests
/// without an answer count with their age.
fn enter(percent: u32, outcome: &Outcome, service_ms: f64, figures: &mut Figures) -> f64 {
    let row = format!("u{percent}");
    let (answered, pending) = (&outcome.latency, &outcome.pending);
    let sum = answered.mean() * answered.len() as f64 + pending.mean() * pending.len() as f64;
    let count = answered.len() + pending.len();
    let mean_ms = sum / NS_PER_MS / count.max(1) as f64;
    let waiting = outcome.in_flight_at_stop + outcome.never_sent_due;
    let at = |quantile| answered.value_at_quantile(quantile) as f64 / NS_PER_MS;
    figures.count(&row, "requests", count as usize);
    figures.count(&row, "errors", outcome.errors.total() as usize);
    figures.add(&row, "p50", Unit::Milliseconds, at(0.5));
    figures.add(&row, "p99", Unit::Milliseconds, at(0.99));
    figures.add(&row, "mean", Unit::Milliseconds, mean_ms);
    figures.count(&row, "unanswered", waiting as usize);
    figures.add(&row, "times", Unit::Count, mean_ms / service_ms);
    mean_ms / service_ms
}

/// The mean response time of an M/M/c queue; none from u = 1 on, where there is no steady state.
fn mean_ms(workers: usize, utilisation: f64, service_ms: f64) -> Option<f64> {
    let service_s = service_ms / MS_PER_S;
    let rate_per_s = utilisation * workers as f64 / service_s;
    let wait_s = formulas::mean_wait_s(workers, rate_per_s, service_s);
    let mean_s = service_s + wait_s;
    mean_s.is_finite().then_some(mean_s * MS_PER_S)
}

fn picture(measured: Vec<(f64, f64)>, theory: Vec<(f64, f64)>) -> Picture {
    let line = |name: &str, points| Series {
        name: name.to_owned(),
        points,
    };
    Picture::Lines {
        title: "Mean response time, in service times".to_owned(),
        x: "utilisation".to_owned(),
        y: "service times".to_owned(),
        log: false,
        steps: false,
        lines: vec![line("measured", measured), line("M/M/c", theory)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn erlangs_formula_is_right_where_it_is_simple() {
        // One worker: S / (1 - u). No load: S. Two workers at one half: S / (1 - u²).
        let is_near = |value: Option<f64>, expected: f64| {
            assert!((value.unwrap() - expected).abs() < 1e-9, "{value:?}");
        };
        is_near(mean_ms(1, 0.5, 20.0), 40.0);
        is_near(mean_ms(8, 0.0, 20.0), 20.0);
        is_near(mean_ms(2, 0.5, 30.0), 40.0);
        assert_eq!(mean_ms(4, 1.0, 20.0), None);
    }

    #[test]
    fn the_drawn_times_have_their_mean() {
        let workload = exponential(20.0);
        let times = workload.requests().iter().map(|it| {
            let path = it.path.as_deref().unwrap();
            let ms = path.strip_prefix("/sleep?ms=").unwrap();
            ms.parse::<f64>().unwrap()
        });
        let mean = times.sum::<f64>() / f64::from(KINDS);
        // Rounded to whole milliseconds each.
        assert!((mean - 20.0).abs() < 0.5, "{mean}");
    }
}
