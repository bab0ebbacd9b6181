//! The differences between models that the chapters show, made from the files that run.
//!
//! `chapters/diffs/FROM-TO.diff` says what has to be changed in one model's `run` to get the
//! other's. A file that differs from the source fails this test, and `UPDATE_DIFFS=1 cargo test
//! --test diffs` writes all of them again. A chapter includes one in a block of code marked `diff`.
//! `solution-NAME.diff` is the same for an exercise: from a bare server of `examples/bare/` to the
//! solution of that name.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use servers::models;
use similar::{Algorithm, ChangeTag, TextDiff};

/// Which part of two files is compared.
#[derive(Debug, Clone, Copy)]
enum Part {
    /// The region `run`, which a chapter shows first.
    Run,
    /// The regions of these names, for a model whose `run` only chooses between two ways.
    Regions(&'static str, &'static str),
    /// All below the opening comment: for models whose difference lies elsewhere.
    File,
}

/// Two models that a chapter compares, and which part of them.
const PAIRS: &[(&str, &str, Part)] = &[
    ("iterative", "fork", Part::Run),
    ("iterative", "prefork", Part::Run),
    ("fork", "threaded", Part::Run),
    ("threaded", "prethreaded", Part::Regions("run", "mutex")),
    ("prefork", "worker", Part::Run),
    ("iterative", "poll", Part::Run),
    ("poll", "epoll", Part::File),
    ("epoll", "event", Part::Run),
    ("epoll", "uring", Part::Run),
    ("threaded", "async", Part::Run),
];

/// Exercises: the bare server that is to be changed, and the solution.
const SOLUTIONS: &[(&str, &str)] = &[
    ("iterative", "backlog"),
    ("iterative", "iterative"),
    ("fork", "fork"),
    ("prefork", "prefork"),
    ("prefork", "reuseport"),
    ("threaded", "threaded"),
    ("prethreaded", "prethreaded"),
    ("worker", "worker"),
    ("poll", "poll"),
    ("epoll", "epoll"),
    ("event", "event"),
    ("uring", "uring"),
    ("async", "async"),
    ("compare", "compare"),
    ("counts", "counts"),
    ("epoll", "descriptors"),
    ("prefork", "stop"),
    ("reload", "reload"),
    ("prefork", "privileges"),
    ("log", "log"),
    ("load", "load"),
    ("front", "front"),
    ("sizing", "sizing"),
    ("merge", "merge"),
];

/// What each file should say.
fn differences() -> Vec<(String, String)> {
    let models = PAIRS.iter().map(|&(from, to, part)| {
        for model in [from, to] {
            assert!(models::find(model).is_some(), "no model {model}");
        }
        (format!("{from}-{to}.diff"), difference(from, to, part))
    });
    let solutions = SOLUTIONS.iter().map(|&(server, solution)| {
        let [old, new] = [server.to_owned(), format!("solutions/{solution}")].map(|name| {
            let path = root().join(format!("examples/bare/{name}.rs"));
            region(&path, Some("run"))
        });
        let head = format!("--- examples/bare/{server}.rs\n+++ solutions/{solution}.rs\n");
        (
            format!("solution-{solution}.diff"),
            head + &changes(&old, &new),
        )
    });
    models.chain(solutions).collect()
}

#[test]
fn the_differences_that_the_book_shows_are_those_of_the_source() {
    let is_update = std::env::var_os("UPDATE_DIFFS").is_some_and(|value| !value.is_empty());
    let mut expected = BTreeSet::new();
    for (name, now) in differences() {
        let file = directory().join(&name);
        if is_update {
            fs::create_dir_all(directory()).unwrap();
            fs::write(&file, &now).unwrap();
        }
        let shown = fs::read_to_string(&file).unwrap_or_default();
        assert_eq!(
            shown, now,
            "chapters/diffs/{name} is not what the source says: \
             UPDATE_DIFFS=1 cargo test --test diffs"
        );
        expected.insert(name);
    }
    assert!(expected.len() > 2, "only {expected:?}");
    let entries = fs::read_dir(directory()).unwrap();
    for name in entries.map(|entry| entry.unwrap().file_name()) {
        let name = name.to_string_lossy().into_owned();
        assert!(
            expected.contains(&name),
            "chapters/diffs/{name} is of no pair"
        );
    }
}

/// The lines of both texts: `-` for those of the first alone, `+` for those of the second alone.
fn difference(from: &str, to: &str, part: Part) -> String {
    let (region_of_old, region_of_new) = match part {
        Part::Run => (Some("run"), Some("run")),
        Part::Regions(old, new) => (Some(old), Some(new)),
        Part::File => (None, None),
    };
    let (old, new) = (text(from, region_of_old), text(to, region_of_new));
    format!("--- {from}.rs\n+++ {to}.rs\n") + &changes(&old, &new)
}

/// The lines of both, each with its sign.
fn changes(old: &str, new: &str) -> String {
    // Patience aligns lines that occur once in each text, as a person would.
    let changes = TextDiff::configure()
        .algorithm(Algorithm::Patience)
        .diff_lines(old, new);
    let mut diff = String::new();
    for change in changes.iter_all_changes() {
        let sign = match change.tag() {
            ChangeTag::Delete => '-',
            ChangeTag::Insert => '+',
            ChangeTag::Equal => ' ',
        };
        let line = format!("{sign}{}", change.value().trim_end());
        writeln!(diff, "{}", line.trim_end()).unwrap();
    }
    diff
}

fn text(model: &str, part: Option<&str>) -> String {
    region(&root().join(format!("src/models/{model}.rs")), part)
}

/// A region of a file, or all of it below the opening comment.
fn region(path: &Path, region: Option<&str>) -> String {
    let source = fs::read_to_string(path).unwrap();
    let lines: Vec<&str> = match region {
        Some(name) => {
            let from = position(&source, &format!("// ANCHOR: {name}")).expect(name) + 1;
            let to = position(&source, &format!("// ANCHOR_END: {name}")).expect(name);
            source.lines().take(to).skip(from).collect()
        }
        None => {
            let lines = source.lines();
            lines.skip_while(|line| line.starts_with("//!")).collect()
        }
    };
    let mut text = String::new();
    for line in lines.iter().filter(|line| !line.contains("// ANCHOR")) {
        text.push_str(&format!("{line}\n"));
    }
    text.trim_start().to_owned()
}

fn position(text: &str, line: &str) -> Option<usize> {
    text.lines().position(|it| it.trim() == line)
}

fn directory() -> PathBuf {
    root().join("chapters/diffs")
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
