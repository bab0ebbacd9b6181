//! `servers run MODEL`: serves with one model until SIGTERM or SIGINT.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::error::ErrorKind;

use super::limits::LimitArgs;
use super::{duration, wrong_call};
use crate::accept::{Listener, Strategy};
use crate::models::{self, Model};
use crate::scoreboard::Scoreboard;
use crate::serve::Server;
use crate::site::{Root, Site};
use crate::sys::errors::plain;
use crate::sys::signal;

/// Serve with one model until SIGTERM or SIGINT.
///
/// The first line on standard output says where: `listening on http://ADDR:PORT`. The first
/// SIGTERM or SIGINT lets requests in flight and those in the accept queue finish; a second one
/// stops at once.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  servers run prefork
  servers run prefork --bind 0.0.0.0:80 --workers 16 --root /srv/www
  servers run threaded --bind 127.0.0.1:0        let the system pick a port
  servers run fork --max-connections 100

Exit codes: 0 stopped in good order, 1 it failed or was stopped by force, 2 the call was wrong.")]
pub(super) struct Args {
    /// The model; `servers list` describes them.
    #[arg(value_name = "MODEL", value_parser = model_parser())]
    model: &'static Model,

    /// Address and port to listen on; port 0 picks a free one.
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8080")]
    #[arg(value_parser = parse_address)]
    bind: SocketAddr,

    /// Worker processes, for models with a pool [default: (2 × cores) + 1].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    workers: Option<u16>,

    /// Threads of each process, for models with a fixed number of them [default: 8; async: one
    /// for each core].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=4096))]
    threads: Option<u16>,

    /// How the workers share the port [default: the model's own; see `servers list`].
    #[arg(long, value_name = "STRATEGY", value_parser = strategy_parser())]
    accept: Option<Strategy>,

    /// Connections served at once, for models with a process, thread or task each; 503 beyond it.
    #[arg(long, value_name = "N", default_value_t = 1024)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    max_connections: u32,

    /// Connections that may wait to be accepted (the kernel caps it at net.core.somaxconn).
    #[arg(long, value_name = "N", default_value_t = 511)]
    #[arg(value_parser = clap::value_parser!(i32).range(1..))]
    backlog: i32,

    /// How long requests in flight may take after the wish to stop.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration::parse)]
    graceful_timeout: Duration,

    /// Directory to serve below /files/.
    #[arg(long, value_name = "DIR", help_heading = "The site")]
    root: Option<PathBuf>,

    /// The most octets that /bytes sends.
    #[arg(long, value_name = "OCTETS", default_value_t = Site::default().bytes_max)]
    #[arg(help_heading = "The site")]
    max_bytes: u64,

    /// The longest that /sleep and /cpu hold a worker.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration::parse)]
    #[arg(help_heading = "The site")]
    max_wait: Duration,

    #[command(flatten)]
    limits: LimitArgs,
}

impl Args {
    pub(super) fn execute(self) -> anyhow::Result<ExitCode> {
        let accept = self.strategy();
        let scoreboard = Scoreboard::create().context("cannot share memory with workers")?;
        let scoreboard = for_ever(scoreboard);
        let site = for_ever(Site {
            root: self.open_root()?,
            bytes_max: self.max_bytes,
            wait_max: self.max_wait,
        });
        let server = for_ever(Server {
            handler: site,
            limits: self.limits.into(),
            workers: self.workers.map_or_else(default_workers, usize::from),
            threads: self.threads.map(usize::from),
            accept,
            scoreboard,
            connections_max: self.max_connections as usize,
        });
        let listener = Listener::bind(self.bind, self.backlog)
            .map_err(|error| explain_bind(self.bind, error))?;
        // From here on a signal means a graceful stop, so nobody may learn the port before.
        signal::handle_stop(self.graceful_timeout).context("cannot handle signals")?;
        announce(&listener).context("cannot write to standard output")?;
        // Where there is but one worker it is this process, without a word from the model.
        scoreboard.enter(0);
        server.rehearse();
        (self.model.run)(server, listener)?;
        Ok(ExitCode::SUCCESS)
    }

    /// What was asked for, if the model has it, or the model's default.
    fn strategy(&self) -> Strategy {
        let known = self.model.strategies;
        let Some(wanted) = self.accept else {
            return known.first().copied().unwrap_or(Strategy::Shared);
        };
        if !known.contains(&wanted) {
            let names: Vec<&str> = known.iter().map(|strategy| strategy.name()).collect();
            let (model, wanted) = (self.model.name, wanted.name());
            let message = format!(
                "{model} has no --accept {wanted}; it can do: {}",
                names.join(", ")
            );
            wrong_call("run", ErrorKind::ValueValidation, message);
        }
        wanted
    }

    fn open_root(&self) -> anyhow::Result<Option<Root>> {
        let Some(path) = &self.root else {
            return Ok(None);
        };
        let root = Root::open(path)
            .with_context(|| format!("cannot serve files from --root {}", path.display()))?;
        Ok(Some(root))
    }
}

/// A value that lives as long as the process: whoever serves may need it to the very end.
fn for_ever<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

/// Names and aliases from the registry, so that a misspelt one gets a suggestion.
pub(super) fn model_parser() -> impl TypedValueParser<Value = &'static Model> {
    let names = models::ALL.iter().map(|model| {
        PossibleValue::new(model.name)
            .aliases(model.aliases)
            .help(model.summary)
    });
    PossibleValuesParser::new(names).map(|name| {
        models::find(&name).expect("clap only lets names through that come from the registry")
    })
}

/// The names of all strategies; which of them a model has is its own affair.
fn strategy_parser() -> impl TypedValueParser<Value = Strategy> {
    let names =
        Strategy::ALL.map(|strategy| PossibleValue::new(strategy.name()).help(strategy.summary()));
    PossibleValuesParser::new(names).map(|name| {
        let known = Strategy::ALL.into_iter().find(|it| it.name() == name);
        known.expect("clap only lets names through that come from the list")
    })
}

/// Names are not resolved: one may stand for several addresses, and a server has one listener.
fn parse_address(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse()
        .map_err(|_| "should be an address and a port in digits, as in 127.0.0.1:8080 or [::1]:0")
}

/// Gunicorn's advice: enough workers that some can compute while others wait.
fn default_workers() -> usize {
    2 * std::thread::available_parallelism().map_or(1, usize::from) + 1
}

/// The first line of standard output: scripts wait for it.
fn announce(listener: &Listener) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "listening on http://{}", listener.address()?)?;
    out.flush()
}

/// The usual reasons why a port cannot be had, with what to do about them.
fn explain_bind(address: SocketAddr, error: io::Error) -> anyhow::Error {
    let hint = match error.kind() {
        io::ErrorKind::AddrInUse => "; another server has this port: choose one with --bind",
        io::ErrorKind::PermissionDenied => "; ports below 1024 need privileges: choose another",
        io::ErrorKind::AddrNotAvailable => "; this machine does not have that address",
        _ => "",
    };
    anyhow::anyhow!("cannot listen on {address}: {}{hint}", plain(&error))
}
