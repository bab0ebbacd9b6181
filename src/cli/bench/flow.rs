//! The steps that every bench takes, alone or as a part of a sweep: look at the machine, ask once,
//! measure, save, show.

use std::fs;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use serde::Serialize;

use super::rates::{self, Rates};
use super::{Args, refuse, report};
use crate::bench::budget::warm_up_for;
use crate::bench::ladder::rates_for;
use crate::bench::limits::{Limits, allow_descriptors};
use crate::bench::plan::Plan;
use crate::bench::preflight;
use crate::bench::results::{Lack, Results};
use crate::bench::stats::Verdict;
use crate::bench::summary::{Summary, summarise};
use crate::bench::{self, Outcome, Setup, json, unp};
use crate::cli::load::stop_on_signals;
use crate::cli::wants_colour;
use crate::load::Watch;
use crate::report::bench_table::{View, WIDTH, WIDTH_MIN};
use crate::report::progress::Progress;
use crate::report::{bench_table, picture, unp_tables};

/// From so many connections on, the machine's limits are looked at first.
const MANY: usize = 500;

/// A contender is worse than the reference.
const EXIT_WORSE: u8 = 3;
/// Whether one is worse cannot be told.
const EXIT_CANNOT_TELL: u8 = 4;

/// What all benches of one call share.
pub(super) struct Session {
    setup: Setup,
    watch: Arc<Watch>,
    lacks: Vec<Lack>,
}

impl Session {
    /// Prepares for `plan` and for `connections` at a time. What it finds is in the second value, a
    /// sentence each.
    pub(super) fn begin(
        args: &Args,
        plan: &mut Plan,
        connections: usize,
    ) -> anyhow::Result<(Session, Vec<String>)> {
        let mut said = limits(plan, connections)?;
        let program = std::env::current_exe()?;
        let findings = preflight::check(&program, plan).unwrap_or_else(|why| refuse(why));
        match args.duration {
            Some(window) => findings
                .check_window(window)
                .unwrap_or_else(|why| refuse(why)),
            None if args.rates.is_some() => {}
            None => said.extend(findings.lengthen(plan)),
        }
        let watch = Arc::new(Watch::default());
        stop_on_signals(&watch)?;
        let setup = Setup::prepare().context("cannot divide the processors")?;
        said.extend(args.choose_rates(&setup, plan, &watch)?);
        let lacks = findings.lacks;
        let session = Session {
            setup,
            watch,
            lacks,
        };
        Ok((session, said))
    }

    /// Measures, and saves the tables. The results are there whatever happened.
    pub(super) fn measure(
        &self,
        plan: Plan,
        directory: &Path,
        progress: &mut Progress,
    ) -> (Results, anyhow::Result<()>) {
        let lacks = self.lacks.clone();
        let Outcome { results, unsaved } =
            bench::run(&self.setup, plan, lacks, directory, &self.watch, progress);
        let saved = match unsaved {
            Some(error) => Err(error),
            None => save_tables(&results, directory),
        };
        let in_vain = || format!("cannot write in {}", directory.display());
        let saved = saved.map_err(anyhow::Error::new);
        let saved = saved.and_then(|()| report::save(&results, directory));
        (results, saved.with_context(in_vain))
    }
}

/// Looks at the machine's limits where many connections are wanted: what is met unawares would look
/// like a model that breaks down. A workload that is only looked at goes if it is too large.
fn limits(plan: &mut Plan, connections: usize) -> anyhow::Result<Vec<String>> {
    let here = Limits::of_this_machine();
    let mut said = Vec::new();
    plan.looks.retain(|look| {
        let why = here.check(look.connections_in_all() as u64).err();
        said.extend(why.map(|why| format!("no look at {}: {why}", look.name)));
        said.len() < 2
    });
    let connections = connections.max(plan.connections_max());
    if connections >= MANY {
        let limits = here.check(connections as u64).map_err(anyhow::Error::msg)?;
        allow_descriptors(connections as u64).context("cannot raise the limit of descriptors")?;
        said.extend(limits);
    }
    Ok(said)
}

impl Args {
    /// With `--rates auto`: finds out what the contenders can do, and sets the rates by that.
    fn choose_rates(
        &self,
        setup: &Setup,
        plan: &mut Plan,
        watch: &Watch,
    ) -> anyhow::Result<Option<String>> {
        if self.rates != Some(Rates::Auto) {
            return Ok(None);
        }
        plan.rates = rates_for(&setup.capacities(plan, watch));
        anyhow::ensure!(
            !plan.rates.is_empty(),
            "no contender answered a closed loop, so there is nothing to choose rates by"
        );
        if self.duration.is_none() {
            plan.window = rates::window(&plan.rates);
            let warm_up = warm_up_for(plan.window);
            plan.warm_up = self.warm_up.unwrap_or(warm_up);
        }
        let rates: Vec<String> = plan.rates.iter().map(ToString::to_string).collect();
        Ok(Some(format!("rates: {} requests/s", rates.join(", "))))
    }

