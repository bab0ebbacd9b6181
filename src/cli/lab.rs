//! `servers lab`.

mod ask;
mod progress;
mod save;

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::error::ErrorKind;
use serde::Serialize;

use super::load::stop_on_signals;
use super::{wants_colour, wrong_call};
use crate::bench::environment::Environment;
use crate::bench::layout::Layout;
use crate::bench::{Setup, json};
use crate::lab::{self, Context, Definition, Outcome, Problem, measured};
use crate::load::Watch;
use crate::report::bench_table::{View, WIDTH, WIDTH_MIN};
use crate::report::lab as report;
use crate::{models, trace};
use progress::Line;

/// An outcome that is not the expected one: a finding, and no failure.
const EXIT_UNEXPECTED: u8 = 3;

/// Run an experiment: a question, your prediction, a picture and a verdict.
///
/// Without a name it lists the labs. A lab first says what it will do and how long that takes. On a
/// terminal it asks what you expect. Then it runs, draws what it has seen, and says whether that is
/// the expected outcome. Verdicts rest on counts, orders and ratios within one run, so that a busy
/// machine does not turn them. Ctrl-C ends it; no process is left.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The lab, or the path of a lab file of your own, as ./mine.toml
    #[arg(conflicts_with = "all")]
    name: Option<String>,
    /// Run who-waits with these models only
    #[arg(value_name = "MODEL")]
    models: Vec<String>,
    /// Draw the lanes of who-waits: a row a client, time to the right
    #[arg(long, conflicts_with_all = ["all", "json"])]
    lanes: bool,
    /// Run every lab, one after the other, without asking
    #[arg(long)]
    all: bool,
    /// Measure less: a few seconds for each lab, with the same expectations
    #[arg(long)]
    quick: bool,
    /// Do not ask for a prediction
    #[arg(long)]
    no_ask: bool,
    /// Print the outcome as JSON; without a lab, the list
    #[arg(long)]
    json: bool,
    /// Save the outcome in this directory, as NAME.txt and NAME.json
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Save each picture as well, as NAME.svg, and lanes as NAME-SCENE-MODEL.svg; in the current
    /// directory without --out
    #[arg(long)]
    svg: bool,
}

const EXAMPLES: &str = "\
Examples:
  servers lab                            the labs, one line each
  servers lab not-thread-safe            one of them
  servers lab who-waits prefork --lanes  one model of one of them, and the lanes of its clients
  servers lab --all --quick              the direction of every verdict, in about two minutes
  servers lab forked-before --out labs --svg
  servers lab ./mine.toml                a lab of your own; the files of chapters/labs show how

Exit codes: 0 as expected, 1 it could not run, 2 the call was wrong, 3 not as expected.";

/// A scene has a handful of clients.
const LANES_MAX: usize = 40;

/// What `servers lab --json` says of each lab.
#[derive(Serialize)]
struct Entry<'a> {
    name: &'a str,
    question: &'a str,
    does: &'a str,
    chapter: &'a str,
    choices: &'a [String],
    takes_s: f64,
    quick_takes_s: f64,
}

impl Args {
    pub(super) fn execute(self) -> anyhow::Result<ExitCode> {
        let labs = match &self.name {
            Some(name) => vec![find(name)?.only(&self.models)],
            None => lab::all()?,
        };
        if self.name.is_none() && !self.all {
            return self.list(&labs);
        }
        self.check_models(&labs);
        let watch = Arc::new(Watch::default());
        stop_on_signals(&watch)?;
        let layout = Layout::of_this_machine().context("cannot tell the processors")?;
        let setup = Setup::prepare().context("cannot divide the processors")?;
        let line = Line::new();
        let context =
            Context::new(self.quick, &layout, &setup, &watch, &line)?.only(self.models.clone());
        match self.all {
            false => self.run_one(&labs, &context, &line),
            true => self.run_all(&labs, &context, &line),
        }
    }

    /// Models, and lanes, are of one lab only.
    fn check_models(&self, labs: &[Definition]) {
        let mut codes = labs.iter().map(|lab| lab.code.as_deref());
        let knows = codes.all(|code| code == Some(lab::code::WITH_MODELS));
        if !knows && !self.models.is_empty() {
            refuse("only who-waits takes models");
        }
        if !knows && self.lanes {
            refuse("only who-waits has lanes");
        }
        let unknown = self.models.iter().find(|name| {
            let found = models::find(name);
            found.is_none_or(|model| model.name != **name)
        });
        if let Some(name) = unknown {
            refuse(format!("there is no model '{name}': see servers list"));
        }
    }

    fn list(&self, labs: &[Definition]) -> anyhow::Result<ExitCode> {
        let for_runs = [
            (self.quick, "--quick"),
            (self.out.is_some(), "--out"),
            (self.svg, "--svg"),
            (self.no_ask, "--no-ask"),
        ];
        if let Some((_, option)) = for_runs.iter().find(|(is_given, _)| *is_given) {
            refuse(format!("{option} needs a lab or --all"));
        }
        // A program that reads the list gets a line for each lab.
        let list_width = match io::stdout().is_terminal() {
            true => self.view().width,
            false => usize::MAX,
        };
        let text = match self.json {
            false => report::list(labs, list_width),
            true => json::to_string(&labs.iter().map(entry).collect::<Vec<_>>())?,
        };
        super::print(text.as_bytes())
    }

