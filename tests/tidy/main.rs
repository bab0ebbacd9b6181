//! The house rules, as tests: what the source looks like, and that the book shows what there is.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

mod circles;
mod log_lines;
mod maps;
mod words;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use servers::models;

/// Each room and those that it may look into: only downwards, and no further than it needs.
const ARROWS: &[(&str, &[&str])] = &[
    ("main", &["cli"]),
    (
        "cli",
        &[
            "accept",
            "bench",
            "http",
            "lab",
            "load",
            "models",
            "report",
            "scoreboard",
            "server",
            "service",
            "site",
            "size",
            "status",
            "sys",
            "top",
            "trace",
        ],
    ),
    ("top", &["load", "scoreboard", "status", "sys"]),
    ("report", &["bench", "lab", "load", "size"]),
    (
        "lab",
        &[
            "bench",
            "load",
            "models",
            "scoreboard",
            "size",
            "sys",
            "trace",
        ],
    ),
    ("bench", &["load", "models", "scoreboard", "sys"]),
    ("size", &[]),
    ("load", &["sys", "trace"]),
    (
        "models",
        &["accept", "master", "scoreboard", "serve", "server", "sys"],
    ),
    (
        "master",
        &["accept", "scoreboard", "server", "service", "sys"],
    ),
    (
        "serve",
        &[
            "accept",
            "http",
            "scoreboard",
            "server",
            "service",
            "sys",
            "trace",
        ],
    ),
    (
        "server",
        &["accept", "http", "scoreboard", "service", "sys", "trace"],
    ),
    ("accept", &["sys", "trace"]),
    ("site", &["http", "scoreboard", "status", "sys"]),
    ("http", &[]),
    ("status", &["scoreboard", "sys"]),
    ("trace", &["scoreboard", "sys"]),
    ("scoreboard", &["sys"]),
    ("service", &["sys"]),
    ("sys", &[]),
];

const MODEL_LINES_MAX: usize = 120;
const FUNCTION_LINES_MAX: usize = 70;
const COLUMNS_MAX: usize = 100;
/// So that the book needs no sideways scrolling.
const ANCHORED_COLUMNS_MAX: usize = 80;

/// A source file: its path from the root of the repository, and its text.
struct Source {
    path: String,
    text: String,
}

#[test]
fn unsafe_is_in_sys_alone_and_explained() {
    let mut seen = 0;
    for source in sources("src", "rs") {
        let lines: Vec<&str> = source.text.lines().collect();
        for (number, line) in code(&source.text).lines().enumerate() {
            if !words(line).any(|word| word == "unsafe") {
                continue;
            }
            seen += 1;
            let place = format!("{}:{}", source.path, number + 1);
            assert!(
                source.path.starts_with("src/sys/"),
                "unsafe outside sys: {place}"
            );
            assert!(
                is_explained(&lines[..=number]),
                "no SAFETY sentence: {place}"
            );
        }
    }
    assert!(seen > 0, "the search finds nothing at all");
}

/// Whether the comment right above the last line, which may belong to the statement that this line
/// is a part of, says why it is safe.
fn is_explained(lines: &[&str]) -> bool {
    let above = lines.iter().rev().skip(1);
    above
        .take_while(|line| !line.trim().is_empty() && !line.trim_end().ends_with(['}', ';']))
        .any(|line| line.trim_start().starts_with("// SAFETY: "))
}

#[test]
fn imports_point_down() {
    for source in sources("src", "rs") {
        let room = source
            .path
            .split('/')
            .nth(1)
            .unwrap()
            .trim_end_matches(".rs");
        if room == "lib" {
            continue;
        }
        let Some((_, below)) = ARROWS.iter().find(|(name, _)| *name == room) else {
            panic!(
                "{}: the room {room} has no row in the table of arrows",
                source.path
            );
        };
        for used in rooms_used(&code(&source.text)) {
            let is_allowed = used == room || below.contains(&used.as_str());
            assert!(
                is_allowed,
                "{}: {room} must not look into {used}",
                source.path
            );
        }
    }
}

