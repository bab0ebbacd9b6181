//! `servers bench`.

mod contenders;
mod sweep;

use std::fs;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use clap::error::ErrorKind;

use super::load::stop_on_signals;
use super::run::strategy_parser;
use super::{duration, verify, wrong_call};
use crate::accept::Strategy;
use crate::bench::budget::{Budget, SWEEP_BLOCKS, SWEEP_WINDOW, warm_up_for};
use crate::bench::environment::utc;
use crate::bench::plan::{Contender, Plan, Scenario};
use crate::bench::results::{FILE_NAME, Results};
use crate::bench::sweep::Sweep;
use crate::bench::{Setup, json, unp};
use crate::load::Watch;
use crate::models;
use crate::report::{bench_table, markdown, picture, progress::Progress, unp_tables};
use contenders::{Common, Entry, EntryParser, PLACEHOLDER, number_namesakes};

/// Compare servers: start each as a process of its own, load it, and print one table.
///
/// Every server runs once in each block, in random order, so that a change of the machine's mood
/// hits all alike; each time it is started afresh, warmed up, measured for one window and stopped,
/// and it is verified that nothing of it is left. The table shows medians over the blocks. All raw
/// figures are saved. Ctrl-C ends it early and shows what was measured so far.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// What to compare: models, or whole command lines of `servers run` in quotes; one named twice
    /// shows how far equals differ here
    #[arg(value_name = PLACEHOLDER, value_parser = EntryParser)]
    contenders: Vec<Entry>,
    /// Compare all models
    #[arg(long, conflicts_with = "contenders")]
    all: bool,
    /// Stevens' nine servers, with his two tables beside ours: the CPU time of process control, and
    /// how a pool of 15 shares 5000 connections
    #[arg(long, conflicts_with_all = ["contenders", "all", "sweep", "mode", "duration", "warm_up"])]
    unp: bool,
    /// Repeat all with another number each time: of connections, workers or threads
    #[arg(long, value_name = "NAME=N,N,…", conflicts_with = "requests")]
    sweep: Option<Sweep>,
    /// Shorter windows and fewer blocks: a first impression in under a minute
    #[arg(long)]
    quick: bool,
    /// Connections of the load, each with one request in flight [default: 16]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=20_000))]
    connections: Option<u32>,
    /// Length of a window: 500ms, 2s [default: what fits the whole into its time]
    #[arg(short, long, value_name = "TIME", value_parser = duration::parse_some)]
    duration: Option<Duration>,
    /// End each window after so many requests instead
    #[arg(short = 'n', long, value_name = "N", conflicts_with_all = ["duration", "warm_up"])]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    requests: Option<u64>,
    /// Load before each window, not measured [default: a quarter of the window]
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    warm_up: Option<Duration>,
    /// Repetitions of the whole [default: 5, or 3 with --quick; 3 or 1 with --sweep]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    blocks: Option<u32>,
    /// How connections are used [default: both; close with --sweep]
    #[arg(long, value_enum)]
    mode: Option<Mode>,
    /// What is asked for [default: /]
    #[arg(long, value_parser = parse_path)]
    path: Option<String>,
    /// Worker processes of every server that has a pool of them and says nothing else
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    workers: Option<u16>,
    /// Threads of every server that has a fixed number of them and says nothing else
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=4096))]
    threads: Option<u16>,
    /// How workers share the port, where a model has this strategy; the others run as they do
    #[arg(long, value_name = "STRATEGY", value_parser = strategy_parser(), conflicts_with = "unp")]
    accept: Option<Strategy>,
    /// Any other option for every server, like --run-arg=--backlog=16; may be repeated
    #[arg(long, value_name = "OPTION", allow_hyphen_values = true)]
    run_arg: Vec<String>,
    /// Decides the order within the blocks [default: another one each time]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Where to put the results [default: bench-results/TIME]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print the results as JSON instead of the table
    #[arg(long)]
    json: bool,
    /// Instead of measuring, see whether the answers are right under load
    #[arg(long, value_name = "WHAT", value_enum)]
    #[arg(conflicts_with_all = ["quick", "duration", "warm_up", "blocks", "mode", "path", "seed"])]
    #[arg(conflicts_with = "out")]
    verify: Option<verify::Subject>,
}

