//! The options of `servers run` for the master's pool: how many workers, and when one is replaced.

use std::time::Duration;

use clap::ValueEnum;

use super::duration;
use super::option_conflict::OptionConflict;
use crate::accept::Strategy;
use crate::models::Model;
use crate::server::{PoolSettings, Recycling, Sizing};

/// The most workers of a pool of varying size, without --workers: Apache's ServerLimit.
const LIMIT: u16 = 256;
/// Idle workers to keep: Apache's MinSpareServers and MaxSpareServers.
const SPARE: (u16, u16) = (5, 10);
/// After this time without a connection an on-demand worker leaves: php-fpm's process_idle_timeout.
const IDLE: Duration = Duration::from_secs(10);
/// Workers show a sign of life four times a second. A shorter timeout would kill healthy ones.
const WORKER_TIMEOUT_MIN: Duration = Duration::from_secs(1);

/// How the number of workers is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// As many as --workers says.
    Static,
    /// Enough that a few are idle, up to --workers (Apache's rule).
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

    /// Worker processes: their number if --pool is static, else the most at a time [default: (2 ×
    /// cores) + 1 if static, else 256].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) workers: Option<u16>,

    /// The fewest idle workers of a dynamic pool. A worker with several threads counts as idle
    /// while one of its threads is [default: 5].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    min_spare: Option<u16>,

    /// The most idle workers of a dynamic pool. A worker that has a client stays, even if its other
    /// threads are idle [default: 10, or --min-spare if that is more].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    max_spare: Option<u16>,

    /// An on-demand worker leaves after this time without a connection [default: 10s].
    #[arg(long, value_name = "TIME", value_parser = duration::parse_some)]
    idle_timeout: Option<Duration>,

    /// A worker that shows no sign of life for this long is killed and replaced; 0s for never. A
    /// slow client or a slow request never causes that; see --request-timeout.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = parse_worker_timeout)]
    worker_timeout: Duration,

    /// A worker is killed and replaced when one request has held its handler for this long. A
    /// worker with several threads is told to leave first [default: never].
    #[arg(long, value_name = "TIME", value_parser = duration::parse_some)]
    request_timeout: Option<Duration>,

    /// Requests after which a worker leaves and is replaced; 0 for never.
    #[arg(long, value_name = "N", default_value_t = 0)]
    max_requests: u64,

    /// Adds up to this many requests to --max-requests, drawn at random for each worker, so that
    /// not all workers leave at once.
    #[arg(long, value_name = "N", default_value_t = 0)]
    max_requests_jitter: u64,

    /// MiB of memory (the resident set) beyond which a worker leaves and is replaced; 0 for never.
    /// The master looks once a second. Memory that workers share counts in each of them.
    #[arg(long, value_name = "MIB", default_value_t = 0)]
    max_memory: u32,

    /// Adds up to this many MiB to --max-memory, drawn at random for each worker.
    #[arg(long, value_name = "MIB", default_value_t = 0)]
    max_memory_jitter: u32,

    /// Time after which a worker leaves and is replaced; 0s for never.
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = duration::parse)]
    max_age: Duration,

    /// Adds up to this time to --max-age, drawn at random for each worker.
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = duration::parse)]
    max_age_jitter: Duration,

    /// At SIGUSR2: how long the kernel may take to open the program of the successor, which may lie
    /// on a file system that does not answer. After that the upgrade is given up.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration::parse_some)]
    exec_timeout: Duration,
}

impl PoolArgs {
    /// The number of workers, or the most there may be.
    pub(super) fn workers(&self) -> usize {
        match (self.workers, self.kind) {
            (Some(workers), _) => workers.into(),
            (None, Kind::Static) => default_workers(),
            (None, _) => LIMIT.into(),
        }
    }

    /// The settings of the pool. `grace` is how long a worker that has to leave may take, and
    /// `drain_delay` how long a graceful stop is put off.
    ///
    /// # Errors
    /// The options do not go together.
    pub(super) fn rules(
        &self,
        model: &Model,
        accept: Strategy,
        grace: Duration,
        drain_delay: Duration,
    ) -> Result<PoolSettings, OptionConflict> {
        self.refuse_without_workers(accept)?;
        Ok(PoolSettings {
            sizing: self.sizing(model)?,
            worker_timeout: Some(self.worker_timeout).filter(|time| !time.is_zero()),
            request_timeout: self.request_timeout,
            max_requests: self.max_requests,
            max_requests_jitter: self.max_requests_jitter,
            recycling: Recycling {
                max_memory_mib: self.max_memory.into(),
                max_memory_jitter_mib: self.max_memory_jitter.into(),
                max_age: self.max_age,
                max_age_jitter: self.max_age_jitter,
            },
            grace,
            exec_time: self.exec_timeout,
            drain_delay,
        })
    }

    /// Refuses a pool that may have no worker, or fewer than before, where the strategy needs one
    /// to accept at all times.
    fn refuse_without_workers(&self, accept: Strategy) -> Result<(), OptionConflict> {
        let needs_them = match self.kind {
            Kind::Static => false,
            // A worker that leaves would leave its own accept queue without a worker.
            Kind::Dynamic => accept.has_queue_per_worker,
            // A master that accepts passes connections to workers that exist.
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
            let message = format!("{name} has no pool of varying size: leave out --pool");
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

/// Refuses the first of the `options`, if it `is_given`, where it would have no effect.
fn refuse(
    between: &'static [&'static str],
    is_given: bool,
    kind: Kind,
) -> Result<(), OptionConflict> {
    match between.first() {
        Some(option) if is_given => {
            let kind = name(kind);
            let message = format!("--{option} only has an effect with --pool {kind}");
            Err(OptionConflict::between(between, message))
        }
        _ => Ok(()),
    }
}

fn name(kind: Kind) -> String {
    let value = kind.to_possible_value();
    value.map_or_else(String::new, |value| value.get_name().to_owned())
}

/// Gunicorn's advice: enough workers that some compute while the others wait.
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
