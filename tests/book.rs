//! Every `servers` command that a chapter tells the reader to type is typed here.
//!
//! What this proves: the command line is accepted as it stands, and more where that is cheap.
//! `run` really listens, on a port that is free, and ends with 0 after SIGTERM; `load` really
//! loads a server, with a few requests; `list`, `man` and `completions` really print. `bench` takes
//! its time and has its own tests: here its options and values are only checked, by asking for help
//! behind them. What other programs in the same lines do (curl, strace, ss) is not checked.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use nix::sys::signal::Signal;
use support::server::{BINARY, Server};

#[test]
fn every_command_of_the_book_runs() {
    let commands = commands();
    assert!(
        !commands.is_empty(),
        "the book tells nobody to type anything"
    );
    for (place, words) in commands {
        println!("{place}: servers {}", words.join(" "));
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.split_first() {
            Some((&"run", arguments)) => run(arguments),
            Some((&"load", arguments)) => load(arguments),
            Some((&"top", arguments)) => top(arguments),
            Some((&"bench", _)) => succeeds(&[&words[..], &["--help"]].concat()),
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
            _ => kept.push(option),
        }
    }
    let mut server = Server::start(model, &kept);
    server.signal(Signal::SIGTERM);
    assert_eq!(server.wait().code(), Some(0), "{}", server.said());
}

/// `load URL OPTIONS`, against a server of its own and with a few requests only.
fn load(arguments: &[&str]) {
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

/// `top PID|URL OPTIONS`, a frame of a server of its own and without waiting for it.
fn top(arguments: &[&str]) {
    let server = Server::start("prefork", &[]);
    let mut words = vec![
        "top".to_owned(),
        "--once".to_owned(),
        "--time=0s".to_owned(),
    ];
    let is_url = |word: &&&str| word.starts_with("http://");
    words.push(match arguments.iter().find(is_url) {
        Some(_) => format!("http://{}", server.address),
        None => server.pid().to_string(),
    });
    let mut arguments = arguments.iter();
    while let Some(&word) = arguments.next() {
        match word {
            "--once" => {}
            "--time" => drop(arguments.next().expect("--time takes a value")),
            _ if !word.starts_with("--") && words.len() == 4 => {}
            _ => words.push(word.to_owned()),
        }
    }
    succeeds(&words.iter().map(String::as_str).collect::<Vec<_>>());
}

#[track_caller]
fn succeeds(words: &[&str]) {
    let output = Command::new(BINARY).args(words).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{words:?}: {output:?}");
}

/// The arguments of each line `$ servers …` in a block of code, with its place.
fn commands() -> Vec<(String, Vec<String>)> {
    let chapters = Path::new(env!("CARGO_MANIFEST_DIR")).join("chapters");
    let mut files: Vec<_> = fs::read_dir(chapters)
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    files.sort();
    let mut found = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        for (number, line) in text.lines().enumerate() {
            let Some(command) = line.trim_start().strip_prefix("$ servers ") else {
                continue;
            };
            let name = file.file_name().unwrap().to_string_lossy().into_owned();
            found.push((format!("{name}:{}", number + 1), arguments(command)));
        }
    }
    found
}

/// The words up to where the shell takes over: a pipe, a redirection, `&`, a comment. What is
/// quoted is one word.
fn arguments(command: &str) -> Vec<String> {
    let is_shell = |word: &&str| matches!(*word, "|" | "&" | ">" | "2>" | "#" | "&&" | ";");
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