const EXAMPLES: &str = "\
Examples:
  servers bench --all                            every model, within 4 minutes
  servers bench --all --quick                    the same, roughly, within one
  servers bench prefork threaded --mode close    two models, a connection per request
  servers bench 'prefork --workers 4' 'prefork --workers 16'
                                                 one model with different options
  servers bench prefork --workers 16             an option of servers run for all that take it
  servers bench fork fork                        one model twice: what a difference must exceed
  servers bench --unp                            Stevens' tables, in about a minute
  servers bench --all --sweep connections=20,200,1000,3000,8000,15000
                                                 where each model breaks down, and how
  servers bench --all --verify time              whose answers are wrong, and how often

Saved in the results' directory: results.json (every raw figure) and the table as table.txt,
table.md and table.svg; also unp.txt and unp.json, or sweep.txt, sweep.json and a directory for each
value of the sweep.
Exit codes: 0 done, 1 a server failed or the bench was interrupted, 2 the call was wrong.";

/// The scenarios to run.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Mode {
    /// A connection per request
    Close,
    /// As many requests over a connection as the server allows
    KeepAlive,
    /// One after the other
    Both,
}

const CONNECTIONS_DEFAULT: usize = 16;

impl Args {
    pub(super) fn execute(self) -> anyhow::Result<ExitCode> {
        if let Some(subject) = self.verify {
            let connections = self
                .connections
                .map_or(CONNECTIONS_DEFAULT, |it| it as usize);
            let contenders = self.contenders(&self.common());
            return verify::execute(subject, &contenders, connections, self.json);
        }
        let plan = self.plan();
        if let Some(sweep) = self.sweep.clone() {
            let stretches = self.duration.is_none();
            return self.sweep(&Sweep { stretches, ..sweep }, &plan);
        }
        let directory = self.directory()?;
        let watch = Arc::new(Watch::default());
        stop_on_signals(&watch)?;
        let setup = Setup::prepare().context("cannot divide the processors")?;
        let mut progress = Progress::start(&plan, self.seed.is_none());
        let outcome = crate::bench::run(&setup, plan, &directory, &watch, &mut progress);
        progress.finish();
        let results = outcome.context("the bench could not go on")?;
        let in_vain = || format!("cannot write in {}", directory.display());
        save_tables(&results, &directory).with_context(in_vain)?;
        let shown = if self.unp {
            save_unp(&results, &directory).with_context(in_vain)?
        } else {
            FILE_NAME
        };
        let text = match self.json {
            true => String::from_utf8(fs::read(directory.join(shown))?)?,
            false => self.text(&results, &directory),
        };
        super::print(text.as_bytes())?;
        let failed = results.runs.iter().any(|run| run.failure.is_some());
        Ok(verdict(failed || results.interrupted))
    }

    fn plan(&self) -> Plan {
        let common = self.common();
        let contenders = self.contenders(&common);
        let mode = match self.sweep.is_some() || self.unp {
            true => self.mode.unwrap_or(Mode::Close),
            false => self.mode.unwrap_or(Mode::Both),
        };
        let scenarios = match mode {
            Mode::Close => vec![Scenario::Close],
            Mode::KeepAlive => vec![Scenario::KeepAlive],
            Mode::Both => vec![Scenario::Close, Scenario::KeepAlive],
        };
        let budget = match self.quick {
            true => Budget::QUICK,
            false => Budget::FULL,
        };
        let blocks = match self.sweep {
            Some(_) => SWEEP_BLOCKS[usize::from(self.quick)],
            None => budget.blocks,
        };
        let blocks = self.blocks.map_or(blocks, |blocks| blocks as usize);
        let runs = contenders.len() * scenarios.len() * blocks;
        let window = self.duration.unwrap_or_else(|| match self.sweep {
            Some(_) => SWEEP_WINDOW,
            None => budget.window(contenders.len(), runs),
        });
        let (connections, path) = match self.unp {
            true => (unp::CONNECTIONS, unp::PATH),
            false => (CONNECTIONS_DEFAULT, "/"),
        };
        Plan {
            options: common.listed(),
            warm_up: self.warm_up.unwrap_or_else(|| warm_up_for(window)),
            connections: self.connections.map_or(connections, |given| given as usize),
            path: self.path.clone().unwrap_or_else(|| path.to_owned()),
            seed: self.seed.unwrap_or_else(|| u64::from(fastrand::u32(..))),
            contenders,
            scenarios,
            blocks,
            window,
            requests: self.requests.or(self.unp.then_some(unp::REQUESTS)),
        }
    }

