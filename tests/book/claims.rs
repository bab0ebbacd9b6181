//! What the book says about recorded figures is true of them.
//!
//! A paragraph that compares models by measured cost or latency ends in a note, a comment that the
//! rendered page does not show. A line of it is a claim, which is evaluated here
//! ([`super::relation`] has the syntax), or says why the paragraph needs none:
//!
//! ```text
//! With a connection per request, fork costs more than any other model.
//! <!-- claim close cpu: rest < fork -->
//!
//! The locks of the 1990s were slower.
//! <!-- no claim: tells what others have published -->
//! ```
//!
//! Recording the reference anew shows which sentences are no longer true. `BOOK_REFERENCE=DIR` asks
//! the same of another directory of recordings.

use std::collections::BTreeMap;
use std::fs;

use super::evidence::{Files, REFERENCE, Recording};
use super::pages;
use super::relation::Claim;

/// Words by which a sentence compares. `*` stands for any one word.
const COMPARING: &[&str] = &[
    "faster",
    "fastest",
    "slower",
    "cheaper",
    "cheapest",
    "dearer",
    "dearest",
    "costlier",
    "costs more",
    "costs less",
    "cost more",
    "cost less",
    "costs the same",
    "costs * the same",
    "costs * times",
    "costs as much",
    "uses more",
    "uses less",
    "more cpu",
    "less cpu",
    "fewer cpu",
    "more memory than",
    "less memory than",
    "more requests per second",
    "fewer requests per second",
    "times as much",
    "times as many",
    "times what",
    "times dearer",
    "higher throughput",
    "lower latency",
    "lower latencies",
    "shorter p50",
    "tie",
    "ties",
    "outperforms",
    // Microseconds are what a request costs, or how long it takes: they come from a measurement.
    "µs",
];

/// Reasons shorter than this say nothing.
const REASON_WORDS_MIN: usize = 3;

/// A paragraph, a list item or a table, with the notes that stand in it.
struct Paragraph {
    place: String,
    text: String,
    claims: Vec<String>,
    excuses: Vec<String>,
}

#[test]
fn what_the_book_claims_is_what_was_recorded() {
    let (mut files, mut recordings) = (Files::default(), BTreeMap::new());
    let (mut broken, mut held) = (Vec::new(), 0);
    for paragraph in paragraphs() {
        for text in &paragraph.claims {
            let claim = Claim::parse(text)
                .unwrap_or_else(|error| panic!("{}: claim {text}: {error}", paragraph.place));
            let recording = recordings
                .entry(claim.source.clone())
                .or_insert_with(|| Recording::open(&claim.source, &mut files));
            let (file, wrong) = match recording {
                Ok(recording) => (recording.file.as_path(), recording.broken(&claim)),
                Err(error) => ("".as_ref(), vec![error.clone()]),
            };
            if wrong.is_empty() {
                held += 1;
                continue;
            }
            broken.push(format!(
                "{}\n  says:   {}\n  claim:  {text}\n  broken: {}\n  file:   {}",
                paragraph.place,
                paragraph.text,
                wrong.join("\n          "),
                file.display(),
            ));
        }
    }
    assert!(held + broken.len() > 30, "only {held} claims");
    assert!(
        broken.is_empty(),
        "{} claims of the book do not hold ({held} do; {REFERENCE} names other \
         recordings):\n\n{}\n",
        broken.len(),
        broken.join("\n\n")
    );
}

#[test]
fn a_paragraph_that_compares_bears_a_note() {
    let mut bare = Vec::new();
    for paragraph in paragraphs() {
        for reason in &paragraph.excuses {
            let words = reason.split_whitespace().count();
            assert!(
                words >= REASON_WORDS_MIN,
                "{}: '{reason}' is no reason",
                paragraph.place
            );
        }
        if paragraph.claims.is_empty() && paragraph.excuses.is_empty() {
            let words = comparing(&paragraph.text);
            bare.extend(words.map(|word| {
                let Paragraph { place, text, .. } = &paragraph;
                format!("{place}: \"{word}\"\n    {text}")
            }));
        }
    }
    assert!(
        bare.is_empty(),
        "{} paragraphs compare without a note: <!-- claim SOURCE FIGURE: a < b -->, or \
         <!-- no claim: REASON -->:\n{}",
        bare.len(),
        bare.join("\n")
    );
}

