//! The plan that the options come to.

use std::env;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, SystemTime};

use anyhow::Context;

use super::{Args, Lie};
use crate::cli::load::{ranks, refuse, stages, workload};
use crate::load::{Amount, Arrivals, Plan, Rank, RequestTemplate, Schedule, Stage};
use crate::load::{Target, TargetError, Workload};
use crate::trace::{Recorder, Side};

/// A name that does not resolve within --duration is given up, but not earlier or later than this.
const RESOLVE_MIN: Duration = Duration::from_secs(1);
const RESOLVE_MAX: Duration = Duration::from_secs(30);

impl Args {
    /// The plan that the options come to.
    ///
    /// # Errors
    /// What is not the caller's fault: a name that does not resolve, a file that cannot be read.
    pub(in crate::cli::load) fn plan(&self) -> anyhow::Result<Plan> {
        let rank = ranks::rank(self.rank, self.ranks, |name| env::var(name).ok());
        let rank = rank.unwrap_or_else(|error| refuse(error));
        let mut plan = Plan {
            workload: self.workload()?,
            connections: self.connections as usize,
            threads: self.threads.into(),
            amount: match (self.requests, self.duration) {
                (Some(requests), _) => Amount::Requests(requests),
                (None, duration) => Amount::Duration(duration.unwrap_or(Plan::DURATION_DEFAULT)),
            },
            time_max: self.requests.and(self.duration),
            schedule: self.schedule(),
            rank,
            start_at: self.start_at(rank),
            warm_up: self.warmup.unwrap_or_default(),
            keep_alive: !self.no_keep_alive,
            requests_per_connection: self.requests_per_connection,
            timeout: self.timeout,
            gone_after: self.gone_after,
            errors_max: self.max_errors,
            cpus: self.cpus.clone(),
            sources: self.sources.clone(),
            body_bytes: self.body_bytes,
            seed: self.seed,
            spin: self.spin,
            timer_slack: self.timer_slack,
            slow_clients: self.slow_clients as usize,
            ..Plan::new(self.target()?)
        };
        plan.check().unwrap_or_else(|error| refuse(error));
        // A call that is wrong empties no file.
        plan.trace = self.open_trace()?;
        Ok(plan)
    }

    /// The file of `--trace`.
    fn open_trace(&self) -> anyhow::Result<Option<Arc<Recorder>>> {
        let Some(path) = &self.trace else {
            return Ok(None);
        };
        let url = self.url.as_deref().unwrap_or_default();
        let opened = Recorder::create(path, self.trace_limit, false, Side::Client, url);
        let recorder =
            opened.with_context(|| format!("cannot write --trace {}", path.display()))?;
        Ok(Some(Arc::new(recorder)))
    }

    /// Several ranks begin together, whether or not a moment was given.
    fn start_at(&self, rank: Option<Rank>) -> Option<SystemTime> {
        let is_one_of_several = rank.is_some_and(|rank| rank.count > 1);
        let common = || ranks::common_start(SystemTime::now());
        self.start_at.or_else(|| is_one_of_several.then(common))
    }

    /// The schedule of an open loop; none for a closed one.
    fn schedule(&self) -> Option<Schedule> {
        let arrivals = match self.arrivals {
            Lie::Constant => Arrivals::Constant,
            Lie::Poisson => Arrivals::Poisson,
        };
        let stages = match (&self.stages, self.rate) {
            (Some(text), _) => stages::stages(text).unwrap_or_else(|error| refuse(error)),
            (None, Some(rate)) => {
                let seconds = self.requests.map(|requests| requests as f64 / rate);
                let time = seconds.and_then(|it| Duration::try_from_secs_f64(it).ok());
                let duration = self.duration.unwrap_or(Plan::DURATION_DEFAULT);
                vec![Stage::hold(rate, time.unwrap_or(duration))]
            }
            (None, None) => return None,
        };
        let schedule = Schedule::new(&stages, arrivals, self.seed);
        let schedule = schedule.unwrap_or_else(|error| refuse(error));
        Some(schedule.limited_to(self.requests.unwrap_or(u64::MAX)))
    }

    /// The workload of the file, or of the single request that the options describe.
    fn workload(&self) -> anyhow::Result<Workload> {
        let think = self.think.unwrap_or_default();
        if let Some(path) = &self.workload {
            let mut requests = workload::read(path)?.requests().to_vec();
            for request in requests.iter_mut().filter(|it| it.think.is_zero()) {
                request.think = think;
            }
            return Ok(Workload::new(requests));
        }
        let mut headers = self.headers.clone();
        headers.extend(self.host.clone().map(|host| ("Host".to_owned(), host)));
        let request = RequestTemplate {
            method: self.method.clone(),
            headers,
            body: self
                .body
                .as_deref()
                .map_or(Ok(Vec::new()), workload::body)?,
            expected_status: self.status,
            think,
            ..RequestTemplate::default()
        };
        workload::check(&request).unwrap_or_else(|error| refuse(error));
        Ok(Workload::new(vec![request]))
    }

    /// A name that does not resolve is the network's fault, anything else the caller's. The
    /// resolver knows no limit of its own, so it works on a thread that may be left behind.
    fn target(&self) -> anyhow::Result<Target> {
        let url = self.url.clone().unwrap_or_default();
        let limit = self
            .duration
            .unwrap_or(RESOLVE_MAX)
            .clamp(RESOLVE_MIN, RESOLVE_MAX);
        let (found, resolved) = mpsc::channel();
        thread::spawn(move || found.send(url.parse::<Target>()));
        match resolved.recv_timeout(limit) {
            Ok(Err(error @ TargetError::Unresolvable { .. })) => Err(error.into()),
            Ok(parsed) => Ok(parsed.unwrap_or_else(|error| refuse(error))),
            Err(_) => anyhow::bail!("the host's name was not resolved within {limit:?}"),
        }
    }
}
