//! `--config FILE`: options of `servers run` from a file, in TOML.
//!
//! A key is an option's long name, and its value is what would stand behind it on the command line.
//! So there is one definition of the options, clap's, and the file can do no more and no less than
//! the command line, which wins where both say something.

use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, CommandFactory, FromArgMatches};
use toml::de::{DeTable, DeValue};

use super::Cli;
use crate::models;
use crate::sys::errors::plain;

/// Options that say what to do with the file and cannot stand in it.
const NOT_IN_A_FILE: [&str; 4] = ["config", "check", "help", "version"];

/// Why a call cannot be carried out.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The command line is wrong, or asks for help.
    Call(clap::Error),
    /// The file is wrong: a line for each fault, with its place.
    File(Vec<String>),
}

impl Trouble {
    /// Says what is wrong and gives the exit code.
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

impl fmt::Display for Trouble {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call(error) => out.write_str(&first_paragraph(error)),
            Self::File(faults) => out.write_str(&faults.join("; ")),
        }
    }
}

impl From<clap::Error> for Trouble {
    fn from(error: clap::Error) -> Self {
        Self::Call(error)
    }
}

/// The command line `words`, completed by the file that it names with `--config`, if it does.
///
/// # Errors
/// One of the two is wrong.
// ANCHOR: parse
pub(super) fn parse(words: &[OsString]) -> Result<Cli, Trouble> {
    let mut command = Cli::command();
    if let Some(file) = named_file(&command, words) {
        for default in read(&command, &file)? {
            command = command.mut_subcommand("run", |run| {
                run.mut_arg(default.option, |option| {
                    option.required(false).default_value(default.value)
                })
            });
        }
    }
    Ok(Cli::from_arg_matches(
        &command.try_get_matches_from(words)?,
    )?)
}
// ANCHOR_END: parse

/// What stands behind `--config`. A command line with a mistake in it has none: it will be refused
/// for the mistake.
fn named_file(command: &clap::Command, words: &[OsString]) -> Option<PathBuf> {
    // The model may come from the file.
    let lenient = command.clone().mut_subcommand("run", |run| {
        run.mut_arg("model", |model| model.required(false))
    });
    let matches = lenient.try_get_matches_from(words).ok()?;
    let (_, run) = matches.subcommand().filter(|(name, _)| *name == "run")?;
    run.get_one::<PathBuf>("config").cloned()
}

/// A value from the file.
struct Default {
    /// clap's name of the option.
    option: String,
    value: String,
}

/// Reads and checks the whole file, so that all its faults are told at once.
fn read(command: &clap::Command, path: &Path) -> Result<Vec<Default>, Trouble> {
    let name = path.display();
    let text = fs::read_to_string(path)
        .map_err(|error| Trouble::File(vec![format!("{name}: {}", plain(&error))]))?;
    let place = |span: Range<usize>| {
        let before = text.get(..span.start).unwrap_or_default();
        format!("{name}:{}", before.matches('\n').count() + 1)
    };
    let table = DeTable::parse(&text).map_err(|error| {
        let span = error.span().unwrap_or_default();
        let message = error.message().replace('\n', ", ");
        let line = line_at(&text, span.start);
        Trouble::File(vec![format!("{}: {message}: {line}", place(span))])
    })?;
    // The table is sorted by name; people read by lines.
    let mut entries: Vec<_> = table.get_ref().iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    let (mut defaults, mut faults) = (Vec::new(), Vec::new());
    for (key, value) in entries {
        match check(command, key.get_ref(), value.get_ref()) {
            Ok(default) => defaults.extend(default),
            Err(why) => faults.push(format!("{}: {}: {why}", place(key.span()), key.get_ref())),
        }
    }
    match faults.is_empty() {
        true => Ok(defaults),
        false => Err(Trouble::File(faults)),
    }
}

/// The line with the octet `at`.
fn line_at(text: &str, at: usize) -> &str {
    let before = text.get(..at).unwrap_or_default();
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    text[start..].lines().next().unwrap_or_default()
}

/// Has clap look at a single key and its value, as if they stood on the command line alone. A flag
/// that is false says nothing.
fn check(
    command: &clap::Command,
    key: &str,
    value: &DeValue<'_>,
) -> Result<Option<Default>, String> {
    let option = find(command, key)?;
    let text = match value {
        DeValue::String(text) => text.to_string(),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        DeValue::Boolean(truth) => truth.to_string(),
        other => {
            let kind = other.type_str();
            return Err(format!(
                "should be a single value, not of the kind '{kind}'"
            ));
        }
    };
    let is_flag = matches!(option.get_action(), ArgAction::SetTrue);
    match (is_flag, value) {
        (true, DeValue::Boolean(false)) => return Ok(None),
        (true, DeValue::Boolean(true)) => {}
        (true, _) => return Err("should be true or false".to_owned()),
        (false, _) => try_alone(command, option, &text)?,
    }
    Ok(Some(Default {
        option: option.get_id().to_string(),
        value: text,
    }))
}

/// The option of `run` that the key names.
fn find<'a>(command: &'a clap::Command, key: &str) -> Result<&'a Arg, String> {
    let run = command.find_subcommand("run").ok_or("there is no 'run'")?;
    let named = |option: &&Arg| {
        option.get_long() == Some(key) || (key == "model" && option.get_id() == key)
    };
    let option = run.get_arguments().find(named);
    match option {
        Some(option) if !NOT_IN_A_FILE.contains(&key) => Ok(option),
        Some(_) => Err("belongs on the command line".to_owned()),
        None => Err(format!(
            "there is no such option{}",
            suggestion(command, key)
        )),
    }
}

/// What clap would suggest for a misspelt option.
fn suggestion(command: &clap::Command, key: &str) -> String {
    let key = key.replace('_', "-");
    let tried = try_words(command, &[&format!("--{key}=")]);
    let found = tried.err().and_then(|error| match error.kind() {
        // It is misspelt no more.
        kind if kind != ErrorKind::UnknownArgument => Some(key),
        _ => match error.get(ContextKind::SuggestedArg) {
            Some(ContextValue::String(name)) => Some(name.trim_start_matches('-').to_owned()),
            _ => None,
        },
    });
    found.map_or(String::new(), |name| format!("; perhaps '{name}'?"))
}

fn try_alone(command: &clap::Command, option: &Arg, text: &str) -> Result<(), String> {
    let tried = match option.get_long() {
        Some(long) => try_words(command, &[&format!("--{long}={text}")]),
        None => try_words(command, &["--", text]),
    };
    match tried {
        // Whether it goes with the others is seen when all are there.
        Err(error) if is_about_the_value(error.kind()) => Err(first_paragraph(&error)),
        _ => Ok(()),
    }
}

fn is_about_the_value(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::InvalidValue | ErrorKind::ValueValidation)
}

fn try_words(command: &clap::Command, words: &[&str]) -> Result<(), clap::Error> {
    let any = models::ALL.first().map_or("", |model| model.name);
    let model: &[&str] = if words.first() == Some(&"--") {
        &[]
    } else {
        &[any]
    };
    let line = [&["servers", "run"], model, words].concat();
    command.clone().try_get_matches_from(line).map(drop)
}

/// clap's message without the usage and the tips below it, in one line.
pub(super) fn first_paragraph(error: &clap::Error) -> String {
    let text = error.to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let lines = text.lines().take_while(|line| !line.is_empty());
    lines.map(str::trim).collect::<Vec<_>>().join(" ")
}
