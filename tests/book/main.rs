//! Every `servers` command that a chapter or the README tells the reader to type is typed here, and
//! every link from one page to another is followed.
//!
//! What this proves: the command line is accepted as it stands, and more where that is cheap.
//! `run` really listens, on a port that is free, and ends with 0 after SIGTERM; `load` really
//! loads a server, with a few requests; `list`, `man` and `completions` really print. `bench` and
//! `lab` take their time and have their own tests: here their options and values are only checked,
//! by asking for help behind them. So are those of `trace`, whose files are not there. Other
//! programs in the same lines (curl, strace, ss) are not run.
//!
//! The commands run in a scratch directory that looks like the repository's root, so that the test
//! does not depend on where Cargo puts its output.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

mod bare;
mod claims;
mod evidence;
mod exercises;
mod outcomes;
mod relation;
mod site;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeSet;
use std::fs;
use std::iter;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use nix::sys::signal::Signal;
use support::server::{BINARY, Server};

/// The files of the repository and a `target` of its own.
static SCRATCH: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    let scratch = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(env!("CARGO_MANIFEST_DIR")).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        if name != "target" {
            symlink(entry.path(), scratch.path().join(name)).unwrap();
        }
    }
    fs::create_dir(scratch.path().join("target")).unwrap();
    scratch
});

#[test]
fn every_command_of_the_book_runs() {
    let commands = commands();
    assert!(!commands.is_empty(), "no chapter has a command to type");
    for (place, words) in commands {
        println!("{place}: servers {}", words.join(" "));
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.split_first() {
            Some((&"run", arguments)) => run(arguments),
            Some((&"load", arguments)) => load(arguments),
            Some((&"top", arguments)) => top(arguments),
            Some((&"bench" | &"trace" | &"merge" | &"size", _)) => {
                succeeds(&[&words[..], &["--help"]].concat());
            }
            Some((&"lab", arguments)) => lab(arguments),
            _ => succeeds(&words),
        }
    }
}

/// `run MODEL OPTIONS`, on a port of its own.
fn run(arguments: &[&str]) {
    let (model, options) = arguments.split_first().expect("run takes a model");
    if !support::can_run(model) {
        return;
    }
    let mut kept = Vec::new();
    let mut options = options.iter();
    while let Some(&option) = options.next() {
        match option {
            "--bind" => drop(options.next().expect("--bind takes an address")),
            // mdBook builds it, in the line before.
            "book/book" => kept.push("book"),
            _ => kept.push(option),
        }
    }
    let mut launcher = Command::new("env");
    launcher.arg("-C").arg(SCRATCH.path()).arg(BINARY);
    let mut server = Server::start_by(launcher, model, &kept);
    server.signal(Signal::SIGTERM);
    assert_eq!(server.wait().code(), Some(0), "{}", server.said());
}

/// `load URL OPTIONS`: right as it stands, and then really, against a server of its own and with a
/// few requests only.
fn load(arguments: &[&str]) {
    succeeds(&[&["load"], arguments, &["--help"]].concat());
    // These have an end of their own, and may miss it on a crowded machine, or wait for a day.
    if arguments
        .iter()
        .any(|it| matches!(*it, "--expect" | "--stages" | "--self-test" | "--start-at"))
    {
        return;
    }
    let server = Server::start("threaded", &[]);
    let mut words = vec!["load".to_owned()];
    let mut arguments = arguments.iter();
    while let Some(&word) = arguments.next() {
        match word {
            "-d" | "--duration" | "-n" | "--requests" => {
                arguments.next().expect("this option takes a value");
            }
            _ => words.push(word.replace("127.0.0.1:8080", &server.address.to_string())),
        }
    }
    // By number and not by time: on a crowded machine a moment may pass without an answer.
    words.extend(["-n", "100"].map(str::to_owned));
    succeeds(&words.iter().map(String::as_str).collect::<Vec<_>>());
}

/// `lab NAME MODELS OPTIONS`: there is such a lab, or it is in a file, and the options are right.
fn lab(arguments: &[&str]) {
    succeeds(&[&["lab"], arguments, &["--help"]].concat());
    if let Some(name) = arguments.iter().find(|it| !it.starts_with('-')) {
        let file = format!("chapters/labs/{name}.toml");
        let is_own = name.ends_with(".toml");
        assert!(is_own || SCRATCH.path().join(&file).is_file(), "no {file}");
    }
}

/// `top PID|URL… OPTIONS`, a frame of a server of its own and without waiting for it. Several URLs
/// lead to that server, too.
fn top(arguments: &[&str]) {
    let server = Server::start("prefork", &[]);
    let mut words = vec![
        "top".to_owned(),
        "--once".to_owned(),
        "--time=0s".to_owned(),
    ];
    let is_url = |word: &&&str| word.starts_with("http://");
    match arguments.iter().filter(is_url).count() {
        0 => words.push(server.pid().to_string()),
        urls => words.extend(vec![format!("http://{}", server.address); urls]),
    }
    let mut arguments = arguments.iter();
    while let Some(&word) = arguments.next() {
        match word {
            "--once" => {}
            "--time" => drop(arguments.next().expect("--time takes a value")),
            _ if !word.starts_with("--") => {}
            _ => words.push(word.to_owned()),
        }
    }
    succeeds(&words.iter().map(String::as_str).collect::<Vec<_>>());
}

