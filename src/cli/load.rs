//! `servers load`.

use std::io::{self, IsTerminal};
use std::process::{self, ExitCode};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::Duration;

use clap::error::ErrorKind;
use nix::sys::signal::{SigSet, Signal};

use super::{duration, wrong_call};
use crate::load::{self, Amount, Outcome, Plan, Target, TargetError, Watch};
use crate::report::load as report;

/// Load a URL and measure it.
///
/// A closed loop: each connection sends its next request as soon as it has its answer. Every answer
/// is parsed and verified; every failure is counted by its kind. Ctrl-C ends the run early and
/// shows what was measured so far; a second Ctrl-C ends it at once.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Where to send the requests: http://HOST[:PORT][/PATH][?QUERY]
    url: String,
    /// Connections, each with one request in flight
    #[arg(short, long, value_name = "N", default_value_t = Plan::CONNECTIONS_DEFAULT as u32)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    connections: u32,
    /// How long to go on: 500ms, 10s, 2m [default: 10s]
    #[arg(short, long, value_name = "TIME", value_parser = duration::parse)]
    duration: Option<Duration>,
    /// Go on until this many requests are answered or have failed
    #[arg(short = 'n', long, value_name = "N", conflicts_with = "duration")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    requests: Option<u64>,
    /// Threads, each with an event loop and its share of the connections
    #[arg(long, value_name = "N", default_value_t = Plan::THREADS_DEFAULT as u16)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=THREADS_MAX))]
    threads: u16,
    /// Open a new connection for each request
    #[arg(long)]
    no_keep_alive: bool,
    /// How long one request may take, connecting included
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration::parse)]
    timeout: Duration,
    /// Length that every body must have, in bytes; others count as wrong_body
    #[arg(long, value_name = "BYTES")]
    body_bytes: Option<u64>,
    /// Processors to pin the threads to, in turn
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    cpus: Vec<usize>,
    /// Print one JSON object instead of a table
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  servers load http://127.0.0.1:8080/
  servers load http://127.0.0.1:8080/ -c 16 -d 2s --no-keep-alive
  servers load http://127.0.0.1:8080/bytes?n=1000 -n 100000 --body-bytes 1000 --json

Exit codes: 0 something was answered, 1 nothing was, 2 the call was wrong.";

/// Far more event loops than any machine has processors for; each has a histogram of its own.
const THREADS_MAX: i64 = 1024;
/// What a shell reports of a command that SIGINT ended.
const EXIT_INTERRUPTED: i32 = 130;

impl Args {
    pub(super) fn execute(self) -> anyhow::Result<ExitCode> {
        let plan = self.plan()?;
        let watch = Arc::new(Watch::default());
        stop_on_signals(&watch)?;
        let outcome = run(&plan, &watch)?;
        super::print(self.render(&plan, &outcome)?.as_bytes())?;
        Ok(if outcome.requests > 0 && outcome.gone_since.is_none() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }

    fn plan(&self) -> anyhow::Result<Plan> {
        let plan = Plan {
            connections: self.connections as usize,
            threads: self.threads.into(),
            amount: match (self.requests, self.duration) {
                (Some(requests), _) => Amount::Requests(requests),
                (None, duration) => Amount::Duration(duration.unwrap_or(Plan::DURATION_DEFAULT)),
            },
            keep_alive: !self.no_keep_alive,
            timeout: self.timeout,
            cpus: self.cpus.clone(),
            body_bytes: self.body_bytes,
            ..Plan::new(self.target()?)
        };
        plan.check().unwrap_or_else(|error| refuse(error));
        Ok(plan)
    }

    /// A name that does not resolve is the network's fault, anything else the caller's.
    fn target(&self) -> Result<Target, TargetError> {
        match self.url.parse() {
            Err(error @ TargetError::Unresolvable { .. }) => Err(error),
            parsed => Ok(parsed.unwrap_or_else(|error| refuse(error))),
        }
    }

    fn render(&self, plan: &Plan, outcome: &Outcome) -> anyhow::Result<String> {
        Ok(match self.json {
            true => serde_json::to_string_pretty(&report::json(plan, outcome))? + "\n",
            false => report::table(plan, outcome),
        })
    }
}

/// Carries out the plan, with a progress bar if somebody can see it.
fn run(plan: &Plan, watch: &Watch) -> Result<Outcome, load::Error> {
    if !io::stderr().is_terminal() {
        return load::run(plan, watch);
    }
    thread::scope(|scope| {
        let loading = scope.spawn(|| load::run(plan, watch));
        report::watch(plan, watch, || loading.is_finished());
        loading
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// The first SIGINT or SIGTERM ends the run, the second the process. The signals are blocked here,
/// before there are other threads to inherit it, so that only the waiting thread takes them.
pub(super) fn stop_on_signals(watch: &Arc<Watch>) -> anyhow::Result<()> {
    let signals = SigSet::from_iter([Signal::SIGINT, Signal::SIGTERM]);
    signals.thread_block()?;
    let watch = Arc::clone(watch);
    thread::spawn(move || {
        while signals.wait().is_ok() {
            if watch.stop.swap(true, Relaxed) {
                process::exit(EXIT_INTERRUPTED);
            }
        }
    });
    Ok(())
}

fn refuse(error: impl std::fmt::Display) -> ! {
    wrong_call("load", ErrorKind::ValueValidation, error)
}
