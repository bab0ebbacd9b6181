//! `omission`: what does a closed loop hide?
//!
//! The lab stops the server for a while in each period (SIGSTOP, SIGCONT), and writes down when it
//! did. From these notes alone follows the truth: what a request met that was sent at an arbitrary
//! moment. A closed and an open loop measure the same server.

use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};

use crate::bench::server::ServerUnderTest;
use crate::lab::context::Context;
use crate::lab::definition::Definition;
use crate::lab::figures::{Figures, Unit};
use crate::lab::outcome::Observed;
use crate::lab::picture::{Picture, Series};
use crate::lab::problem::Problem;
use crate::load::{self, Amount, Outcome, Plan, Schedule, Target, Watch};

const SERVER: &str = "threaded";
const PATH: &str = "/sleep?ms=1";
/// Moments of each second for which the truth is computed.
const MOMENTS_PER_S: f64 = 1000.0;
const MS_PER_S: f64 = 1000.0;
const NS_PER_MS: f64 = 1e6;
/// How often the thread that stops the server looks whether the run is over.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// The same arrivals each time.
const SEED: u64 = 1;

/// The numbers of the lab's file.
struct Numbers {
    run: Duration,
    stall: Duration,
    period: Duration,
    /// Requests that take longer count as slow.
    slow: Duration,
    rate: f64,
    connections: usize,
}

/// When the server was stopped, and when it went on.
type Stall = (Instant, Instant);

pub(super) fn run(lab: &Definition, context: &Context<'_>) -> Result<Observed, Problem> {
    let ms = |name: &str| -> Result<Duration, Problem> {
        Ok(Duration::from_millis(
            lab.number(name, context.quick)? as u64
        ))
    };
    let numbers = Numbers {
        run: ms("run-ms")?,
        stall: ms("stall-ms")?,
        period: ms("period-ms")?,
        slow: ms("slow-ms")?,
        rate: lab.setting("rate", context.quick)?,
        connections: lab.number("connections", context.quick)?,
    };
    let server = context.start(SERVER)?;
    let plan = Plan {
        amount: Amount::Duration(numbers.run),
        seed: SEED,
        ..Plan::new(Target::at(server.address(), PATH))
    };
    let closed = Plan {
        connections: numbers.connections,
        ..plan.clone()
    };
    let schedule = Schedule::poisson(numbers.rate, numbers.run, SEED);
    let open = Plan {
        // All requests that come in one stall wait at the same time, and more.
        connections: (numbers.rate * numbers.period.as_secs_f64()).ceil() as usize,
        schedule: Some(schedule.map_err(|error| Problem::Other(error.to_string()))?),
        ..plan
    };
    context.step_of("a closed loop measures the server that stalls", 0, 2);
    let (closed, _) = loaded(context, &server, &numbers, &closed)?;
    context.step_of("an open loop measures it", 1, 2);
    let begun = Instant::now();
    let (open, stalls) = loaded(context, &server, &numbers, &open)?;
    context.stop(SERVER, server)?;
    let seen = [
        Seen::of("closed", &closed),
        Seen::of("open", &open),
        truth(&stalls, begun, numbers.run),
    ];
    let mut observed = Observed::default();
    for it in &seen {
        it.enter(numbers.slow, &mut observed.figures);
    }
    observed.pictures.push(Picture::Lines {
        title: "Response times by percentile".to_owned(),
        x: "percentile".to_owned(),
        y: "milliseconds".to_owned(),
        log: false,
        steps: false,
        lines: seen.iter().map(Seen::line).collect(),
    });
    Ok(observed)
}

/// A run of the generator, while the server stalls again and again.
fn loaded(
    context: &Context<'_>,
    server: &ServerUnderTest,
    numbers: &Numbers,
    plan: &Plan,
) -> Result<(Outcome, Vec<Stall>), Problem> {
    let over = Watch::default();
    let (outcome, stalls) = thread::scope(|scope| {
        let stalling = scope.spawn(|| stalls(context.watch, &over, server, numbers));
        let outcome = load::run(plan, context.watch);
        over.stop.store(true, Relaxed);
        let stalls = stalling.join();
        (
            outcome,
            stalls.unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
        )
    });
    context.check()?;
    let outcome = outcome.map_err(|error| Problem::Other(error.to_string()))?;
    Ok((outcome, stalls))
}