/// The words of [`COMPARING`] in a text, the first of them.
fn comparing(text: &str) -> impl Iterator<Item = &'static str> {
    let lower = text.to_lowercase();
    let words: Vec<&str> = lower
        .split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    let found = COMPARING.iter().find(move |phrase| {
        let phrase: Vec<&str> = phrase.split(' ').collect();
        let is_it = |window: &[&str]| {
            let mut both = window.iter().zip(&phrase);
            both.all(|(word, wanted)| *wanted == "*" || word == wanted)
        };
        words.windows(phrase.len()).any(is_it)
    });
    found.copied().into_iter()
}

fn paragraphs() -> Vec<Paragraph> {
    let pages = pages("chapters").into_iter();
    pages
        .flat_map(|file| {
            let name = file.file_name().unwrap().to_string_lossy().into_owned();
            split(&name, &fs::read_to_string(&file).unwrap())
        })
        .collect()
}

/// A page's paragraphs: what blank lines, headings and blocks of code lie between.
fn split(name: &str, page: &str) -> Vec<Paragraph> {
    let mut found = Vec::new();
    let mut lines: Vec<(usize, &str)> = Vec::new();
    let mut is_code = false;
    for (number, line) in page.lines().enumerate() {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        let is_note = lines.iter().any(|(_, line)| line.contains("<!--"))
            && !lines.iter().any(|(_, line)| line.contains("-->"));
        let is_apart = is_fence || is_code || line.trim().is_empty() || line.starts_with('#');
        if is_apart && !is_note {
            found.extend(paragraph(name, &lines));
            lines.clear();
            continue;
        }
        // Each item of a list has notes of its own.
        let item = line.trim_start();
        let begins = ["- ", "* ", "1. ", "2. ", "3. "].map(|mark| item.starts_with(mark));
        if begins.contains(&true) && !is_note {
            found.extend(paragraph(name, &lines));
            lines.clear();
        }
        lines.push((number + 1, line.trim()));
    }
    found.extend(paragraph(name, &lines));
    // A table ends at a blank line, and its note stands below that.
    let mut joined: Vec<Paragraph> = Vec::new();
    for next in found {
        match joined.last_mut() {
            Some(above) if next.text.is_empty() => {
                above.claims.extend(next.claims);
                above.excuses.extend(next.excuses);
            }
            _ => joined.push(next),
        }
    }
    joined
}

fn paragraph(name: &str, lines: &[(usize, &str)]) -> Option<Paragraph> {
    let (number, _) = lines.first()?;
    let all: Vec<&str> = lines.iter().map(|(_, line)| *line).collect();
    let all = all.join("\n");
    let (mut text, mut notes) = (String::new(), String::new());
    for (index, piece) in all.split("<!--").enumerate() {
        let (note, rest) = match index {
            0 => ("", piece),
            _ => piece.split_once("-->").expect("a comment ends"),
        };
        notes += note;
        notes.push('\n');
        text += rest;
    }
    let of = |word: &str| -> Vec<String> {
        let lines = notes.lines().map(str::trim);
        let lines = lines.filter_map(|line| line.strip_prefix(word));
        lines.map(|rest| rest.trim().to_owned()).collect()
    };
    Some(Paragraph {
        place: format!("chapters/{name}:{number}"),
        text: text.split_whitespace().collect::<Vec<_>>().join(" "),
        claims: of("claim "),
        excuses: of("no claim:"),
    })
}

#[test]
fn a_paragraph_has_the_notes_that_stand_in_it() {
    let page = "# A\nFork is\ndearer.\n<!-- claim close cpu: rest < fork\n     no claim: for a test\
                -->\n\n<!-- claim close cpu: poll > 1 -->\n\n```text\nfaster\n```\n- one\n- tie";
    let found = split("x.md", page);
    let texts: Vec<&str> = found.iter().map(|it| it.text.as_str()).collect();
    assert_eq!(texts, ["Fork is dearer.", "- one", "- tie"]);
    assert_eq!(found[0].place, "chapters/x.md:2");
    let claims = ["close cpu: rest < fork", "close cpu: poll > 1"];
    assert_eq!(found[0].claims, claims);
    assert_eq!(found[0].excuses, ["for a test"]);
    assert_eq!(comparing(&found[0].text).next(), Some("dearer"));
    assert_eq!(comparing("It ties").next(), Some("ties"));
    assert_eq!(
        comparing("It costs twice the same").next(),
        Some("costs * the same")
    );
    assert_eq!(comparing("A necktie").next(), None);
}
