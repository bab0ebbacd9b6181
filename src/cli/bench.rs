//! `servers bench`.

mod contenders;
mod flow;
mod places;
mod plan_file;
mod planned;
mod rates;
mod report;
mod sweep;
mod workloads;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::error::ErrorKind;

use super::load::parse_expectation;
use super::run::strategy_parser;
use super::{duration, verify, wrong_call};
use crate::accept::Strategy;
use crate::bench::contender::Contender;
use crate::bench::results::Results;
use crate::bench::sweep::Sweep;
use crate::bench::unpaired;
use crate::bench::workload::CONNECTIONS_DEFAULT;
use crate::load::Expectation;
use crate::report::unpaired_table;
use contenders::{Entry, EntryParser, PLACEHOLDER};
use rates::Rates;

/// Compare servers: start each as a process of its own, load it, and say which differ.
///
/// Every server runs once in each block, in random order, so that a change of the machine's speed
/// hits all alike. Each time it is started afresh, warmed up, measured for one short window and
/// stopped, and it is verified that nothing of it is left. One server, the reference, runs twice in
/// each block: that shows what equal servers seem to differ by. Servers are compared within blocks,
/// with at most 5 % false alarms in a table. A disturbed window is measured again. All raw figures
/// are saved. Ctrl-C ends it early and shows what was measured so far.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_precedence_over_arg = true
)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Option<Action>,
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
    /// A server that is not ours; `{port}` stands for its port. It is ready when it answers GET /,
    /// and SIGTERM stops it, or else: 'NAME[ready=/health stop=SIGINT]=COMMAND'. May be repeated
    #[arg(long, value_name = "NAME=COMMAND", value_parser = contenders::parse_foreign)]
    with: Vec<Contender>,
    /// The servers that the book speaks of, as far as they are installed: nginx, Apache, Gunicorn,
    /// and minimal servers in C
    #[arg(long, conflicts_with_all = ["sweep", "unp", "verify"])]
    peers: bool,
    /// Run what a file describes: the plan.toml or results.json of an earlier run, or a plan of
    /// your own, as in contrib/plan.toml
    #[arg(long, value_name = "FILE")]
    #[arg(conflicts_with_all = ["contenders", "all", "unp", "with", "peers", "reference", "sweep"])]
    #[arg(conflicts_with_all = ["workloads", "quick", "connections", "duration", "requests"])]
    #[arg(conflicts_with_all = ["warm_up", "blocks", "until", "mode", "path", "verify", "seed"])]
    #[arg(conflicts_with_all = ["workload_files", "rates", "cores"])]
    plan: Option<PathBuf>,
    /// The contender that the others are compared with, by name or command line [default: the
    /// first]; the exit code then says 3 if any is worse, 4 if that cannot be told
    #[arg(long, value_name = "NAME")]
    reference: Option<String>,
    /// Workloads to measure in blocks: names, or all [default: hello and close, and a look at the
    /// others]
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', value_parser = workloads::parser())]
    #[arg(conflicts_with_all = ["mode", "path", "unp"])]
    workloads: Vec<String>,
    /// A look at the workloads that are not measured in blocks, whatever else the call asks for
    #[arg(long, conflicts_with_all = ["sweep", "cores", "unp", "rates", "plan", "verify"])]
    looks: bool,
    /// Workload files of servers load to measure in blocks, instead or besides
    #[arg(long = "workload", value_name = "FILE", conflicts_with_all = ["mode", "path", "unp"])]
    workload_files: Vec<PathBuf>,
    /// Open loop: measure at these rates, the same for all contenders, and find the highest that
    /// keeps what is expected; auto chooses them by what the slowest can do
    #[arg(long, value_name = "R,R,…|auto", value_parser = rates::parse)]
    #[arg(conflicts_with_all = ["sweep", "unp", "until", "requests", "reference", "verify"])]
    rates: Option<Rates>,
    /// With --rates: what answers have to keep, as p99<20ms or errors<0.1%; may be repeated
    /// [default: p99<20ms, or p99<100ms where a request waits, computes or is big]
    #[arg(long, value_name = "BOUND", value_parser = parse_expectation, requires = "rates")]
    expect: Vec<Expectation>,
    /// Repeat all with so many processors for the server each time; the generator has others, as
    /// long as there are any
    #[arg(long, value_name = "N,N,…", value_parser = parse_cores)]
    #[arg(conflicts_with_all = ["sweep", "unp", "verify", "rates", "until", "peers"])]
    cores: Option<Sweep>,
    /// Repeat all with another number each time: of connections, workers or threads
    #[arg(long, value_name = "NAME=N,N,…", conflicts_with = "requests")]
    sweep: Option<Sweep>,
    /// Shorter windows and no more blocks than a claim takes: in under a minute
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
    /// Repetitions of the whole [default: 20 for two servers, 12 for eleven; 3 or 1 with --sweep]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    blocks: Option<u32>,
    /// Add blocks until all intervals are this narrow: 5%
    #[arg(long, value_name = "PERCENT", value_parser = parse_percent)]
    #[arg(conflicts_with_all = ["sweep", "unp"])]
    until: Option<f64>,
    /// With --until: begin no block after this time
    #[arg(long, value_name = "TIME", value_parser = duration::parse_some, requires = "until")]
    #[arg(default_value = "10m")]
    max_time: Duration,
    /// How connections are used: the workloads close, hello, or both [close with --sweep]
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
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(..=SEED_MAX))]
    seed: Option<u64>,
    /// Where to put the results [default: bench-results/TIME]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Replace results that are already there
    #[arg(long, requires = "out")]
    overwrite: bool,
    /// Show ranges, intervals, memory, and how the workers shared the load
    #[arg(long)]
    full: bool,
    /// Print the results as JSON instead of the table, with what follows from them
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
  servers bench --all                            every model, within 2 minutes
  servers bench --all --quick                    the same, roughly, within one
  servers bench prefork threaded --mode close    two models, a connection per request
  servers bench 'prefork --workers 4' 'prefork --workers 16'
                                                 one model with different options
  servers bench prefork 'old=./old/servers prefork' --reference old
                                                 two builds, compared honestly
  servers bench prefork --with 'mine=python3 server.py {port}'
                                                 beside any other server
  servers bench prefork --with 'mine[ready=/health stop=SIGINT]=./server {port}'
                                                 one that is ready and stops in its own way
  servers bench prefork --peers                  beside nginx, Apache, Gunicorn and C servers
  servers bench --plan bench-results/TIME/plan.toml
                                                 the same once more
  servers bench compare OLD/results.json NEW/results.json
  servers bench report bench-results/TIME/results.json --svg plots
                                                 the page with plots anew, and each as a file
  servers bench fork prefork --until 5%          as many blocks as it takes
  servers bench --all --rates 500,1k,2k,5k       the same rates for all: where each one's p99 leaves
  servers bench fork prefork --rates auto --expect 'p99<5ms' --expect 'errors<0.1%'
                                                 rates around what the slowest can do
  servers bench prefork epoll --cores 1,2        the server on one processor, then on two
  servers bench prefork --workload mix.toml      a workload file of servers load
  servers bench --unp                            Stevens' tables, in about a minute
  servers bench --all --sweep connections=20,200,1000,3000,8000,15000
                                                 where each model breaks down, and how
  servers bench --all --verify time              how many answers are wrong