/// The rooms named by `crate::ROOM`, `crate::{ROOM…, ROOM…}` or, in the program, `servers::ROOM`.
fn rooms_used(code: &str) -> BTreeSet<String> {
    let rooms: BTreeSet<&str> = ARROWS.iter().map(|(name, _)| *name).collect();
    let mut used = BTreeSet::new();
    for start in ["crate::", "servers::"] {
        for (at, _) in code.match_indices(start) {
            let rest = &code[at + start.len()..];
            let group = rest
                .strip_prefix('{')
                .map(|inner| inner.split(';').next().unwrap());
            let named: Vec<&str> = match group {
                Some(group) => words(group).collect(),
                None => words(rest).take(1).collect(),
            };
            used.extend(
                named
                    .into_iter()
                    .filter(|word| rooms.contains(word))
                    .map(str::to_owned),
            );
        }
    }
    used
}

/// The arrows themselves must not lead in a circle: each room only sees rooms in later rows.
#[test]
fn the_table_of_arrows_has_no_circle() {
    for (index, (room, below)) in ARROWS.iter().enumerate() {
        for name in *below {
            let place = ARROWS.iter().position(|(other, _)| other == name).unwrap();
            assert!(place > index, "{room} sees {name}, which is not below it");
        }
    }
}

#[test]
fn models_are_short_and_do_not_know_each_other() {
    for model in models::ALL {
        let text = fs::read_to_string(root().join(format!("src/models/{}.rs", model.name)));
        let text = text.unwrap_or_else(|_| panic!("{} has no file of its own", model.name));
        let lines = text.lines().count();
        assert!(lines <= MODEL_LINES_MAX, "{} has {lines} lines", model.name);
        assert!(
            text.starts_with("//! **"),
            "{} does not open with its idea",
            model.name
        );
        for other in models::ALL.iter().filter(|other| other.name != model.name) {
            let import = format!("super::{}", other.name);
            assert!(
                !code(&text).contains(&import),
                "{} imports {}",
                model.name,
                other.name
            );
        }
    }
}

#[test]
fn functions_are_short() {
    let mut seen = 0;
    for source in sources("src", "rs") {
        for (name, length) in functions(&code(&source.text)) {
            seen += 1;
            let place = &source.path;
            assert!(
                length < FUNCTION_LINES_MAX,
                "{place}: {name} has {length} lines"
            );
        }
    }
    assert!(seen > 100, "the search finds only {seen} functions");
}

/// Each function's name and how many lines it has, from `fn` to its closing brace.
fn functions(code: &str) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("fn ") {
        let is_word = code[..at].ends_with(|before: char| !before.is_alphanumeric()) || at == 0;
        let Some(name) = words(&code[at + 3..]).next().filter(|_| is_word) else {
            continue;
        };
        let (mut depth, mut end) = (0usize, None);
        for (offset, letter) in code[at..].char_indices() {
            match letter {
                '{' => depth += 1,
                '}' if depth <= 1 => end = Some(offset),
                '}' => depth -= 1,
                // A declaration without a body, or a type.
                ';' if depth == 0 => break,
                _ => {}
            }
            if end.is_some() {
                break;
            }
        }
        if let Some(end) = end {
            found.push((name.to_owned(), code[at..=at + end].lines().count()));
        }
    }
    found
}

fn is_mark(line: &str, mark: &str) -> bool {
    line.trim_start().starts_with(mark)
}

#[test]
fn lines_are_short() {
    for source in sources("src", "rs")
        .into_iter()
        .chain(sources("tests", "rs"))
    {
        let mut anchors = 0usize;
        for (number, line) in source.text.lines().enumerate() {
            let place = format!("{}:{}", source.path, number + 1);
            anchors += usize::from(is_mark(line, "// ANCHOR: "));
            anchors -= usize::from(is_mark(line, "// ANCHOR_END: ") && anchors > 0);
            let max = if anchors > 0 {
                ANCHORED_COLUMNS_MAX
            } else {
                COLUMNS_MAX
            };
            let columns = line.chars().count();
            assert!(columns <= max, "{place} has {columns} columns of {max}");
        }
    }
}