    fn run_one(
        &self,
        labs: &[Definition],
        context: &Context<'_>,
        line: &Line,
    ) -> anyhow::Result<ExitCode> {
        let Some(lab) = labs.first() else {
            return Ok(ExitCode::SUCCESS);
        };
        let outcome = self.run(lab, context, line)?;
        self.save(&outcome)?;
        let text = match self.json {
            true => json::to_string(&outcome)?,
            false => self.text(&outcome) + &self.lanes(&outcome),
        };
        super::print(text.as_bytes())?;
        Ok(match outcome.as_expected {
            true => ExitCode::SUCCESS,
            false => ExitCode::from(EXIT_UNEXPECTED),
        })
    }

    /// Every lab, whatever came of those before it. One that could not run makes the exit code 1.
    fn run_all(
        &self,
        labs: &[Definition],
        context: &Context<'_>,
        line: &Line,
    ) -> anyhow::Result<ExitCode> {
        let mut outcomes = Vec::new();
        let mut said = Vec::new();
        for lab in labs {
            match self.run(lab, context, line) {
                Err(Problem::Interrupted) => return Err(Problem::Interrupted.into()),
                Err(problem) => {
                    super::complain(&format!("{}: {problem}", lab.name));
                    said.push((lab.name.clone(), Err(problem.to_string())));
                }
                Ok(outcome) => {
                    self.save(&outcome)?;
                    if !self.json {
                        super::print((self.text(&outcome) + "\n").as_bytes())?;
                    }
                    said.push((lab.name.clone(), Ok(outcome.as_expected)));
                    outcomes.push(outcome);
                }
            }
        }
        let text = match self.json {
            true => json::to_string(&outcomes)?,
            false => report::summary(&said, self.view()),
        };
        super::print(text.as_bytes())?;
        let any = |is: fn(&Result<bool, String>) -> bool| said.iter().any(|it| is(&it.1));
        Ok(match (any(Result::is_err), any(|it| *it == Ok(false))) {
            (true, _) => ExitCode::FAILURE,
            (false, true) => ExitCode::from(EXIT_UNEXPECTED),
            (false, false) => ExitCode::SUCCESS,
        })
    }

    /// Announces a lab, asks for the prediction, and runs it.
    fn run(
        &self,
        lab: &Definition,
        context: &Context<'_>,
        line: &Line,
    ) -> Result<Outcome, Problem> {
        let on_terminal = io::stderr().is_terminal();
        if on_terminal || !self.json {
            line.say(&report::announcement(lab, self.quick, View::PLAIN));
        }
        let asks = !self.all && !self.no_ask && on_terminal && io::stdin().is_terminal();
        let given = match asks {
            true => ask::prediction(lab, line, || context.check())?,
            false => None,
        };
        if on_terminal {
            line.say("\n");
        }
        line.begin();
        let outcome = lab::run(lab, context);
        line.end();
        let mut outcome = outcome?;
        outcome.predicted(given, lab.answer);
        outcome.environment = Layout::of_this_machine().ok().map(Environment::look);
        Ok(outcome)
    }

    /// The outcome. A terminal has the announcement above it.
    fn text(&self, outcome: &Outcome) -> String {
        match io::stdout().is_terminal() && io::stderr().is_terminal() {
            true => report::shown(outcome, self.view()),
            false => report::text(outcome, self.view()),
        }
    }

    /// The lanes of the outcome, as wide as its text.
    fn lanes(&self, outcome: &Outcome) -> String {
        let charset = trace::Charset::of_terminal(io::stdout().is_terminal());
        let lanes = outcome.lanes.iter().filter(|_| self.lanes);
        let drawn = lanes.map(|it| {
            let lanes = trace::lanes(&it.timeline, self.view().width, LANES_MAX, charset);
            format!("\n{}\n{lanes}", it.title)
        });
        drawn.collect()
    }

    fn save(&self, outcome: &Outcome) -> anyhow::Result<()> {
        let directory = self.out.as_deref().unwrap_or(Path::new("."));
        if let Some(out) = &self.out {
            let in_vain = || format!("cannot save the outcome in {}", out.display());
            save::outcome(outcome, out).with_context(in_vain)?;
        }
        if self.svg {
            let in_vain = || format!("cannot save the pictures in {}", directory.display());
            save::pictures(outcome, directory).with_context(in_vain)?;
        }
        Ok(())
    }

    /// How this terminal wants its text; a file gets the usual.
    fn view(&self) -> View {
        let is_terminal = io::stdout().is_terminal();
        let columns = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
        let columns = columns.filter(|_| is_terminal).unwrap_or(WIDTH);
        View {
            width: columns.clamp(WIDTH_MIN, WIDTH),
            styled: is_terminal && wants_colour(),
            full: false,
        }
    }
}

/// The lab of this name, or of the file at this path.
fn find(name: &str) -> anyhow::Result<Definition> {
    if name.contains('/') || name.ends_with(".toml") {
        let read = Definition::read(Path::new(name));
        return Ok(read.unwrap_or_else(|why| refuse(why)));
    }
    if let Some(lab) = lab::named(name)? {
        return Ok(lab);
    }
    let names: Vec<String> = lab::all()?.into_iter().map(|it| it.name).collect();
    refuse(format!("there is no lab '{name}': {}", names.join(", ")))
}

fn entry(lab: &Definition) -> Entry<'_> {
    Entry {
        name: &lab.name,
        question: &lab.question,
        does: &lab.does,
        chapter: &lab.chapter,
        choices: &lab.choices,
        takes_s: measured::takes(lab, false).as_secs_f64(),
        quick_takes_s: measured::takes(lab, true).as_secs_f64(),
    }
}

fn refuse(error: impl std::fmt::Display) -> ! {
    wrong_call("lab", ErrorKind::ValueValidation, error)
}
