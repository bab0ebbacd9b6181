//! `servers bench`.

use std::collections::BTreeMap;
use std::fs;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use clap::error::ErrorKind;

use super::load::stop_on_signals;
use super::{duration, run::model_parser, verify, wrong_call};
use crate::bench::budget::{Budget, warm_up_for};
use crate::bench::environment::utc;
use crate::bench::plan::{Contender, Plan, Scenario};
use crate::bench::results::{FILE_NAME, Results};
use crate::load::Watch;
use crate::models::{self, Model};
use crate::report::{bench_table, markdown, picture, progress::Progress};

/// Compare models: start each as a process of its own, load it, and print one table.
///
/// Every model runs once in each block, in random order, so that a change of the machine's mood
/// hits all alike; each time the server is started afresh, warmed up, measured for one window and
/// stopped, and it is verified that nothing of it is left. The table shows medians over the blocks.
/// All raw figures are saved. Ctrl-C ends it early and shows what was measured so far.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The models to compare; one named twice shows how far equals differ here
    #[arg(value_name = "MODEL", value_parser = model_parser())]
    models: Vec<&'static Model>,
    /// Compare all models
    #[arg(long, conflicts_with = "models")]
    all: bool,
    /// Shorter windows and fewer blocks: a first impression in under 30 seconds
    #[arg(long)]
    quick: bool,
    /// Connections of the load, each with one request in flight
    #[arg(short, long, value_name = "N", default_value_t = 16)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=20_000))]
    connections: u32,
    /// Length of a window: 500ms, 2s [default: what fits the whole into 2 minutes]
    #[arg(short, long, value_name = "TIME", value_parser = duration::parse_some)]
    duration: Option<Duration>,
    /// Load before each window, not measured [default: a quarter of the window]
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    warm_up: Option<Duration>,
    /// Repetitions of the whole [default: 5, or 3 with --quick]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    blocks: Option<u32>,
    /// How connections are used
    #[arg(long, value_enum, default_value_t = Mode::Both)]
    mode: Mode,
    /// What is asked for
    #[arg(long, default_value = "/", value_parser = parse_path)]
    path: String,
    /// An option for every server, like --run-arg=--workers=16; may be repeated
    #[arg(long, value_name = "OPTION", allow_hyphen_values = true)]
    run_arg: Vec<String>,
    /// Decides the order within the blocks [default: another one each time]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Where to put the results [default: bench-results/TIME]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print results.json instead of the table
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
  servers bench --all                            every model, in about 2 minutes
  servers bench --all --quick                    the same, roughly, in under 30 seconds
  servers bench prefork threaded --mode close    two models, a connection per request
  servers bench prefork --run-arg=--workers=16   with an option of servers run
  servers bench fork fork                        one model twice: what a difference must exceed
  servers bench --all --verify time              whose answers are wrong, and how often

Saved in the results' directory: results.json (every raw figure) and the table as table.txt,
table.md and table.svg.
Exit codes: 0 done, 1 a model failed or the bench was interrupted, 2 the call was wrong.";

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

const BLOCKS_DEFAULT: u32 = 5;
const BLOCKS_QUICK: u32 = 3;

impl Args {
    pub(super) fn execute(self) -> anyhow::Result<ExitCode> {
        if let Some(subject) = self.verify {
            let connections = self.connections as usize;
            return verify::execute(subject, &self.contenders(), connections, self.json);
        }
        let plan = self.plan();
        let directory = self.directory()?;
        let watch = Arc::new(Watch::default());
        stop_on_signals(&watch)?;
        let mut progress = Progress::start(&plan, self.seed.is_none());
        let outcome = crate::bench::run(plan, &directory, &watch, &mut progress);
        progress.finish();
        let results = outcome.context("the bench could not go on")?;
        save_tables(&results, &directory)
            .with_context(|| format!("cannot write in {}", directory.display()))?;
        self.show(&results, &directory)?;
        Ok(verdict(&results))
    }

    fn plan(&self) -> Plan {
        let contenders = self.contenders();
        let scenarios = match self.mode {
            Mode::Close => vec![Scenario::Close],
            Mode::KeepAlive => vec![Scenario::KeepAlive],
            Mode::Both => vec![Scenario::Close, Scenario::KeepAlive],
        };
        let default = if self.quick {
            BLOCKS_QUICK
        } else {
            BLOCKS_DEFAULT
        };
        let blocks = self.blocks.unwrap_or(default) as usize;
        let budget = if self.quick {
            Budget::QUICK
        } else {
            Budget::FULL
        };
        let runs = contenders.len() * scenarios.len() * blocks;
        let window = self
            .duration
            .unwrap_or_else(|| budget.window(contenders.len(), runs));
        Plan {
            warm_up: self.warm_up.unwrap_or_else(|| warm_up_for(window)),
            connections: self.connections as usize,
            path: self.path.clone(),
            seed: self.seed.unwrap_or_else(|| u64::from(fastrand::u32(..))),
            contenders,
            scenarios,
            blocks,
            window,
        }
    }

    /// One contender a model. A model that is named again gets a number, so that no two contenders
    /// share a name.
    fn contenders(&self) -> Vec<Contender> {
        let models: Vec<&Model> = if self.all {
            models::ALL.iter().collect()
        } else {
            self.models.clone()
        };
        if models.is_empty() {
            let names: Vec<&str> = models::ALL.iter().map(|model| model.name).collect();
            let advice = format!(
                "name the models to compare ({}), or say --all",
                names.join(", ")
            );
            wrong_call("bench", ErrorKind::MissingRequiredArgument, advice);
        }
        let mut seen = BTreeMap::new();
        let contender = |model: &Model| {
            let count = seen.entry(model.name).or_insert(0);
            *count += 1;
            let mut contender = Contender::new(model.name, &self.run_arg);
            if *count > 1 {
                contender.name = format!("{} #{count}", model.name);
            }
            contender
        };
        models.into_iter().map(contender).collect()
    }

    /// Creates the directory of the results before anything is measured in vain.
    fn directory(&self) -> anyhow::Result<PathBuf> {
        let by_time = || Path::new("bench-results").join(utc(SystemTime::now()).replace(':', ""));
        let directory = self.out.clone().unwrap_or_else(by_time);
        fs::create_dir_all(&directory)
            .with_context(|| format!("cannot create {}", directory.display()))?;
        Ok(directory)
    }

    fn show(&self, results: &Results, directory: &Path) -> anyhow::Result<ExitCode> {
        if self.json {
            return super::print(&fs::read(directory.join(FILE_NAME))?);
        }
        let stdout_is_terminal = std::io::stdout().is_terminal();
        let styled =
            stdout_is_terminal && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
        let saved = format!("Saved in {}\n", directory.display());
        super::print((bench_table::text(results, styled) + &saved).as_bytes())
    }
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

fn verdict(results: &Results) -> ExitCode {
    let failed = results.runs.iter().any(|run| run.failure.is_some());
    if failed || results.interrupted {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}