    /// What every server gets beside its own options.
    fn common(&self) -> Common {
        let pool = self.unp.then_some(unp::POOL);
        let mut options = Vec::new();
        for (name, value) in [("--workers", self.workers), ("--threads", self.threads)] {
            options.extend(value.or(pool).map(|value| (name, value.to_string())));
        }
        Common {
            options,
            accept: self.accept.map(|it| it.name),
            verbatim: self.run_arg.clone(),
        }
    }

    fn contenders(&self, common: &Common) -> Vec<Contender> {
        if self.unp {
            return stevens(common);
        }
        let entries: Vec<Entry> = match self.all {
            true => models::ALL.iter().map(Entry::of).collect(),
            false => self.contenders.clone(),
        };
        if entries.is_empty() {
            let names: Vec<&str> = models::ALL.iter().map(|model| model.name).collect();
            let advice = format!(
                "name the models to compare ({}), or say --all",
                names.join(", ")
            );
            wrong_call("bench", ErrorKind::MissingRequiredArgument, advice);
        }
        let mut contenders: Vec<Contender> = entries
            .iter()
            .map(|entry| entry.with(common).unwrap_or_else(|why| refuse(why)))
            .collect();
        if let Some(strategy) = common
            .accept
            .filter(|it| !common.accept_is_used(&contenders, it))
        {
            refuse(format!("none of these models has --accept {strategy}"));
        }
        number_namesakes(&mut contenders);
        contenders
    }

    /// Creates the directory of the results before anything is measured in vain.
    fn directory(&self) -> anyhow::Result<PathBuf> {
        let by_time = || Path::new("bench-results").join(utc(SystemTime::now()).replace(':', ""));
        let directory = self.out.clone().unwrap_or_else(by_time);
        fs::create_dir_all(&directory)
            .with_context(|| format!("cannot create {}", directory.display()))?;
        Ok(directory)
    }

    fn text(&self, results: &Results, directory: &Path) -> String {
        let table = match self.unp {
            true => unp_tables::text(&unp::tables(results), results),
            false => bench_table::text(results, is_styled()),
        };
        format!("{table}Saved in {}\n", directory.display())
    }
}

/// Those of the nine that this program has; the others have their rows all the same. The first is
/// what the others are compared with.
fn stevens(common: &Common) -> Vec<Contender> {
    let contender = |server: &unp::Server| Entry::read(&server.arguments.join(" "))?.with(common);
    let (baseline, others) = unp::SERVERS.split_at(1);
    let baseline = baseline
        .iter()
        .map(|server| contender(server).unwrap_or_else(|why| refuse(why)));
    let others = others.iter().filter_map(|server| contender(server).ok());
    baseline.chain(others).collect()
}

/// Whether standard output is a terminal, and nobody minds colours.
fn is_styled() -> bool {
    let is_terminal = std::io::stdout().is_terminal();
    is_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// A path as a request line has it: RFC 9112 section 3.2.1.
fn parse_path(text: &str) -> Result<String, String> {
    if !text.starts_with('/') {
        return Err("should start with /".to_owned());
    }
    match text.chars().find(|character| !character.is_ascii_graphic()) {
        Some(character) => Err(format!("{character:?} must be percent-encoded")),
        None => Ok(text.to_owned()),
    }
}

/// The table as it was printed, as a picture of that, and for Markdown.
fn save_tables(results: &Results, directory: &Path) -> std::io::Result<()> {
    let text = bench_table::text(results, false);
    fs::write(directory.join("table.txt"), &text)?;
    fs::write(directory.join("table.svg"), picture::svg(&text))?;
    fs::write(directory.join("table.md"), markdown::text(results))
}

/// Stevens' tables as text and as JSON. Returns the JSON file's name.
fn save_unp(results: &Results, directory: &Path) -> std::io::Result<&'static str> {
    const JSON_NAME: &str = "unp.json";
    let tables = unp::tables(results);
    fs::write(
        directory.join("unp.txt"),
        unp_tables::text(&tables, results),
    )?;
    fs::write(directory.join(JSON_NAME), json::to_string(&tables)?)?;
    Ok(JSON_NAME)
}

fn refuse(message: impl std::fmt::Display) -> ! {
    wrong_call("bench", ErrorKind::ValueValidation, message)
}

fn verdict(failed: bool) -> ExitCode {
    if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}
