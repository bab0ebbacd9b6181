//! `servers load`.

mod arguments;
mod expect;
mod find_max;
mod moment;
mod ranks;
mod self_test;
mod stages;
mod workload;

use std::fs;
use std::io::{self, IsTerminal};
use std::path::Path;
use std::process::{self, ExitCode};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;

use anyhow::Context;
use clap::error::ErrorKind;
use nix::sys::signal::{SigSet, Signal};
use terminal_size::terminal_size_of;

use super::wrong_call;
use crate::load::{self, Expectation, Outcome, Plan, Watch};
use crate::report::load as report;

pub(super) use arguments::Args;
pub(super) use expect::parse as parse_expectation;
pub(super) use stages::some_rate;
pub(super) use workload::read as read_workload;

/// What a shell reports of a command that SIGINT ended.
const EXIT_INTERRUPTED: i32 = 130;
/// An expectation was not met.
const EXIT_NOT_MET: u8 = 3;
/// The generator was the limit, so the server's is not known.
const EXIT_CANNOT_TELL: u8 = 4;

impl Args {
    pub(super) fn execute(self) -> anyhow::Result<ExitCode> {
        // Before signals are held back, so that Ctrl-C ends even a name that does not resolve.
        let plan = match self.self_test {
            true => None,
            false => Some(self.plan()?),
        };
        if self.ranks.is_none()
            && !self.quiet
            && let Some(hint) = ranks::hint(|name| std::env::var(name).ok())
        {
            super::complain(&hint);
        }
        let watch = Arc::new(Watch::default());
        stop_on_signals(&watch)?;
        let Some(plan) = plan else {
            return self_test::execute(&self, &watch);
        };
        if self.find_max {
            return find_max::execute(&self, &plan, &watch);
        }
        let outcome = self.run(&plan, &watch)?;
        self.write_files(&plan, &outcome)?;
        super::print(self.render(&plan, &outcome)?.as_bytes())?;
        Ok(exit_code(&outcome, &self.expect))
    }

    fn render(&self, plan: &Plan, outcome: &Outcome) -> anyhow::Result<String> {
        if self.json {
            let json = report::json(plan, outcome, &self.expect);
            return Ok(serde_json::to_string_pretty(&json)? + "\n");
        }
        Ok(match self.csv {
            true => report::csv(outcome),
            false => report::table(plan, outcome, &self.expect, width()),
        })
    }

    fn write_files(&self, plan: &Plan, outcome: &Outcome) -> anyhow::Result<()> {
        if let Some(path) = &self.hlog {
            let json = report::json(plan, outcome, &self.expect);
            write(path, &report::hlog(json, outcome)?)?;
        }
        if let Some(path) = &self.report {
            write(path, report::html(plan, outcome, &self.expect)?.as_bytes())?;
        }
        Ok(())
    }

    /// Carries out the plan and shows its progress: a live view on a terminal, a line a second
    /// elsewhere, unless the output is for programs.
    fn run(&self, plan: &Plan, watch: &Watch) -> Result<Outcome, load::Error> {
        let is_terminal = io::stderr().is_terminal();
        if self.quiet || (!is_terminal && (self.json || self.csv)) {
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
}

/// Nothing measured, or a server that went away, is a failure before any expectation.
pub(super) fn exit_code(outcome: &Outcome, expectations: &[Expectation]) -> ExitCode {
    if outcome.requests == 0 || outcome.gone_since.is_some() || outcome.early_end.is_some() {
        ExitCode::FAILURE
    } else if expectations.iter().all(|it| it.is_met(outcome)) {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(EXIT_NOT_MET)
    }
}

/// The width of the terminal that the output goes to.
pub(super) fn width() -> usize {
    let terminal = terminal_size_of(io::stdout()).map(|(width, _)| usize::from(width.0));
    terminal.map_or(report::WIDTH_MAX, |width| width.min(report::WIDTH_MAX))
}

pub(super) fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
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
