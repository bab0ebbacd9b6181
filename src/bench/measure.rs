//! One run: start a server afresh, warm it up, measure one window, stop it.

use std::io;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use hdrhistogram::Histogram;

use super::accounting::{Census, Lifetime};
use super::bystanders::Crowd;
use super::cpu_meter::{CpuMeter, Elapsed};
use super::failure::Failure;
use super::gates::{Mark, Readings, littles_law_gap};
use super::layout::Layout;
use super::limits::sources;
use super::plan::{Contender, Plan};
use super::results::{GeneratorUse, Latency, Measurement, ServerUse};
use super::sampler::Sampler;
use super::server::ServerUnderTest;
use super::stats::spread::carries;
use super::waiting::wait_until;
use super::workers::{self, RequestCounts};
use super::workload::Workload;
use crate::load::{self, Amount, Outcome, RequestTemplate, Schedule, Target, Watch};
use crate::scoreboard::View;

/// A window that its number of requests ends may take this long, and no longer.
const REQUESTS_DEADLINE: Duration = Duration::from_secs(60);
/// From so many connections on, what a warm-up leaves in the accept queue is served before the
/// window begins, and no longer than this.
const SETTLE_FROM: usize = 500;
const SETTLE_MAX: Duration = Duration::from_secs(1);
/// A server that uses less than this between two looks has settled.
const SETTLED: Duration = Duration::from_micros(200);
const SETTLE_LOOK: Duration = Duration::from_millis(10);

/// What stays the same from run to run.
pub(super) struct Bench<'a> {
    pub(super) program: &'a Path,
    pub(super) plan: &'a Plan,
    pub(super) layout: &'a Layout,
    pub(super) watch: &'a Watch,
}

/// What a run gave: figures, a failure, or, if the server only stopped badly, both.
pub(super) type Verdict = (Option<Measurement>, Option<Failure>);

