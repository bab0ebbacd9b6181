//! `--config FILE`: options of `servers run` from a file, in TOML.
//!
//! A key is an option's long name, and its value is what would stand behind it on the command line.
//! So there is one definition of the options, clap's, and the file can do no more and no less than
//! the command line, which wins where both say something.

use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, CommandFactory, FromArgMatches};
use toml::de::{DeTable, DeValue};

use super::misfit::Misfit;
use super::{Cli, Command};
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

impl From<Misfit> for Trouble {
    fn from(misfit: Misfit) -> Self {
        Self::Call(misfit.into())
    }
}

impl From<clap::Error> for Trouble {
    fn from(error: clap::Error) -> Self {
        Self::Call(error)
    }
}

/// The command line `words`, completed by the file that it names with `--config`, if it does. What
/// the file says is left out where it makes no sense beside the command line.
///
/// # Errors
/// One of the two is wrong.
pub(super) fn parse(words: &[OsString]) -> Result<Cli, Trouble> {
    let command = Cli::command();
    let mut file = match named_file(&command, words) {
        Some(path) => read(&command, &path)?,
        None => Vec::new(),
    };
    let mut left_out: Vec<(Entry, String)> = Vec::new();
    loop {
        let matches = complete(command.clone(), &file).try_get_matches_from(words)?;
        let mut cli = Cli::from_arg_matches(&matches)?;
        let (Command::Run(args), Some((_, run))) = (&mut cli.command, matches.subcommand()) else {
            return Ok(cli);
        };
        let is_said = |option: &str| run.value_source(option) == Some(ValueSource::CommandLine);
        args.origins = Origins::of(&file, is_said);
        let Err(misfit) = args.check() else {
            say(&left_out);
            return Ok(cli);
        };
        let Some(at) = args.origins.first(misfit.between) else {
            return Err(misfit.into());
        };
        let yields = misfit.between.iter().any(|key| {
            let option = find(&command, key).map(Arg::get_id);
            option.is_ok_and(|option| is_said(option.as_str()))
                // The command line was the reason for that, too.
                || left_out.iter().any(|(entry, _)| entry.key == *key)
        });
        let entry = file.remove(at);
        match yields {
            true => left_out.push((entry, misfit.message)),
            false => return Err(Trouble::File(vec![entry.complaint(&misfit.message)])),
        }
    }
}

/// The command with what stands in the file for defaults: the command line wins.
// ANCHOR: complete
fn complete(mut command: clap::Command, file: &[Entry]) -> clap::Command {
    for Entry { option, value, .. } in file {
        command = command.mut_subcommand("run", |run| {
            run.mut_arg(option, |option| {
                option.required(false).default_value(value.clone())
            })
        });
    }
    command
}
// ANCHOR_END: complete

/// Tells what has been left out of the file, and why.
fn say(left_out: &[(Entry, String)]) {
    for (entry, why) in left_out {
        let complaint = entry.complaint(why);
        crate::log!("{complaint}; left out, since the command line wins");
    }
}

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
#[derive(Debug, Clone)]
struct Entry {
    /// The option's long name.
    key: String,
    /// clap's name of it.
    option: String,
    value: String,
    /// The file and the line.
    place: String,
}

impl Entry {
    fn complaint(&self, why: &str) -> String {
        format!("{}: {}: {why}", self.place, self.key)
    }
}

/// Which options have their value from the file.
#[derive(Debug, Clone, Default)]
pub(super) struct Origins {
    /// What the file says and, where the command line says something else, nothing in its place.
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

    /// The place in the file's list of the first of `keys` that has its value from there.
    fn first(&self, keys: &[&str]) -> Option<usize> {
        let mut keys = keys.iter();
        keys.find_map(|key| {
            let mut entries = self.entries.iter();
            entries.position(|entry| entry.as_ref().is_some_and(|entry| entry.key == *key))
        })
    }

    /// The error, with the place in the file of the first of `keys` that has its value from there.
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

/// Reads and checks the whole file, so that all its faults are told at once.
fn read(command: &clap::Command, path: &Path) -> Result<Vec<Entry>, Trouble> {
    let name = path.display();
    let text =
        text_of(path).map_err(|error| Trouble::File(vec![format!("{name}: {}", plain(&error))]))?;
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
    let (mut values, mut faults) = (Vec::new(), Vec::new());
    for (key, value) in entries {
        let (place, key) = (place(key.span()), key.get_ref());
        match check(command, key, value.get_ref()) {
            Ok(None) => {}
            Ok(Some((option, value))) => values.push(Entry {
                key: key.to_string(),
                option,
                value,
                place,
            }),
            Err(why) => faults.push(format!("{place}: {key}: {why}")),
        }
    }
    match faults.is_empty() {
        true => Ok(values),
        false => Err(Trouble::File(faults)),
    }
}

/// The text of a regular file: it has to be there when it is read again.
fn text_of(path: &Path) -> io::Result<String> {
    // Without O_NONBLOCK, opening a named pipe would wait for its writer.
    let mut options = File::options();
    let mut file = (options.read(true).custom_flags(libc::O_NONBLOCK)).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("is no regular file"));
    }
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    Ok(text)
}

/// The line with the octet `at`.
fn line_at(text: &str, at: usize) -> &str {
    let before = text.get(..at).unwrap_or_default();
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    text[start..].lines().next().unwrap_or_default()
}

/// Has clap look at a single key and its value, as if they stood on the command line alone: clap's
/// name for the option, and what would stand behind it. A flag that is false says nothing.
fn check(
    command: &clap::Command,
    key: &str,
    value: &DeValue<'_>,
) -> Result<Option<(String, String)>, String> {
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
    Ok(Some((option.get_id().to_string(), text)))
}

/// The option of `run` that the key names.
fn find<'a>(command: &'a clap::Command, key: &str) -> Result<&'a Arg, String> {
    let run = command.find_subcommand("run").ok_or("there is no 'run'")?;
    let named = |option: &&Arg| {
        option.get_long() == Some(key) || (key == "model" && option.get_id() == key)
    };
    if NOT_IN_A_FILE.contains(&key) {
        return Err("belongs on the command line".to_owned());
    }
    let option = run.get_arguments().find(named);
    option.ok_or_else(|| format!("there is no such option{}", suggestion(command, key)))
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