#[track_caller]
fn succeeds(words: &[&str]) {
    let mut command = Command::new(BINARY);
    let output = command.current_dir(SCRATCH.path()).args(words).output();
    let output = output.unwrap();
    assert_eq!(output.status.code(), Some(0), "{words:?}: {output:?}");
}

/// The arguments of each line `$ servers …` in a block of code, with its place.
fn commands() -> Vec<(String, Vec<String>)> {
    let lines = lines().into_iter();
    let plain = lines.filter_map(|(place, line)| {
        let command = line.strip_prefix("$ servers ")?;
        Some((place, arguments(command)))
    });
    plain.collect()
}

/// These need root, or another program around them. So only their options and values are checked.
#[test]
fn every_command_behind_another_one_is_understood() {
    let mut seen = 0;
    for (place, line) in lines() {
        let is_prompt = line.starts_with("$ ") || line.starts_with("# ");
        if !is_prompt || line.starts_with("$ servers ") {
            continue;
        }
        for (begin, found) in line.match_indices(" servers ") {
            let words = arguments(&line[begin + found.len()..]);
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let Some(&("run" | "load" | "bench" | "top")) = words.first() else {
                continue;
            };
            println!("{place}: {line}");
            // What is named in /etc need not exist here.
            let config = words.iter().position(|word| *word == "--config");
            let words = &words[..config.unwrap_or(words.len())];
            succeeds(&[words, &["--help"]].concat());
            seen += 1;
        }
    }
    assert!(seen > 10, "only {seen}");
}

/// All lines of the README and of all chapters, without their indentation, with their places.
fn lines() -> Vec<(String, String)> {
    let mut found = Vec::new();
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    for file in iter::once(readme).chain(pages("chapters")) {
        let text = fs::read_to_string(&file).unwrap();
        let name = file.file_name().unwrap().to_string_lossy();
        let lines = text.lines().enumerate();
        found.extend(lines.map(|(number, line)| {
            let place = format!("{name}:{}", number + 1);
            (place, line.trim_start().to_owned())
        }));
    }
    found
}

/// The Markdown files in a directory, from the root of the repository.
fn pages(directory: &str) -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
    let mut files: Vec<_> = fs::read_dir(directory)
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    files.sort();
    files
}

/// The words up to where the shell takes over: a pipe, a redirection, `&`, a comment. What is
/// quoted is one word.
fn arguments(command: &str) -> Vec<String> {
    let is_shell = |word: &&str| matches!(*word, "|" | "&" | ">" | "2>" | "#" | "&&" | ";");
    // `words;` ends a command, too.
    let command = &command.replace(';', " ;");
    let mut words = Vec::new();
    // Every other piece is within quotes.
    for (index, piece) in command.split(['\'', '"']).enumerate() {
        if index % 2 == 1 {
            words.push(piece.to_owned());
            continue;
        }
        let own: Vec<&str> = piece.split_whitespace().collect();
        let plain = own.iter().take_while(|word| !is_shell(word));
        words.extend(plain.map(|word| (*word).to_owned()));
        if own.iter().any(is_shell) {
            break;
        }
    }
    words
}

#[test]
fn the_shell_is_left_out_of_a_command() {
    let line = "load 'http://127.0.0.1:8080/' -c 4 --json | jq .  # why";
    assert_eq!(
        arguments(line),
        ["load", "http://127.0.0.1:8080/", "-c", "4", "--json"]
    );
    let line = "bench 'prefork --workers 4' fork > table";
    assert_eq!(arguments(line), ["bench", "prefork --workers 4", "fork"]);
}

/// mdBook itself lets a link to a heading that is gone through.
#[test]
fn every_link_between_pages_leads_somewhere() {
    let mut followed = 0;
    for file in [pages("chapters"), pages(""), pages("bench-results")].concat() {
        for link in links(&prose(&file)) {
            if link.contains("://") {
                continue;
            }
            let (path, heading) = link.split_once('#').unwrap_or((&link, ""));
            let target = match path {
                "" => file.clone(),
                _ => file.parent().unwrap().join(path),
            };
            let place = format!("{}: {link}", file.display());
            assert!(target.exists(), "there is no such file: {place}");
            assert!(
                heading.is_empty() || headings(&prose(&target)).contains(heading),
                "there is no such heading: {place}"
            );
            followed += 1;
        }
    }
    assert!(followed > 100, "only {followed} links");
}

/// A page without its blocks of code.
fn prose(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap();
    let outside = text.split("\n```").step_by(2);
    outside.collect::<Vec<_>>().join("\n")
}

/// What the links `[text](target)` of a page lead to.
fn links(text: &str) -> Vec<String> {
    let targets = text.split("](").skip(1);
    targets
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target.to_owned())
        .collect()
}

/// The names under which a page's headings can be linked to, as mdBook and GitHub make them.
fn headings(text: &str) -> BTreeSet<String> {
    let titles = text.lines().filter(|line| line.starts_with('#'));
    titles
        .map(|line| {
            let title = line.trim_start_matches('#').trim().to_lowercase();
            let kept = |&letter: &char| letter.is_alphanumeric() || " -_".contains(letter);
            title.chars().filter(kept).collect::<String>()
        })
        .map(|title| title.replace(' ', "-"))
        .collect()
}