impl Bench<'_> {
    /// Carries out one run.
    pub(super) fn run(&self, who: &Contender, workload: &Workload) -> Verdict {
        let who = &who.with_room_for(workload.connections_in_all());
        let before = Lifetime::of_reaped_children().unwrap_or_default();
        let mut server = match ServerUnderTest::start(self.program, who, &self.layout.server_cpus) {
            Ok(server) => server,
            Err(failure) => return (None, Some(failure)),
        };
        let measured = self.warm_up_and_measure(&mut server, who, workload);
        let stopped = server.stop();
        let lifetime = Lifetime::of_reaped_children()
            .unwrap_or_default()
            .since(before);
        match measured {
            Ok(mut measurement) => {
                measurement.server.lifetime = lifetime;
                (Some(measurement), stopped.err())
            }
            // How it died says more than that it could then not be stopped.
            Err(failure) => (None, Some(failure)),
        }
    }

    /// Whether the user has asked to stop.
    pub(super) fn stopped(&self) -> bool {
        self.watch.stop.load(Ordering::Relaxed)
    }

    fn warm_up_and_measure(
        &self,
        server: &mut ServerUnderTest,
        who: &Contender,
        workload: &Workload,
    ) -> Result<Measurement, Failure> {
        let scoreboard = View::of_process(server.processes().0.as_raw().cast_unsigned()).ok();
        let mut counts = RequestCounts::default();
        // Open to the end of this function, beyond the window.
        let crowd = workload
            .bystanders
            .map(|it| Crowd::gather(server.address(), it));
        if let Some(amount) = self.warm_up() {
            enter(&mut counts, &self.load(server, workload, amount)?);
            server.check_alive()?;
            self.let_settle(server, workload);
        }
        let before = scoreboard.as_ref().map(workers::read).unwrap_or_default();
        let window = self.window(server, workload);
        // Looked at first: a generator that complains about a dead server is not the news.
        server.check_alive()?;
        let (outcome, mut measurement) = window?;
        enter(&mut counts, &outcome);
        measurement.bystanders = crowd.map(|it| it.len());
        if let Some(scoreboard) = scoreboard {
            let now = workers::read(&scoreboard);
            counts.by_workers = now.iter().sum();
            if !counts.balances() {
                measurement.marks.push(Mark::Miscounted);
            }
            measurement.request_counts = Some(counts);
            measurement.workers = who.workers_last.then(|| workers::since(&before, &now));
        }
        Ok(measurement)
    }

    fn warm_up(&self) -> Option<Amount> {
        let amount = match self.plan.requests.map(Plan::warm_up_requests) {
            Some(requests) => Amount::Requests(requests),
            None => Amount::Duration(self.plan.warm_up),
        };
        let nothing = [Amount::Requests(0), Amount::Duration(Duration::ZERO)];
        (!nothing.contains(&amount)).then_some(amount)
    }

    /// Waits until the server has worked off what the end of the warm-up has left it: with
    /// thousands of connections that is a good part of a window.
    fn let_settle(&self, server: &ServerUnderTest, workload: &Workload) {
        if workload.connections_in_all() < SETTLE_FROM {
            return;
        }
        let used = || server.processes().cpu().unwrap_or_default();
        let mut before = used();
        wait_until(SETTLE_MAX, || {
            thread::sleep(SETTLE_LOOK);
            let now = used();
            let has_settled = now.saturating_sub(before) < SETTLED;
            before = now;
            has_settled.then_some(())
        });
    }

    fn window(
        &self,
        server: &ServerUnderTest,
        workload: &Workload,
    ) -> Result<(Outcome, Measurement), Failure> {
        let processes = server.processes();
        let meter = CpuMeter::read();
        let sampler = Sampler::start(processes, self.plan.window);
        // What is still being served from the warm-up falls into this window, and as much of this
        // window falls behind its end: a few requests, which cancel out.
        let cpu_before = processes.cpu().map_err(not_measured)?;
        let amount = match self.plan.requests {
            Some(requests) => Amount::Requests(requests),
            None => Amount::Duration(self.plan.window),
        };
        let outcome = self.load(server, workload, amount)?;
        let cpu = processes
            .cpu()
            .map_err(not_measured)?
            .saturating_sub(cpu_before);
        let measurement = measurement(workload, &outcome, cpu, sampler.finish(), meter.elapsed());
        Ok((outcome, measurement))
    }

    /// The arrivals of an open loop: the same for every contender.
    fn schedule(
        &self,
        workload: &Workload,
        amount: Amount,
    ) -> Result<Option<Schedule>, load::Error> {
        let Some(per_cpu) = workload.rate_per_cpu else {
            return Ok(None);
        };
        let rate = per_cpu * self.layout.server_cpus.len() as f64;
        let duration = match amount {
            Amount::Duration(duration) => duration,
            Amount::Requests(requests) => Duration::from_secs_f64(requests as f64 / rate),
        };
        Schedule::poisson(rate, duration, self.plan.seed).map(Some)
    }

    fn load(
        &self,
        server: &ServerUnderTest,
        workload: &Workload,
        amount: Amount,
    ) -> Result<Outcome, Failure> {
        let target = Target::at(server.address(), workload.path.clone());
        let not_measured = |reason| Failure::NotMeasured { reason };
        let schedule = self
            .schedule(workload, amount)
            .map_err(|error| not_measured(error.to_string()))?;
        let plan = load::Plan {
            connections: workload.connections,
            threads: self.layout.generator_threads(workload.connections),
            amount,
            workload: requests(workload),
            schedule,
            seed: self.plan.seed,
            time_max: Some(REQUESTS_DEADLINE),
            keep_alive: workload.keep_alive,
            cpus: self.layout.generator_cpus.clone(),
            sources: sources(workload.connections),
            ..load::Plan::new(target)
        };
        let outcome =
            load::run(&plan, self.watch).map_err(|error| not_measured(error.to_string()))?;
        match amount {
            Amount::Requests(all)
                if workload.rate_per_cpu.is_none()
                    && outcome.attempted < all
                    && !outcome.interrupted =>
            {
                let seconds = REQUESTS_DEADLINE.as_secs();
                let done = outcome.attempted;
                Err(not_measured(format!(
                    "only {done} of {all} requests were begun within {seconds} s"
                )))
            }
            _ => Ok(outcome),
        }
    }
}