/// Stops the server for a while in the middle of each period, until the run is over.
fn stalls(
    interrupted: &Watch,
    over: &Watch,
    server: &ServerUnderTest,
    numbers: &Numbers,
) -> Vec<Stall> {
    let pid = server.processes().0;
    let is_over = || over.stop.load(Relaxed) || interrupted.stop.load(Relaxed);
    let begun = Instant::now();
    let before = numbers.period.saturating_sub(numbers.stall) / 2;
    let mut stalls = Vec::new();
    let sleep_until = |moment: Instant| {
        while Instant::now() < moment && !is_over() {
            let left = moment.saturating_duration_since(Instant::now());
            thread::sleep(left.min(LOOK_EVERY));
        }
    };
    for number in 0.. {
        let from = begun + numbers.period * number + before;
        sleep_until(from);
        if is_over() {
            break;
        }
        // The server is a child that has not been reaped, so the number is its own.
        let stopped = Instant::now();
        kill(pid, Signal::SIGSTOP).ok();
        sleep_until(from + numbers.stall);
        kill(pid, Signal::SIGCONT).ok();
        stalls.push((stopped, Instant::now()));
    }
    stalls
}

/// Response times of one way to measure, in ms and in order.
struct Seen {
    name: &'static str,
    times_ms: Vec<f64>,
}

impl Seen {
    /// Requests that had no answer at the end count with their age.
    fn of(name: &'static str, outcome: &Outcome) -> Seen {
        let both = [&outcome.latency, &outcome.pending];
        let recorded = both.into_iter().flat_map(|it| it.iter_recorded());
        let times = recorded.flat_map(|it| {
            let ms = it.value_iterated_to() as f64 / NS_PER_MS;
            (0..it.count_at_value()).map(move |_| ms)
        });
        let mut times_ms: Vec<f64> = times.collect();
        times_ms.sort_unstable_by(f64::total_cmp);
        Seen { name, times_ms }
    }

    /// The least time that this share of the requests does not exceed.
    fn at(&self, share: f64) -> Option<f64> {
        let last = self.times_ms.len().checked_sub(1)?;
        let index = (last as f64 * share).ceil() as usize;
        self.times_ms.get(index.min(last)).copied()
    }

    fn enter(&self, slow: Duration, figures: &mut Figures) {
        let limit = slow.as_secs_f64() * MS_PER_S;
        let fast = self.times_ms.partition_point(|it| *it <= limit);
        let all = self.times_ms.len();
        let share = (all - fast) as f64 / all.max(1) as f64;
        // The truth asks nothing: it is computed for moments.
        let asked = (self.name != TRUTH).then_some(all as f64);
        figures.add(self.name, "requests", Unit::Count, asked);
        figures.add(self.name, "slow", Unit::Share, share);
        for (figure, share) in [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("max", 1.0)] {
            figures.add(self.name, figure, Unit::Milliseconds, self.at(share));
        }
    }

    fn line(&self) -> Series {
        let point = |percent: u32| Some((f64::from(percent), self.at(f64::from(percent) / 100.0)?));
        Series {
            name: self.name.to_owned(),
            points: (0..=100).filter_map(point).collect(),
        }
    }
}

const TRUTH: &str = "truth";

/// What requests met that were sent evenly over this time: the rest of a stall, or nothing.
fn truth(stalls: &[Stall], begun: Instant, run: Duration) -> Seen {
    let moments = (run.as_secs_f64() * MOMENTS_PER_S) as u32;
    let waits = (0..moments).map(|number| {
        let sent = begun + run * number / moments;
        let stall = stalls.iter().find(|it| it.0 <= sent && sent < it.1);
        stall.map_or(0.0, |it| (it.1 - sent).as_secs_f64() * MS_PER_S)
    });
    let mut times_ms: Vec<f64> = waits.collect();
    times_ms.sort_unstable_by(f64::total_cmp);
    Seen {
        name: TRUTH,
        times_ms,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_truth_follows_from_the_stalls_alone() {
        let begun = Instant::now();
        let at = |ms| begun + Duration::from_millis(ms);
        let seen = truth(&[(at(200), at(500))], begun, Duration::from_secs(1));
        let mut figures = Figures::default();
        seen.enter(Duration::from_millis(100), &mut figures);
        let value = |name| figures.get(TRUTH, name).unwrap().at(0);
        // Of 1000 moments, those from 200 up to 400 ms have more than 100 ms of the stall ahead.
        assert_eq!(value("slow"), Some(0.2));
        assert_eq!(value("max"), Some(300.0));
        assert_eq!(value("p50"), Some(0.0));
        assert_eq!(value("requests"), None);
    }
}
