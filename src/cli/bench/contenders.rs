//! Contenders as they are typed: each a command line of `servers run`, which is read by the very
//! definition that `servers run` has, and then tried with its `--check`.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::builder::{PossibleValue, TypedValueParser};
use clap::error::ErrorKind;

use nix::sys::signal::Signal;

use crate::bench::contender::{Contender, Foreign, Ready};
use crate::cli::run;
use crate::models::{self, Model};

/// The exit code of a wrong call.
const WRONG_CALL: i32 = 2;
/// What a contender's name is called in help and errors.
pub(super) const PLACEHOLDER: &str = "MODEL [OPTIONS]";

/// A command line of `servers run` in which every word is right.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// Its words, one space between two of them.
    name: String,
    /// What follows `servers run`.
    arguments: Vec<String>,
    /// Another build of `servers`, if the line names one.
    program: Option<PathBuf>,
}

/// What the bench adds to the command lines of its contenders.
#[derive(Debug, Default)]
pub(super) struct Common {
    /// Pairs of an option's name and its value; a contender that has the option keeps its own.
    pub(super) options: Vec<(&'static str, String)>,
    /// `--accept`, for the models that have this strategy.
    pub(super) accept: Option<&'static str>,
    /// Arguments that every server of ours gets as they are.
    pub(super) verbatim: Vec<String>,
}

impl Common {
    /// All of it in words, for the results; `--accept` is in the names.
    pub(super) fn listed(&self) -> Vec<String> {
        let options = self.options.iter();
        let pairs = options.flat_map(|(name, value)| [(*name).to_owned(), value.clone()]);
        pairs.chain(self.verbatim.iter().cloned()).collect()
    }

    /// Whether any of them has this strategy.
    pub(super) fn accept_is_used(&self, contenders: &[Contender], strategy: &str) -> bool {
        let has_it = |words: &[String]| words == ["--accept", strategy];
        contenders
            .iter()
            .any(|contender| contender.arguments.windows(2).any(has_it))
    }
}

impl Entry {
    /// Reads a command line.
    ///
    /// # Errors
    /// What `servers run` would say to it.
    pub(super) fn read(line: &str) -> Result<Entry, String> {
        let (label, line) = labelled(line);
        let mut arguments = words(line)?;
        let program = other_build(&mut arguments)?;
        let (_, given) = run::read(&arguments).map_err(|error| said(&error))?;
        if let Some(option) = ["bind", "check"].into_iter().find(|it| given.has(it)) {
            return Err(format!(
                "--{option} is set by the bench: it starts every server on a port of its own"
            ));
        }
        let words = || line.split_whitespace().collect::<Vec<_>>().join(" ");
        Ok(Entry {
            name: label.map_or_else(words, str::to_owned),
            arguments,
            program,
        })
    }

    /// The model alone, with its defaults.
    pub(super) fn of(model: &Model) -> Entry {
        Entry {
            name: model.name.to_owned(),
            arguments: vec![model.name.to_owned()],
            program: None,
        }
    }

