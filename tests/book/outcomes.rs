//! A reader who types a command can compare what comes with what the book shows.
//!
//! A block of commands shows what they print. Or that stands right behind it, before the next
//! commands: a block of text, a figure, a table, the answer of an exercise. Where a command prints
//! nothing worth reading, a note `no output: REASON` says so.

use std::fs;
use std::process::Command;

use super::support::server::{BINARY, Server};
use super::{lines, pages};

/// Commands that begin so print nothing that a reader compares.
const SILENT: &[&str] = &[
    "cargo run --example bare",
    "cargo build ",
    "cargo test --test book -- --ignored exercise_",
    "export ",
    "ulimit ",
    "kill ",
    "exec ",
];

const OUTCOMES: &[&str] = &[
    "```text",
    "<figure>",
    "<details>",
    "\n|",
    "<!-- no output: ",
];

#[test]
fn every_command_has_an_outcome() {
    let (mut bare, mut blocks) = (Vec::new(), 0);
    for file in pages("chapters") {
        let text = fs::read_to_string(&file).unwrap();
        for (begin, _) in text.match_indices("```console\n") {
            let rest = &text[begin + "```console\n".len()..];
            let (block, behind) = rest.split_once("```\n").unwrap();
            blocks += 1;
            if shows_or_needs_none(block) || is_followed(behind) {
                continue;
            }
            let number = text[..begin].lines().count() + 1;
            bare.push(format!("{}:{number}: {}", file.display(), block.trim()));
        }
    }
    assert!(blocks > 100, "only {blocks} blocks");
    assert!(bare.is_empty(), "without an outcome:\n{}", bare.join("\n"));
}

fn shows_or_needs_none(block: &str) -> bool {
    // An indented block ends with the indentation of its last line.
    let lines = || block.lines().map(str::trim).filter(|line| !line.is_empty());
    lines().all(|line| {
        let command = line.strip_prefix("$ ").or(line.strip_prefix("# "));
        command.is_some_and(is_silent)
    }) || lines().any(|line| !line.starts_with("$ ") && !line.starts_with("# "))
}

/// Whether it prints nothing, or what it prints comes with the commands of a second terminal.
fn is_silent(command: &str) -> bool {
    command.contains("servers run ") || SILENT.iter().any(|begin| command.starts_with(begin))
}

/// Whether an outcome stands before the next commands and the next heading.
fn is_followed(behind: &str) -> bool {
    let ends = ["```console", "\n#"].map(|end| behind.find(end).unwrap_or(behind.len()));
    let near = &behind[..ends[0].min(ends[1])];
    OUTCOMES.iter().any(|outcome| near.contains(outcome))
}

/// What `servers load` prints has changed its form before, and the book kept the old one.
#[test]
fn shown_outputs_of_load_have_the_form_that_it_prints() {
    let server = Server::start("threaded", &[]);
    let url = format!("http://{}/", server.address);
    let mut load = Command::new(BINARY);
    let output = load.args(["load", &url, "-n", "100"]).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let header = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let head = printed.lines().find(|line| line.starts_with("time "));
    let head = header(head.expect("a table"));
    let answered = " requests/s answered and verified; ";
    assert!(printed.contains(answered), "{printed}");
    let mut seen = 0;
    for (place, line) in lines() {
        if line.starts_with("time ") && line.contains(" p50 ") {
            assert_eq!(header(&line), head, "{place}");
            seen += 1;
        }
        if line.contains("answered and verified") && !line.starts_with('|') {
            assert!(line.contains(answered.trim_start()), "{place}: {line}");
            seen += 1;
        }
    }
    assert!(seen > 10, "only {seen} lines");
}