/// Every model has a chapter, and the table of contents knows it.
#[test]
fn every_model_has_its_chapter() {
    let summary = fs::read_to_string(root().join("chapters/SUMMARY.md")).unwrap();
    for model in models::ALL {
        let chapter = model.chapter;
        assert!(
            root().join("chapters").join(chapter).is_file(),
            "no chapters/{chapter}"
        );
        assert!(
            summary.contains(&format!("({chapter})")),
            "SUMMARY.md lacks {chapter}"
        );
    }
}

/// mdBook lets an unknown anchor through as nothing, and a missing file with exit code 0.
#[test]
fn every_include_of_the_book_shows_something() {
    let mut seen = 0;
    for (chapter, path, anchor) in includes() {
        seen += 1;
        let place = format!("{chapter}: {path}:{anchor}");
        let file = root().join("chapters").join(&path);
        let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{place}: {error}"));
        let shown = match anchor.as_str() {
            "" => text,
            name => region(&text, name).unwrap_or_else(|| panic!("{place}: no such anchor")),
        };
        assert!(!shown.trim().is_empty(), "{place} is empty");
    }
    assert!(seen > 0, "the book includes nothing");
}

#[test]
fn every_anchor_is_used_by_the_book() {
    let used: BTreeSet<(PathBuf, String)> = includes()
        .into_iter()
        .filter_map(|(_, path, anchor)| {
            let file = root().join("chapters").join(path).canonicalize().ok()?;
            Some((file, anchor))
        })
        .collect();
    for source in sources("src", "rs") {
        let file = root().join(&source.path).canonicalize().unwrap();
        for line in source.text.lines() {
            let Some((_, name)) = line
                .trim_start()
                .split_once("// ANCHOR: ")
                .filter(|(before, _)| before.is_empty())
            else {
                continue;
            };
            let key = (file.clone(), name.trim().to_owned());
            assert!(
                used.contains(&key),
                "{}: no chapter shows anchor {name}",
                source.path
            );
        }
    }
}

/// What the chapters include: the chapter, the path as they write it, and the anchor or nothing.
fn includes() -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    for chapter in sources("chapters", "md") {
        for rest in chapter.text.split("{{#").skip(1) {
            let (directive, _) = rest.split_once("}}").expect("an include ends");
            let target = directive.split_whitespace().nth(1).unwrap();
            let (path, anchor) = target.split_once(':').unwrap_or((target, ""));
            found.push((chapter.path.clone(), path.to_owned(), anchor.to_owned()));
        }
    }
    found
}

/// The lines of an anchored region, without the lines of anchors.
fn region(text: &str, name: &str) -> Option<String> {
    let mark = |line: &str, kind: &str| {
        line.split_once(kind)
            .is_some_and(|(_, rest)| rest.trim() == name)
    };
    let start = text.lines().position(|line| mark(line, "ANCHOR: "))?;
    let end = text.lines().position(|line| mark(line, "ANCHOR_END: "))?;
    let lines = text.lines().take(end).skip(start + 1);
    Some(
        lines
            .filter(|line| !line.contains("ANCHOR"))
            .collect::<Vec<_>>()
            .join("\n"),
    )
}

