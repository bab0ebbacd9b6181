//! The file of `--config`: its keys and values, each checked alone.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::Path;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction};
use toml::de::{DeTable, DeValue};

use super::{ConfigError, first_paragraph};
use crate::models;
use crate::sys::errors::plain;
use crate::sys::regular;

/// Options that make no sense in the file.
const NOT_IN_A_FILE: [&str; 4] = ["config", "check", "help", "version"];

/// A key of the file, and its value as text.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// The option's long name.
    pub(super) key: String,
    /// clap's ID of the option.
    pub(super) option: String,
    /// One value; of an option that may be given several times, one or more.
    pub(super) values: Vec<String>,
    /// `FILE:LINE`.
    place: String,
}

impl Entry {
    pub(super) fn complaint(&self, why: &str) -> String {
        format!("{}: {}: {why}", self.place, self.key)
    }
}

/// Reads and checks the whole file, so that all its mistakes are reported at once.
pub(super) fn read(command: &clap::Command, path: &Path) -> Result<Vec<Entry>, ConfigError> {
    let name = path.display();
    let text = text_of(path)
        .map_err(|error| ConfigError::File(vec![format!("{name}: {}", plain(&error))]))?;
    let place = |span: Range<usize>| {
        let before = text.get(..span.start).unwrap_or_default();
        format!("{name}:{}", before.matches('\n').count() + 1)
    };
    let table = DeTable::parse(&text).map_err(|error| {
        let span = error.span().unwrap_or_default();
        let message = error.message().replace('\n', ", ");
        let line = line_at(&text, span.start);
        ConfigError::File(vec![format!("{}: {message}: {line}", place(span))])
    })?;
    // The table is sorted by name; mistakes are reported in the order of lines.
    let mut entries: Vec<_> = table.get_ref().iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    let (mut values, mut faults) = (Vec::new(), Vec::new());
    for (key, value) in entries {
        let (place, key) = (place(key.span()), key.get_ref());
        match check(command, key, value.get_ref()) {
            Ok(None) => {}
            Ok(Some((option, texts))) => values.push(Entry {
                key: key.to_string(),
                option,
                values: texts,
                place,
            }),
            Err(why) => faults.push(format!("{place}: {key}: {why}")),
        }
    }
    match faults.is_empty() {
        true => Ok(values),
        false => Err(ConfigError::File(faults)),
    }
}

/// The text of a regular file. A pipe is refused: SIGHUP could not read it again.
fn text_of(path: &Path) -> io::Result<String> {
    io::read_to_string(regular::open(File::options().read(true), 0, path)?)
}

/// The line that contains the byte at this offset.
fn line_at(text: &str, at: usize) -> &str {
    let before = text.get(..at).unwrap_or_default();
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    text[start..].lines().next().unwrap_or_default()
}

/// Has clap check a single key and its value, as if they were alone on the command line. Returns
/// clap's ID of the option and the value as text, or each value of an array; `None` for a flag that
/// is false.
fn check(
    command: &clap::Command,
    key: &str,
    value: &DeValue<'_>,
) -> Result<Option<(String, Vec<String>)>, String> {
    let option = find(command, key)?;
    let id = option.get_id().to_string();
    match (option.get_action(), value) {
        (ArgAction::SetTrue, DeValue::Boolean(false)) => return Ok(None),
        (ArgAction::SetTrue, DeValue::Boolean(true)) => {
            return Ok(Some((id, vec!["true".to_owned()])));
        }
        (ArgAction::SetTrue, _) => return Err("should be true or false".to_owned()),
        _ => {}
    }
    let values = match (option.get_action(), value) {
        (ArgAction::Append, DeValue::Array(values)) if values.is_empty() => {
            return Err("should have a value at least".to_owned());
        }
        (ArgAction::Append, DeValue::Array(values)) => {
            let texts = values.iter().map(|value| text(value.get_ref()));
            texts.collect::<Result<_, _>>()?
        }
        _ => vec![text(value)?],
    };
    for value in &values {
        try_alone(command, option, value)?;
    }
    Ok(Some((id, values)))
}

/// A single value as it would stand on the command line.
fn text(value: &DeValue<'_>) -> Result<String, String> {
    match value {
        DeValue::String(text) => Ok(text.to_string()),
        DeValue::Integer(number) => Ok(number.to_string()),
        DeValue::Float(number) => Ok(number.to_string()),
        DeValue::Boolean(truth) => Ok(truth.to_string()),
        other => {
            let kind = other.type_str();
            Err(format!("should be a single value, not a TOML {kind}"))
        }
    }
}

/// The option of `run` that the key names.
pub(super) fn find<'a>(command: &'a clap::Command, key: &str) -> Result<&'a Arg, String> {
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
        // With dashes it is an option.
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
        // Other kinds depend on the rest of the command line, and are checked later.
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
