//! The command line: one file per subcommand, each with its arguments and its `execute`.

mod bench;
mod completions;
mod config;
mod ctl;
mod duration;
mod lab;
mod limits;
mod list;
mod load;
mod logs;
mod man;
mod merge;
mod option_conflict;
mod pool;
mod run;
mod service;
mod size;
mod top;
mod trace;
mod verify;

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Context;
use clap::error::ErrorKind;
use clap::{Parser, Subcommand};

use crate::sys::signal;

/// The classic server models in one binary, and a load generator that compares them.
#[derive(Parser)]
#[command(
    name = "servers",
    version,
    propagate_version = true,
    arg_required_else_help = true
)]
#[command(after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  servers list                      the models, one row each
  servers run prefork               serve http://127.0.0.1:8080 with a pool of children
  servers load http://127.0.0.1:8080/ -c 64 -d 10s
  servers top                       watch what each worker of a running server does
  servers ctl reload --pidfile F    reload a running server, and wait for the outcome
  servers bench --all               compare every model on this machine
  servers lab                       experiments: a question, your prediction, a verdict";

#[derive(Subcommand)]
enum Command {
    List(list::Args),
    Run(Box<run::Args>),
    Load(Box<load::Args>),
    Merge(merge::Args),
    Top(top::Args),
    Ctl(ctl::Args),
    Bench(Box<bench::Args>),
    Trace(trace::Args),
    Lab(lab::Args),
    Size(Box<size::Args>),
    Completions(completions::Args),
    Man(man::Args),
}

/// Runs the command line that the process was started with.
///
/// Exit codes: 0 done, 1 it failed (one clear line on standard error), 2 the call was wrong.
pub fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().collect();
    match config::parse(&words) {
        Ok(cli) => execute(cli.command).unwrap_or_else(report),
        Err(error) => error.report(),
    }
}

fn report(error: anyhow::Error) -> ExitCode {
    // A wrong call that was noticed only while it was carried out.
    match error.downcast::<clap::Error>() {
        Ok(error) => error.exit(),
        Err(error) => {
            complain(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Prints a line on standard error.
fn complain(message: &str) {
    // Not eprintln!, which panics where standard error cannot be written, and blocks where it is
    // full.
    crate::sys::log::last_words(&format!("servers: {message}\n"));
}

/// Whether the user wants colours (<https://no-color.org>): NO_COLOR with any value refuses them,
/// unless it is empty.
fn wants_colour() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

fn execute(command: Command) -> anyhow::Result<ExitCode> {
    signal::start_afresh().context("cannot reset signals")?;
    match command {
        Command::List(args) => args.execute(),
        Command::Run(args) => args.execute(),
        Command::Load(args) => args.execute(),
        Command::Merge(args) => args.execute(),
        Command::Top(args) => args.execute(),
        Command::Ctl(args) => args.execute(),
        Command::Bench(args) => args.execute(),
        Command::Trace(args) => args.execute(),
        Command::Lab(args) => args.execute(),
        Command::Size(args) => args.execute(),
        Command::Completions(args) => args.execute(),
        Command::Man(args) => args.execute(),
    }
}

/// Ends the process as clap does, for a mistake that clap cannot know of: the message, the
/// subcommand's usage, and exit code 2.
fn wrong_call(subcommand: &str, kind: ErrorKind, message: impl std::fmt::Display) -> ! {
    wrong_call_error(subcommand, kind, message).exit()
}

/// The same as an error: a reload with a wrong file must not end the process.
fn wrong_call_error(
    subcommand: &str,
    kind: ErrorKind,
    message: impl std::fmt::Display,
) -> clap::Error {
    let mut root = command();
    root.build();
    match root.find_subcommand_mut(subcommand) {
        Some(command) => command.error(kind, message),
        None => root.error(kind, message),
    }
}

/// Writes to standard output. A reader that has gone (`servers man | head`) is no failure.
fn print(text: &[u8]) -> anyhow::Result<ExitCode> {
    match io::stdout().lock().write_all(text) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("cannot write to standard output")
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// The whole command line as clap knows it, for completions, the manual and suggestions.
fn command() -> clap::Command {
    use clap::CommandFactory;
    Cli::command()
}
