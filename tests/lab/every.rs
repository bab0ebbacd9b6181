//! The labs that come with the program.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::{alone, json, lab, run};

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    let found = value[key].as_str();
    found.unwrap_or_else(|| panic!("no {key} in {value}"))
}

/// Every lab runs, gives what it promises, and shows what the book says. This takes about two
/// minutes.
#[test]
fn every_lab_shows_what_it_should() {
    let listed = json(0, &["--json"]);
    let names: Vec<&str> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|it| text(it, "name"))
        .collect();
    // Not by the exit code: which lab it was, and why, is to be said.
    let output = {
        let _machine = alone();
        run(&["--all", "--quick", "--json"])
    };
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let outcomes: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{said}"));
    let outcomes = outcomes.as_array().unwrap();
    let ran: Vec<&str> = outcomes.iter().map(|it| text(it, "name")).collect();
    assert_eq!(ran, names, "a lab could not run: {said}");
    let mut unexpected = Vec::new();
    for outcome in outcomes {
        check_shape(outcome);
        if outcome["as_expected"] != Value::Bool(true) {
            let (name, observed) = (text(outcome, "name"), text(outcome, "observed"));
            unexpected.push(format!("{name}: {observed}\n{}", outcome["figures"]));
        }
    }
    assert!(unexpected.is_empty(), "{}", unexpected.join("\n"));
    assert_eq!(output.status.code(), Some(0), "{said}");
}

fn check_shape(outcome: &Value) {
    for key in [
        "question", "does", "explains", "chapter", "expected", "observed",
    ] {
        assert!(
            !text(outcome, key).trim().is_empty(),
            "{key} is empty: {outcome}"
        );
    }
    assert_eq!(outcome["quick"], true, "{outcome}");
    assert_eq!(
        outcome["prediction"],
        Value::Null,
        "no terminal asks for one: {outcome}"
    );
    let figures = outcome["figures"].as_array().unwrap();
    assert!(!figures.is_empty(), "{outcome}");
    for figure in figures {
        assert!(!text(figure, "row").is_empty() && !text(figure, "figure").is_empty());
        assert!(
            figure["unit"].is_string() && figure["rounds"].is_array(),
            "{figure}"
        );
    }
    let checks = outcome["checks"].as_array().unwrap();
    for check in checks {
        assert!(!text(check, "says").is_empty() && !text(check, "holds").is_empty());
    }
    let is_left_out = |check: &&Value| check["as_expected"].is_null();
    let left_out = outcome["left_out"].as_array().unwrap();
    assert!(
        !left_out.is_empty() || !checks.iter().any(|it| is_left_out(&it)),
        "something is left out, and no sentence says what: {outcome}"
    );
    for entry in left_out {
        assert!(!text(entry, "why").is_empty(), "{outcome}");
    }
    assert!(
        !outcome["pictures"].as_array().unwrap().is_empty(),
        "{outcome}"
    );
}

#[test]
fn the_list_names_every_lab_with_its_question() {
    let listed = json(0, &["--json"]);
    let output = lab(&[]);
    let lines = String::from_utf8(output.stdout).unwrap();
    assert_eq!(lines.lines().count(), listed.as_array().unwrap().len());
    for (line, entry) in lines.lines().zip(listed.as_array().unwrap()) {
        assert!(line.starts_with(text(entry, "name")), "{line}");
        assert!(line.ends_with(text(entry, "question")), "{line}");
        assert!(entry["takes_s"].as_f64().unwrap() > 0.0, "{entry}");
    }
}

/// A lab stands in its chapter, and its chapter in it.
#[test]
fn every_lab_leads_to_a_heading_of_the_book() {
    let chapters = Path::new(env!("CARGO_MANIFEST_DIR")).join("chapters");
    for entry in json(0, &["--json"]).as_array().unwrap() {
        let chapter = text(entry, "chapter");
        let (file, heading) = chapter.split_once('#').unwrap();
        let page = fs::read_to_string(chapters.join(file)).unwrap();
        let titles = page.lines().filter(|line| line.starts_with('#'));
        let mut links = titles.map(|title| {
            let title = title.trim_start_matches('#').trim().to_lowercase();
            let kept = |letter: &char| letter.is_alphanumeric() || " -_".contains(*letter);
            let link: String = title.chars().filter(kept).collect();
            link.replace(' ', "-")
        });
        assert!(
            links.any(|it| it == heading),
            "{chapter}: there is no such heading"
        );
    }
}