Workloads: close, hello, backend, cpu, mixed, big, slow-clients, overload, idle.
Saved in the results' directory: results.json (every raw figure), report.html (a page with plots),
and the tables as table.txt, table.md and table.svg; also unp.txt and unp.json, or sweep.txt,
sweep.json and a directory for each value of the sweep.
Exit codes: 0 done; 1 a server failed, the bench was interrupted or could not be saved; 2 the call
was wrong; with --reference also 3, a contender is worse, and 4, that cannot be told.";

#[derive(clap::Subcommand)]
enum Action {
    /// Compare two results.json of the same plan on the same machine: a warning, no proof
    Compare {
        /// The earlier one
        old: PathBuf,
        /// The later one
        new: PathBuf,
    },
    /// Make the page with plots anew from a file of results
    Report(report::ReportArgs),
}

/// TOML, in which plans are saved, has no larger number.
const SEED_MAX: u64 = i64::MAX as u64;

/// Which of the two basic workloads to run.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Mode {
    /// A connection per request
    Close,
    /// As many requests over a connection as the server allows
    KeepAlive,
    /// One after the other
    Both,
}

impl Args {
    pub(super) fn execute(self) -> anyhow::Result<ExitCode> {
        match &self.action {
            Some(Action::Compare { old, new }) => return compare(old, new),
            Some(Action::Report(report)) => return report.execute(),
            None => {}
        }
        if let Some(subject) = self.verify {
            let connections = self
                .connections
                .map_or(CONNECTIONS_DEFAULT, |it| it as usize);
            let contenders = self.contenders(&self.common());
            return verify::execute(subject, &contenders, connections, self.json);
        }
        if let Some(file) = &self.plan {
            let read =
                plan_file::read(file).with_context(|| format!("cannot read {}", file.display()));
            return self.run_bench(read?, None);
        }
        let directory = match self.peers {
            true => Some(self.directory()?),
            false => None,
        };
        let plan = self.planned(directory.as_deref());
        match self.sweep.clone().or_else(|| self.cores.clone()) {
            Some(sweep) => {
                let stretches = self.duration.is_none();
                self.run_sweep(Sweep { stretches, ..sweep }, plan)
            }
            None => self.run_bench(plan, directory),
        }
    }
}

/// `5%` as 0.05.
fn parse_percent(text: &str) -> Result<f64, String> {
    let number = text.trim_end_matches('%').trim_end();
    match number.parse::<f64>() {
        Ok(percent) if (0.1..=100.0).contains(&percent) => Ok(percent / 100.0),
        _ => Err("should be a number of per cent from 0.1 to 100, as in 5%".to_owned()),
    }
}

/// `1,2,4` processors of the server.
fn parse_cores(text: &str) -> Result<Sweep, String> {
    format!("cores={text}").parse()
}

/// A line on standard error. Where that cannot be written, the bench goes on all the same.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// `servers bench compare`.
fn compare(old: &Path, new: &Path) -> anyhow::Result<ExitCode> {
    let read = |path: &Path| {
        Results::read(path).with_context(|| format!("cannot read {}", path.display()))
    };
    let changes = unpaired::compare(&read(old)?, &read(new)?).unwrap_or_else(|why| refuse(why));
    super::print(unpaired_table::text(&changes).as_bytes())
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

fn refuse(message: impl std::fmt::Display) -> ! {
    wrong_call("bench", ErrorKind::ValueValidation, message)
}