    /// The contender that it becomes with the options that all have in common.
    ///
    /// # Errors
    /// What `servers run` would say to the whole.
    pub(super) fn with(&self, common: &Common) -> Result<Contender, String> {
        let (model, given) = run::read(&self.arguments).map_err(|error| said(&error))?;
        let mut contender = Contender {
            name: self.name.clone(),
            arguments: self.arguments.clone(),
            program: self.program.clone(),
            foreign: None,
            workers_last: model.workers_last(),
        };
        for (option, value) in &common.options {
            let takes = *option != "--workers" || model.has_master();
            if takes && !given.has(option.trim_start_matches('-')) {
                contender
                    .arguments
                    .extend([(*option).to_owned(), value.clone()]);
            }
        }
        let can = |wanted: &&str| model.strategies.iter().any(|it| it.name == *wanted);
        if let Some(strategy) = common.accept.filter(can).filter(|_| !given.has("accept")) {
            let accept = ["--accept", strategy];
            contender.arguments.extend(accept.map(str::to_owned));
            contender.name = format!("{} --accept {strategy}", self.name);
        }
        contender.arguments.extend_from_slice(&common.verbatim);
        check(self.program.as_deref(), &contender.arguments)
            .map_err(|why| format!("cannot compare '{}': {why}", self.name))?;
        Ok(contender)
    }
}

/// `NAME=COMMAND`: a name of letters, digits, dots, dashes and underscores before the first `=`.
fn labelled(line: &str) -> (Option<&str>, &str) {
    let is_name = |name: &str| {
        let is_part = |letter: char| letter.is_alphanumeric() || "._-".contains(letter);
        !name.is_empty() && !name.starts_with('-') && name.chars().all(is_part)
    };
    match line.split_once('=') {
        Some((name, rest)) if is_name(name) => (Some(name), rest),
        _ => (None, line),
    }
}

/// Takes the path of another build of `servers` from the front of a command line: a first word with
/// a slash in it, and `run` after it if it is there.
fn other_build(arguments: &mut Vec<String>) -> Result<Option<PathBuf>, String> {
    let Some(first) = arguments.first().filter(|word| word.contains('/')) else {
        return Ok(None);
    };
    let program = std::fs::canonicalize(first).map_err(|error| format!("{first}: {error}"))?;
    arguments.remove(0);
    if arguments.first().is_some_and(|word| word == "run") {
        arguments.remove(0);
    }
    Ok(Some(program))
}

/// Reads the value of `--with`.
///
/// # Errors
/// It has no name, no command, or no place for the port.
pub(super) fn parse_foreign(text: &str) -> Result<Contender, String> {
    let (text, settings) = without_settings(text)?;
    let (Some(name), command) = labelled(&text) else {
        return Err(format!(
            "should be NAME=COMMAND, as in 'mine=python3 server.py {}'",
            Foreign::PORT
        ));
    };
    let command = words(command)?;
    if command.is_empty() {
        return Err("has no command after the name".to_owned());
    }
    if !command.iter().any(|word| word.contains(Foreign::PORT)) {
        return Err(format!(
            "should have {} where the command takes its port",
            Foreign::PORT
        ));
    }
    Ok(Contender {
        name: name.to_owned(),
        arguments: Vec::new(),
        program: None,
        foreign: Some(Foreign {
            command,
            ready: settings.ready,
            stop: settings.stop,
            files: BTreeMap::new(),
        }),
        workers_last: false,
    })
}

/// What stands in brackets behind a foreign server's name.
struct ForeignSettings {
    ready: Ready,
    stop: String,
}

/// Takes `[ready=/health stop=SIGINT]` out of `NAME[…]=COMMAND`.
fn without_settings(text: &str) -> Result<(String, ForeignSettings), String> {
    let mut settings = ForeignSettings {
        ready: Ready::Answers,
        stop: Foreign::STOP_DEFAULT.to_owned(),
    };
    let bracketed = text.split_once('[').filter(|(name, _)| !name.contains('='));
    let Some((name, rest)) = bracketed else {
        return Ok((text.to_owned(), settings));
    };
    let (inside, rest) = rest.split_once(']').ok_or("has a [ without a ]")?;
    for setting in inside.split_whitespace() {
        match setting.split_once('=') {
            Some(("ready", "connect")) => settings.ready = Ready::Connects,
            Some(("ready", path)) if path.starts_with('/') => {
                settings.ready = Ready::Path(path.to_owned());
            }
            Some(("stop", signal)) => settings.stop = signal_name(signal)?,
            _ => {
                return Err(format!(
                    "'{setting}' is no setting: write ready=/PATH, ready=connect or stop=SIGNAL"
                ));
            }
        }
    }
    Ok((format!("{name}{rest}"), settings))
}

/// `INT` and `SIGINT` as `SIGINT`.
fn signal_name(text: &str) -> Result<String, String> {
    let name = match text.starts_with("SIG") {
        true => text.to_owned(),
        false => format!("SIG{text}"),
    };
    match name.parse::<Signal>() {
        Ok(_) => Ok(name),
        Err(_) => Err(format!("'{text}' is no signal: write stop=SIGINT")),
    }
}

/// Gives a contender that bears another's name a number, so that no two share one.
pub(super) fn number_namesakes(contenders: &mut [Contender]) {
    let mut seen = BTreeMap::new();
    for contender in contenders {
        let count = seen.entry(contender.name.clone()).or_insert(0);
        *count += 1;
        if *count > 1 {
            contender.name = format!("{} #{count}", contender.name);
        }
    }
}

/// Lets `servers run` look at a command line: what it refuses as a wrong call would be refused in
/// every block. Other reasons that keep a server from starting become a row of the table.
fn check(program: Option<&Path>, arguments: &[String]) -> Result<(), String> {
    let program = match program {
        Some(other) => other.to_owned(),
        None => std::env::current_exe().map_err(|error| error.to_string())?,
    };
    let tried = Command::new(program)
        .arg("run")
        .args(arguments)
        .arg("--check")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| error.to_string())?;
    match tried.status.code() {
        Some(WRONG_CALL) => Err(trimmed(&String::from_utf8_lossy(&tried.stderr))),
        _ => Ok(()),
    }
}

/// The words of an error of clap.
fn said(error: &clap::Error) -> String {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion | ErrorKind::MissingRequiredArgument => {
            "should be a model and its options, as in 'prefork --workers 4'".to_owned()
        }
        _ => trimmed(&error.render().to_string()),
    }
}

/// The message without its `error: ` and without the usage of `run`.
fn trimmed(text: &str) -> String {
    let text = text.strip_prefix("error: ").unwrap_or(text);
    let end = text.find("\n\nUsage:").or(text.find("\n\nFor more"));
    text[..end.unwrap_or(text.len())].trim_end().to_owned()
}

/// The words of a line as a shell would see them: quotes keep spaces together.
fn words(line: &str) -> Result<Vec<String>, String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for letter in line.chars() {
        match letter {
            '\'' | '"' if quote.is_none() => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            _ if quote == Some(letter) => quote = None,
            _ if letter.is_whitespace() && quote.is_none() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(letter),
        }
    }
    match quote {
        Some(quote) => Err(format!("a quotation mark {quote} has no partner")),
        None => {
            words.extend(word);
            Ok(words)
        }
    }
}

/// Reads an [`Entry`], so that a wrong one is a wrong call; offers the models to completions.
#[derive(Clone)]
pub(super) struct EntryParser;

impl TypedValueParser for EntryParser {
    type Value = Entry;

    fn parse_ref(
        &self,
        command: &clap::Command,
        _: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<Entry, clap::Error> {
        let line = value.to_string_lossy();
        Entry::read(&line).map_err(|why| {
            let message = format!("cannot compare '{line}': {why}");
            command.clone().error(ErrorKind::ValueValidation, message)
        })
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let value = |model: &'static Model| PossibleValue::new(model.name).help(model.summary);
        Some(Box::new(models::ALL.iter().map(value)))
    }
}