/// The kinds of request of a workload.
fn requests(workload: &Workload) -> load::Workload {
    let Some(second) = &workload.second else {
        return load::Workload::default();
    };
    let kind = |path: &str, weight| RequestTemplate {
        path: Some(path.to_owned()),
        weight,
        ..RequestTemplate::default()
    };
    load::Workload::new(vec![
        kind(&workload.path, 10_u32.saturating_sub(second.of_ten)),
        kind(&second.path, second.of_ten),
    ])
}

/// What the client has counted, added to what it had.
fn enter(counts: &mut RequestCounts, outcome: &Outcome) {
    counts.answered += outcome.requests;
    counts.attempted += outcome.attempted;
}

#[allow(
    clippy::needless_pass_by_value,
    reason = "it is used as a function for map_err"
)]
fn not_measured(error: io::Error) -> Failure {
    Failure::NotMeasured {
        reason: error.to_string(),
    }
}

fn measurement(
    workload: &Workload,
    outcome: &Outcome,
    cpu: Duration,
    peak: Census,
    elapsed: Elapsed,
) -> Measurement {
    let requests_per_s = outcome.requests_per_s();
    // An open loop keeps connections that it does not need.
    let is_closed = workload.rate_per_cpu.is_none();
    let never_answered = if is_closed { outcome.never_answered } else { 0 };
    let answered = (outcome.connections as u64).saturating_sub(never_answered);
    let gap = match is_closed {
        true => littles_law_gap(requests_per_s, outcome.latency.mean() / 1e9, answered),
        false => 0.0,
    };
    let readings = Readings {
        errors: outcome.errors.total(),
        miscounted: false,
        generator_share: outcome.cpu_share(),
        littles_law_gap: gap,
        steal_share: elapsed.steal_share(),
        others_share: elapsed.others_share(cpu + outcome.cpu),
    };
    Measurement {
        duration_s: outcome.duration.as_secs_f64(),
        requests: outcome.requests,
        attempted: outcome.attempted,
        errors: outcome.errors.clone(),
        in_flight_at_stop: outcome.in_flight_at_stop,
        never_answered,
        // Counted where they are opened.
        bystanders: None,
        connections_opened: outcome.connections_opened,
        bytes: outcome.bytes,
        requests_per_s,
        latency: latency(&outcome.latency),
        // Known only when the scoreboard has been read.
        workers: None,
        request_counts: None,
        server: server_use(cpu, peak, outcome.requests),
        generator: GeneratorUse {
            threads: outcome.threads,
            cpu_s: outcome.cpu.as_secs_f64(),
            cpu_share: outcome.cpu_share(),
        },
        littles_law_gap: gap,
        steal_share: readings.steal_share,
        others_share: readings.others_share,
        marks: readings.marks(),
    }
}

fn server_use(cpu: Duration, peak: Census, requests: u64) -> ServerUse {
    let cpu_us = cpu.as_secs_f64() * 1e6;
    ServerUse {
        cpu_s: cpu.as_secs_f64(),
        cpu_us_per_request: (requests > 0).then(|| cpu_us / requests as f64),
        peak_pss_kib: peak.pss_kib,
        peak_processes: peak.processes,
        peak_threads: peak.threads,
        // Known only when the server has ended.
        lifetime: Lifetime::default(),
    }
}

fn latency(histogram: &Histogram<u64>) -> Latency {
    let us = |ns: u64| ns as f64 / 1000.0;
    let at = |q: f64| carries(histogram.len(), q).then(|| us(histogram.value_at_quantile(q)));
    Latency {
        mean_us: histogram.mean() / 1000.0,
        p50_us: at(0.5),
        p90_us: at(0.9),
        p99_us: at(0.99),
        p999_us: at(0.999),
        max_us: (!histogram.is_empty()).then(|| us(histogram.max())),
        buckets_ns: histogram
            .iter_recorded()
            .map(|step| (step.value_iterated_to(), step.count_at_value()))
            .collect(),
    }
}
