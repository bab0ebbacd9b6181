//! The language of the project: words that hide who acts, and doc comments that say nothing.
//!
//! A sentence names its actor: a process, a thread, a worker, the master, a client, the kernel.

use std::fs;

use super::{Source, root, sources};

/// Words that hide the actor or are not the field's, with what to write instead.
const REFUSED: &[(&str, &str)] = &[
    ("whoever", "the process, thread, worker or client"),
    ("whomever", "the process, thread, worker or client"),
    ("somebody", "a client, another process, a user"),
    ("nobody", "no client, no worker, no process"),
    ("everybody", "all clients, every worker"),
    ("lest", "so that … not"),
    ("octet", "byte"),
    ("octets", "bytes"),
];

/// Where the words are names of something else: a Unix account (also as a column of `ps`), a media
/// type, a method of `std`.
const NAMES: &[&str] = &[
    "\"nobody\"",
    "\"nobody\\\"",
    "`nobody`",
    "user nobody",
    "status nobody",
    "nobody  ",
    "group nobody",
    "nobody:",
    "octet-stream",
    "octet_stream",
    ".octets()",
];

/// Words that add nothing to the name of the item that they describe.
const FILLERS: &[&str] = &[
    "a", "an", "and", "are", "as", "at", "for", "from", "has", "in", "is", "it", "its", "of", "on",
    "or", "s", "that", "the", "this", "to", "which", "with",
];

/// Every text that a person reads: source, tests, scripts, chapters with their figures, pages.
fn texts() -> Vec<Source> {
    let directories = [
        ("src", "rs"),
        ("src", "css"),
        ("src", "js"),
        ("tests", "rs"),
        ("examples", "rs"),
        ("chapters", "md"),
        ("chapters", "toml"),
        ("chapters", "svg"),
        (".ci", "py"),
        ("contrib", "md"),
        ("contrib", "toml"),
        ("bench-results", "md"),
    ];
    let mut texts: Vec<Source> = (directories.iter())
        .flat_map(|(directory, extension)| sources(directory, extension))
        .collect();
    for page in [
        "README.md",
        "ARCHITECTURE.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "build.rs",
        "fuzz/README.md",
        ".ci/clients",
        ".ci/faults",
        ".ci/fuzz",
        ".ci/reference",
        ".ci/run",
    ] {
        let text = fs::read_to_string(root().join(page)).unwrap_or_default();
        texts.push(Source {
            path: page.to_owned(),
            text,
        });
    }
    // This file has to name them.
    texts.retain(|source| source.path != "tests/tidy/words.rs");
    texts
}

#[test]
fn sentences_name_their_actor() {
    let mut found = Vec::new();
    for source in texts() {
        for (number, line) in source.text.lines().enumerate() {
            // A quotation may say what it says.
            if source.path.ends_with(".md") && line.trim_start().starts_with('>') {
                continue;
            }
            found.extend(refused(line).map(|(word, instead)| {
                let place = format!("{}:{}", source.path, number + 1);
                format!("{place}: \"{word}\": write {instead}")
            }));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

fn refused(line: &str) -> impl Iterator<Item = &'static (&'static str, &'static str)> {
    let mut rest = line.to_lowercase();
    for name in NAMES {
        rest = rest.replace(name, "");
    }
    REFUSED.iter().filter(move |(word, _)| {
        rest.split(|letter: char| !letter.is_alphanumeric())
            .any(|other| other == *word)
    })
}

#[test]
fn doc_comments_say_more_than_the_name() {
    let mut found = Vec::new();
    for source in texts().iter().filter(|it| it.path.ends_with(".rs")) {
        let lines: Vec<&str> = source.text.lines().map(str::trim).collect();
        for (number, three) in lines.windows(3).enumerate() {
            let &[before, comment, item] = three else {
                continue;
            };
            let Some(sentence) = comment.strip_prefix("/// ") else {
                continue;
            };
            let is_one_line = !before.starts_with("///") && !item.starts_with("///");
            if is_one_line && repeats(sentence, item) {
                found.push(format!("{}:{}: {comment}", source.path, number + 2));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Whether every word of the sentence is a filler or stands in the item's own line.
fn repeats(sentence: &str, item: &str) -> bool {
    let name: Vec<String> = stems(item);
    let said = stems(sentence);
    let mut said = said.iter().filter(|it| !FILLERS.contains(&it.as_str()));
    said.all(|word| name.contains(word))
}

/// Lower-case words, those of `snake_case` and `CamelCase` names apart, without a plural's s.
fn stems(text: &str) -> Vec<String> {
    let mut apart = String::new();
    let mut after_lower = false;
    for letter in text.chars() {
        if letter.is_uppercase() && after_lower {
            apart.push(' ');
        }
        after_lower = letter.is_lowercase();
        apart.extend(letter.to_lowercase());
    }
    (apart.split(|letter: char| !letter.is_alphanumeric()))
        .filter(|word| !word.is_empty())
        .map(|word| match word.strip_suffix('s') {
            Some(stem) if stem.len() > 2 => stem.to_owned(),
            _ => word.to_owned(),
        })
        .collect()
}

#[test]
fn the_rules_of_language_find_what_they_look_for() {
    let words = |line| {
        refused(line)
            .map(|(word, _)| *word)
            .collect::<Vec<&'static str>>()
    };
    assert_eq!(words("Whoever serves nobody"), ["whoever", "nobody"]);
    assert_eq!(words("--user nobody, application/octet-stream"), [""; 0]);
    assert_eq!(words("a pleasant blessing"), [""; 0]);
    assert!(repeats("The status.", "pub status: Status,"));
    assert!(repeats(
        "The number of workers.",
        "pub worker_number: usize,"
    ));
    assert!(!repeats("Bytes sent so far.", "pub sent: u64,"));
}
