//! `--config FILE`: options of `servers run` from a file, in TOML.
//!
//! A key is an option's long name; its value is the text that would follow it on the command line.
//! An option that may be given several times takes an array. So clap's definition of the options
//! serves both. Where file and command line give the same option, the command line wins.

mod file;

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::parser::ValueSource;
use clap::{Arg, CommandFactory, FromArgMatches};

use super::option_conflict::OptionConflict;
use super::{Cli, Command, run};
use file::{Entry, find, read};

/// Why a command line, or the file that it names, is refused.
#[derive(Debug)]
pub(super) enum ConfigError {
    /// The command line is wrong, or asks for help.
    Call(clap::Error),
    /// The file is wrong: a line of text for each mistake, with its place.
    File(Vec<String>),
}

impl ConfigError {
    /// Prints what is wrong and returns the exit code.
    pub(super) fn report(self) -> ExitCode {
        match self {
            Self::Call(error) => error.exit(),
            Self::File(faults) => {
                for fault in faults {
                    super::complain(&fault);
                }
                ExitCode::from(2)
            }
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call(error) => out.write_str(&first_paragraph(error)),
            Self::File(faults) => out.write_str(&faults.join("; ")),
        }
    }
}

impl From<OptionConflict> for ConfigError {
    fn from(conflict: OptionConflict) -> Self {
        Self::Call(conflict.into())
    }
}

impl From<clap::Error> for ConfigError {
    fn from(error: clap::Error) -> Self {
        Self::Call(error)
    }
}

/// The command line `words`, completed by the options of the file that it names with `--config`. An
/// option of the file that conflicts with the command line is left out, with a line in the log.
///
/// # Errors
/// The command line or the file is wrong.
pub(super) fn parse(words: &[OsString]) -> Result<Cli, ConfigError> {
    let mut file = match named_file(words) {
        Some(path) => read(&Cli::command(), &path)?,
        None => Vec::new(),
    };
    let mut left_out: Vec<(Entry, String)> = Vec::new();
    loop {
        let matches = complete(Cli::command(), &file).try_get_matches_from(words);
        let matches = matches.map_err(run::name_models)?;
        let mut cli = Cli::from_arg_matches(&matches)?;
        let (Command::Run(args), Some((_, run))) = (&mut cli.command, matches.subcommand()) else {
            return Ok(cli);
        };
        let is_said = |option: &str| run.value_source(option) == Some(ValueSource::CommandLine);
        args.origins = Origins::of(&file, is_said);
        let Err(conflict) = args.check() else {
            say(&left_out);
            return Ok(cli);
        };
        let Some(at) = args.origins.first(conflict.options) else {
            return Err(conflict.into());
        };
        let command = Cli::command();
        let yields = conflict.options.iter().any(|key| {
            let option = find(&command, key).map(Arg::get_id);
            option.is_ok_and(|option| is_said(option.as_str()))
                // The command line was the reason for leaving that out, too.
                || left_out.iter().any(|(entry, _)| entry.key == *key)
        });
        let entry = file.remove(at);
        match yields {
            true => left_out.push((entry, conflict.message)),
            false => return Err(ConfigError::File(vec![entry.complaint(&conflict.message)])),
        }
    }
}

/// The command with the file's values as defaults: the command line wins.
// ANCHOR: complete
fn complete(mut command: clap::Command, file: &[Entry]) -> clap::Command {
    for Entry { option, values, .. } in file {
        command = command.mut_subcommand("run", |run| {
            run.mut_arg(option, |option| {
                let values = values.iter().cloned();
                option.required(false).default_values(values)
            })
        });
    }
    command
}
// ANCHOR_END: complete

/// Logs which options of the file were left out, and why.
fn say(left_out: &[(Entry, String)]) {
    for (entry, why) in left_out {
        let complaint = entry.complaint(why);
        crate::log_warn!("{complaint}; left out, since the command line wins");
    }
}

/// The value of `--config`. `None` for a command line with a mistake, which [`parse`] refuses next.
fn named_file(words: &[OsString]) -> Option<PathBuf> {
    // Without it, one parse is enough. Each leaves freed pieces on the heap of a server, and a fork
    // copies the page-table entries of all pages that hold one.
    let mut words_in_bytes = words.iter().map(|word| word.as_encoded_bytes());
    if !words_in_bytes.any(|word| word.starts_with(b"--config")) {
        return None;
    }
    // The model may come from the file.
    let lenient = Cli::command().mut_subcommand("run", |run| {
        run.mut_arg("model", |model| model.required(false))
    });
    let matches = lenient.try_get_matches_from(words).ok()?;
    let (_, run) = matches.subcommand().filter(|(name, _)| *name == "run")?;
    run.get_one::<PathBuf>("config").cloned()
}

/// Which options have their value from the file.
#[derive(Debug, Clone, Default)]
pub(super) struct Origins {
    /// The entries of the file in their order; `None` for one that the command line overrides.
    entries: Vec<Option<Entry>>,
}

impl Origins {
    fn of(file: &[Entry], is_said: impl Fn(&str) -> bool) -> Self {
        let entries = file.iter();
        let entries = entries.map(|entry| (!is_said(&entry.option)).then(|| entry.clone()));
        Self {
            entries: entries.collect(),
        }
    }

    /// The index of the first of `keys` whose value comes from the file.
    fn first(&self, keys: &[&str]) -> Option<usize> {
        let mut keys = keys.iter();
        keys.find_map(|key| {
            let mut entries = self.entries.iter();
            entries.position(|entry| entry.as_ref().is_some_and(|entry| entry.key == *key))
        })
    }

    /// The error, with the line of the file that has caused it, if one of `keys` comes from there.
    pub(super) fn blame(&self, keys: &[&str], error: anyhow::Error) -> anyhow::Error {
        let at = self.first(keys);
        let Some(entry) = at.and_then(|at| self.entries.get(at)?.as_ref()) else {
            return error;
        };
        let why = match error.downcast_ref() {
            Some(error) => first_paragraph(error),
            None => format!("{error:#}"),
        };
        anyhow::anyhow!(entry.complaint(&why))
    }
}

/// clap's message without the usage and the tips below it, in one line.
pub(super) fn first_paragraph(error: &clap::Error) -> String {
    let text = error.to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let lines = text.lines().take_while(|line| !line.is_empty());
    lines.map(str::trim).collect::<Vec<_>>().join(" ")
}