/// Nothing may depend on the machine that it was written on.
#[test]
fn no_paths_of_a_machine() {
    let directories = [
        ("src", "rs"),
        ("tests", "rs"),
        ("chapters", "md"),
        ("book", "toml"),
    ];
    let mut files: Vec<Source> = directories
        .iter()
        .flat_map(|(d, e)| sources(d, e))
        .collect();
    for name in [
        "Cargo.toml",
        "README.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        ".ci/run",
    ] {
        let text = fs::read_to_string(root().join(name)).unwrap_or_default();
        files.push(Source {
            path: name.to_owned(),
            text,
        });
    }
    // Spelt apart, since this file is searched as well.
    let prefixes = ["work", "root", "home", "Users"].map(|name| format!("/{name}/"));
    for file in files {
        for prefix in &prefixes {
            let found = file.text.match_indices(prefix.as_str()).any(|(at, _)| {
                // `chapters/../root/x` is no absolute path.
                file.text[..at].ends_with(|before: char| " \"'`(=".contains(before))
            });
            assert!(!found, "{} mentions {prefix}", file.path);
        }
    }
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let manifest = manifest.replace("path = \"src/main.rs\"", "");
    assert!(
        !manifest.contains("path ="),
        "Cargo.toml depends on a directory"
    );
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files below `directory` with this extension; none if there is no such directory.
fn sources(directory: &str, extension: &str) -> Vec<Source> {
    let mut found = Vec::new();
    let mut directories = vec![PathBuf::from(directory)];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(root().join(&directory))
            .into_iter()
            .flatten()
            .flatten()
        {
            let path = directory.join(entry.file_name());
            if entry.path().is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|other| other == extension) {
                let text = fs::read_to_string(entry.path()).unwrap();
                let path = path.to_str().unwrap().to_owned();
                found.push(Source { path, text });
            }
        }
    }
    found
}

/// Identifiers and keywords.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_alphanumeric() && letter != '_')
        .filter(|word| !word.is_empty())
}

/// The text with comments, strings and characters blanked out, line for line.
fn code(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let skipped = match letter {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            'r' if !out.ends_with(char::is_alphanumeric) => raw_string(rest),
            '"' => string(rest),
            '\'' => character(rest),
            _ => 0,
        };
        let blank = rest[..skipped]
            .chars()
            .map(|c| if c == '\n' { c } else { ' ' });
        out.extend(blank);
        if skipped == 0 {
            out.push(letter);
        }
        rest = &rest[skipped.max(letter.len_utf8())..];
    }
    out
}

/// The length of the string that `text` starts with.
fn string(text: &str) -> usize {
    let mut escaped = false;
    for (at, letter) in text.char_indices().skip(1) {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The length of the raw string that `text` starts with, or 0.
fn raw_string(text: &str) -> usize {
    let hashes = text[1..]
        .chars()
        .take_while(|&letter| letter == '#')
        .count();
    if !text[1 + hashes..].starts_with('"') {
        return 0;
    }
    let end = format!("\"{}", "#".repeat(hashes));
    let start = hashes + 2;
    text[start..]
        .find(&end)
        .map_or(text.len(), |at| start + at + end.len())
}

/// The length of the character that `text` starts with, or 0 if it is a lifetime.
fn character(text: &str) -> usize {
    let mut letters = text.char_indices().skip(1);
    let Some((_, first)) = letters.next() else {
        return 0;
    };
    if first == '\\' {
        letters.next();
        return letters
            .find(|(_, letter)| *letter == '\'')
            .map_or(0, |(at, _)| at + 1);
    }
    match letters.next() {
        Some((at, '\'')) => at + 1,
        _ => 0,
    }
}

/// The rules are no better than the tools that they look with.
#[test]
fn comments_and_strings_are_not_code() {
    let text = "let a = \"unsafe \\\" unsafe\"; // unsafe\n\
        let b = r#\"unsafe \" \"#; let c = '\"';\n\
        fn f<'a>(x: &'a str) { unsafe { g('\\'', 'x') } }\n";
    let code = code(text);
    assert_eq!(code.lines().count(), text.lines().count());
    assert_eq!(words(&code).filter(|word| *word == "unsafe").count(), 1);
    assert_eq!(functions(&code), [("f".to_owned(), 1)]);
    let two = "fn f() {\n    if a {\n    }\n}\nfn g();\nfn h() {\n}\n";
    assert_eq!(functions(two), [("f".to_owned(), 4), ("h".to_owned(), 2)]);
    assert!(rooms_used("use crate::{\n  http::Conn, sys::net,\n};").contains("sys"));
}