    /// One bench.
    pub(super) fn run_bench(
        &self,
        mut plan: Plan,
        directory: Option<PathBuf>,
    ) -> anyhow::Result<ExitCode> {
        let directory = directory.map_or_else(|| self.directory(), Ok)?;
        let (session, said) = Session::begin(self, &mut plan, 0)?;
        let mut progress = Progress::start(&plan, &said, self.seed.is_none());
        let (results, mut saved) = session.measure(plan, &directory, &mut progress);
        progress.finish();
        if self.unp && saved.is_ok() {
            saved = save_unp(&results, &directory).context("cannot write Stevens' tables");
        }
        let place = saved
            .is_ok()
            .then(|| format!("Saved in {}\n", directory.display()));
        let text = match self.json {
            true => self.json_of(&results)?,
            false => self.text(&results) + &place.unwrap_or_default(),
        };
        crate::cli::print(text.as_bytes())?;
        saved?;
        Ok(exit_code(&results, self.reference.is_some()))
    }

    fn text(&self, results: &Results) -> String {
        match self.unp {
            true => unp_tables::text(&unp::tables(results), results, self.view()),
            false => bench_table::text(results, self.view()),
        }
    }

    fn json_of(&self, results: &Results) -> anyhow::Result<String> {
        /// The file's content, and what follows from it.
        #[derive(Serialize)]
        struct WithSummary<'a> {
            #[serde(flatten)]
            results: &'a Results,
            summary: Summary,
        }
        Ok(match self.unp {
            true => json::to_string(&unp::tables(results))?,
            false => json::to_string(&WithSummary {
                results,
                summary: summarise(results),
            })?,
        })
    }

    /// How this terminal wants its tables; a file gets the usual.
    pub(super) fn view(&self) -> View {
        let is_terminal = std::io::stdout().is_terminal();
        let columns = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
        View {
            width: columns
                .filter(|_| is_terminal)
                .unwrap_or(WIDTH)
                .max(WIDTH_MIN),
            styled: is_terminal && wants_colour(),
            full: self.full,
        }
    }
}

/// The tables as they are printed, as a picture of that, and for Markdown.
fn save_tables(results: &Results, directory: &Path) -> std::io::Result<()> {
    let text = bench_table::text(results, View::PLAIN);
    fs::write(directory.join("table.txt"), &text)?;
    fs::write(directory.join("table.svg"), picture::svg(&text))?;
    fs::write(directory.join("table.md"), bench_table::markdown(results))
}

/// Stevens' tables as text and as JSON.
fn save_unp(results: &Results, directory: &Path) -> std::io::Result<()> {
    let tables = unp::tables(results);
    fs::write(
        directory.join("unp.txt"),
        unp_tables::text(&tables, results, View::PLAIN),
    )?;
    fs::write(directory.join("unp.json"), json::to_string(&tables)?)
}

/// What the exit code says. Without a comparison that was asked for, only whether all went well.
fn exit_code(results: &Results, has_reference: bool) -> ExitCode {
    let failed = results.runs.iter().any(|run| run.failure.is_some());
    if failed || results.interrupted {
        return ExitCode::FAILURE;
    }
    match has_reference {
        true => compared(&summarise(results)),
        false => ExitCode::SUCCESS,
    }
}

fn compared(summary: &Summary) -> ExitCode {
    let verdicts: Vec<(Verdict, Option<bool>)> = summary
        .rankings
        .iter()
        .flat_map(|ranking| {
            let all = ranking.against_reference.iter();
            all.map(|it| {
                (
                    it.comparison.verdict,
                    ranking.is_better(it.comparison.verdict),
                )
            })
        })
        .collect();
    let is_worse = |it: &(Verdict, Option<bool>)| it.1 == Some(false);
    if verdicts.iter().any(is_worse) {
        return ExitCode::from(EXIT_WORSE);
    }
    let cannot_tell = |it: &(Verdict, Option<bool>)| it.0 == Verdict::CannotTell;
    if verdicts.is_empty() || verdicts.iter().any(cannot_tell) {
        return ExitCode::from(EXIT_CANNOT_TELL);
    }
    ExitCode::SUCCESS
}
