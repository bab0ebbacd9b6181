//! One run: start a server afresh, warm it up, measure one window, stop it.

use std::io;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use super::accounting::Lifetime;
use super::bystanders::Crowd;
use super::contender::Contender;
use super::cpu_meter::CpuMeter;
use super::failure::Failure;
use super::figures::{Loaded, measurement};
use super::gates::Mark;
use super::layout::Layout;
use super::limits::sources;
use super::plan::Plan;
use super::request::Kind;
use super::results::Measurement;
use super::sampler::Sampler;
use super::server::ServerUnderTest;
use super::waiting::wait_until;
use super::workers::{self, RequestCounts};
use super::workload::Workload;
use crate::load::{self, Amount, Outcome, RequestTemplate, Schedule, Target, Watch};
use crate::scoreboard::View;

/// A window that its number of requests ends may take this long, and no longer.
const REQUESTS_DEADLINE: Duration = Duration::from_secs(60);
/// What a warm-up leaves behind may delay the window by this, and no longer.
const SETTLE_MAX: Duration = Duration::from_secs(1);
/// So many connections take a while to end.
const SETTLE_FROM: usize = 500;
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
        let idle = workload.idle_clients();
        let crowd = (idle > 0).then(|| Crowd::gather(server.address(), idle));
        if let Some(amount) = self.warm_up() {
            enter(&mut counts, &self.load(server, workload, amount)?.outcome);
            server.check_alive()?;
            // A warm-up of so many requests ends when all are answered.
            if matches!(amount, Amount::Duration(_)) {
                let outcome = self.ask_once(server, workload);
                outcome.iter().for_each(|it| enter(&mut counts, it));
            }
            self.let_settle(server, workload);
        }
        let before = scoreboard.as_ref().map(workers::read).unwrap_or_default();
        let window = self.window(server, workload);
        // Looked at first: a generator that complains about a dead server is not the news.
        server.check_alive()?;
        let (outcome, mut measurement) = window?;
        enter(&mut counts, &outcome);
        // Else the process that used the time is still there, or its parent has it.
        if measurement.marks.contains(&Mark::Others) && server.processes().forgets_children() {
            measurement.marks.push(Mark::Unreaped);
        }
        measurement.bystanders = crowd.map(|it| it.len()).or(measurement.bystanders);
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

    /// Sends one request from a new client and waits for its answer, since a server answers first
    /// what the clients of the warm-up have left behind. Where each request waits 20 ms, that would
    /// fill a window.
    fn ask_once(&self, server: &ServerUnderTest, workload: &Workload) -> Option<Outcome> {
        let target = Target::at(server.address(), workload.path.clone());
        let plan = load::Plan {
            connections: 1,
            amount: Amount::Requests(1),
            timeout: SETTLE_MAX,
            time_max: Some(SETTLE_MAX),
            cpus: self.layout.generator_cpus.clone(),
            ..load::Plan::new(target)
        };
        // A server that does not answer in this time shows it in the window.
        load::run(&plan, self.watch).ok()
    }

    /// Waits until the server has worked off what the end of the warm-up has left it: with
    /// thousands of connections their ends alone are a good part of a window.
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
        let loaded = self.load(server, workload, amount)?;
        let cpu = processes
            .cpu()
            .map_err(not_measured)?
            .saturating_sub(cpu_before);
        let measurement = measurement(workload, &loaded, cpu, sampler.finish(), meter.elapsed());
        Ok((loaded.outcome, measurement))
    }

    /// The arrivals of an open loop: the same for every contender.
    fn schedule(
        &self,
        workload: &Workload,
        amount: Amount,
    ) -> Result<Option<Schedule>, load::Error> {
        let Some(rate) = workload.rate_for(self.layout.server_cpus.len()) else {
            return Ok(None);
        };
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
    ) -> Result<Loaded, Failure> {
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
            slow_clients: workload.slow_clients(),
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
        let marks = load::marks::marks(&plan, &outcome);
        match amount {
            Amount::Requests(all)
                if !workload.is_open_loop() && outcome.attempted < all && !outcome.interrupted =>
            {
                let seconds = REQUESTS_DEADLINE.as_secs();
                let done = outcome.attempted;
                Err(not_measured(format!(
                    "only {done} of {all} requests were begun within {seconds} s"
                )))
            }
            _ => Ok(Loaded { outcome, marks }),
        }
    }
}

/// The kinds of request of a workload.
pub(super) fn requests(workload: &Workload) -> load::Workload {
    if !workload.requests.is_empty() {
        return load::Workload::new(workload.requests.iter().map(Kind::template).collect());
    }
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
