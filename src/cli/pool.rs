//! The options of `servers run` that tell a master how to keep its pool of workers.

use std::time::Duration;

use clap::ValueEnum;

use super::duration;
use super::option_conflict::OptionConflict;
use crate::accept::Strategy;
use crate::models::Model;
use crate::server::{PoolSettings, Sizing};

/// Workers that a pool of varying size may have unless told otherwise: Apache's ServerLimit.
const LIMIT: u16 = 256;
/// Idle workers to keep: Apache's MinSpareServers and MaxSpareServers.
const SPARE: (u16, u16) = (5, 10);
/// What nobody has needed for so long may leave: php-fpm's process_idle_timeout.
const IDLE: Duration = Duration::from_secs(10);
/// Workers show a sign of life four times a second; so much less would condemn the living.
const WORKER_TIMEOUT_MIN: Duration = Duration::from_secs(1);

/// How the number of workers is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// As many as --workers says.
    Static,
    /// Some to spare, up to --workers (Apache's rule).
    Dynamic,
    /// None until a connection waits, up to --workers.
    Ondemand,
}

/// One option for each rule of a [`Pool`].
#[derive(clap::Args)]
#[command(next_help_heading = "The pool of workers (models with a master)")]
pub(super) struct PoolArgs {
    /// How the number of workers is decided.
    #[arg(long = "pool", value_name = "KIND", value_enum, default_value_t = Kind::Static)]
    kind: Kind,

    /// Worker processes: their number if it is static, else the most there may be [default: (2 ×
    /// cores) + 1 if static, else 256].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) workers: Option<u16>,

    /// Idle workers that a dynamic pool keeps at least; one with several threads is idle as long as
    /// one of them is [default: 5].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    min_spare: Option<u16>,

    /// Idle workers that a dynamic pool keeps at most; one that has a client stays, whatever its
    /// other threads do [default: 10, or --min-spare if more].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    max_spare: Option<u16>,

    /// Workers made on demand leave when they were not needed for so long [default: 10s].
    #[arg(long, value_name = "TIME", value_parser = duration::parse_some)]
    idle_timeout: Option<Duration>,

    /// A worker that shows no sign of life for so long is killed and replaced; 0s for never. Slow
    /// clients and slow requests are no reason: see --request-timeout.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = parse_worker_timeout)]
    worker_timeout: Duration,

    /// A worker is killed and replaced when a single request has held its handler for so long; one
    /// with several threads is told to leave first [default: never].
    #[arg(long, value_name = "TIME", value_parser = duration::parse_some)]
    request_timeout: Option<Duration>,

    /// Requests after which a worker leaves and is replaced; 0 for never.
    #[arg(long, value_name = "N", default_value_t = 0)]
    max_requests: u64,

    /// Up to so many more requests, drawn for each worker, so that not all leave at once.
    #[arg(long, value_name = "N", default_value_t = 0)]
    max_requests_jitter: u64,
}

impl PoolArgs {
    /// How many workers there are, or may be.
    pub(super) fn workers(&self) -> usize {
        match (self.workers, self.kind) {
            (Some(workers), _) => workers.into(),
            (None, Kind::Static) => default_workers(),
            (None, _) => LIMIT.into(),
        }
    }

    /// The rules; `grace` is what those that are to leave are given.
    ///
    /// # Errors
    /// What is asked for does not go together.
    pub(super) fn rules(
        &self,
        model: &Model,
        accept: Strategy,
        grace: Duration,
    ) -> Result<PoolSettings, OptionConflict> {
        self.refuse_without_workers(accept)?;
        Ok(PoolSettings {
            sizing: self.sizing(model)?,
            worker_timeout: Some(self.worker_timeout).filter(|time| !time.is_zero()),
            request_timeout: self.request_timeout,
            max_requests: self.max_requests,
            max_requests_jitter: self.max_requests_jitter,
            grace,
        })
    }

    /// Some strategies need somebody who accepts, at all times.
    fn refuse_without_workers(&self, accept: Strategy) -> Result<(), OptionConflict> {
        let needs_them = match self.kind {
            Kind::Static => false,
            // Each worker has an accept queue of its own, which would be left alone with it.
            Kind::Dynamic => accept.has_queue_per_worker,
            // Where the master accepts, it does so for workers that are there.
            Kind::Ondemand => accept.has_queue_per_worker || accept.master_accepts,
        };
        if needs_them {
            let kind = name(self.kind);
            let accept = accept.name;
            let message = format!("--pool {kind} does not go with --accept {accept}");
            return Err(OptionConflict::between(&["pool", "accept"], message));
        }
        Ok(())
    }

    fn sizing(&self, model: &Model) -> Result<Sizing, OptionConflict> {
        if self.kind != Kind::Dynamic {
            let (min, max) = (self.min_spare.is_some(), self.max_spare.is_some());
            refuse(&["min-spare", "pool"], min, Kind::Dynamic)?;
            refuse(&["max-spare", "pool"], max, Kind::Dynamic)?;
        }
        if self.kind != Kind::Ondemand {
            let idle = self.idle_timeout.is_some();
            refuse(&["idle-timeout", "pool"], idle, Kind::Ondemand)?;
        }
        if self.kind != Kind::Static && !model.can_size_its_pool() {
            let name = model.name;
            let message = format!("{name} has no pool that could size itself: leave out --pool");
            return Err(OptionConflict::between(&["pool"], message));
        }
        match self.kind {
            Kind::Static => Ok(Sizing::Static),
            Kind::Dynamic => self.spare(),
            Kind::Ondemand => Ok(Sizing::OnDemand {
                idle: self.idle_timeout.unwrap_or(IDLE),
            }),
        }
    }

    fn spare(&self) -> Result<Sizing, OptionConflict> {
        let least = self
            .min_spare
            .unwrap_or(SPARE.0.min(self.max_spare.unwrap_or(SPARE.0)));
        let most = self.max_spare.unwrap_or(SPARE.1.max(least));
        if most < least {
            let message = format!("--max-spare {most} is less than --min-spare {least}");
            return Err(OptionConflict::value(&["max-spare", "min-spare"], message));
        }
        Ok(Sizing::Dynamic {
            spare_min: least.into(),
            spare_max: most.into(),
        })
    }
}

/// An option that would have no effect is a misunderstanding: it is the first of those `between`.
fn refuse(
    between: &'static [&'static str],
    is_given: bool,
    kind: Kind,
) -> Result<(), OptionConflict> {
    match between.first() {
        Some(option) if is_given => {
            let kind = name(kind);
            let message = format!("--{option} means something with --pool {kind} alone");
            Err(OptionConflict::between(between, message))
        }
        _ => Ok(()),
    }
}

fn name(kind: Kind) -> String {
    let value = kind.to_possible_value();
    value.map_or_else(String::new, |value| value.get_name().to_owned())
}

/// Gunicorn's advice: enough workers that some can compute while others wait.
fn default_workers() -> usize {
    2 * std::thread::available_parallelism().map_or(1, usize::from) + 1
}

fn parse_worker_timeout(text: &str) -> Result<Duration, String> {
    let time = duration::parse(text)?;
    if time.is_zero() || time >= WORKER_TIMEOUT_MIN {
        return Ok(time);
    }
    Err(
        "should be at least 1s, or 0s for never: workers show a sign of life every 250ms"
            .to_owned(),
    )
}
