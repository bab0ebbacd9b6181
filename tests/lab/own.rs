//! Lab files of a reader's own.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{complaint, json, lab};

/// A lab that takes a second: one process answers, whatever is asked.
const FILE: &str = r#"
question = "How many processes answer?"
does = "Asks a few times."
explains = "There is one."
chapter = "02-iterative.md#the-code"
choices = ["one", "several"]
answer = "a"
code = "forked-before"
takes-s = 1
quick-takes-s = 1

[settings]
workers = 2
requests = 6
rounds = 1

[[picture]]
kind = "bars"
title = "Processes that answer"
figure = "processes"

[[expect]]
says = "One process answers."
holds = "iterative.processes = 1"
"#;

fn written(text: &str) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("mine.toml");
    fs::write(&file, text).unwrap();
    (directory, file)
}

fn path(file: &Path) -> &str {
    file.to_str().unwrap()
}

#[test]
fn a_file_of_ones_own_is_a_lab() {
    let (_kept, file) = written(FILE);
    let outcome = json(0, &[path(&file), "--json"]);
    assert_eq!(outcome["name"], "mine");
    assert_eq!(outcome["as_expected"], true);
    assert_eq!(outcome["expected"], "one");
    assert_eq!(
        outcome["observed"],
        "One process answers (iterative.processes: 1)."
    );
    assert_eq!(outcome["checks"][0]["held"], 1);
}

#[test]
fn an_expectation_turned_round_ends_with_3() {
    let turned = FILE.replace("iterative.processes = 1", "iterative.processes > 1");
    let (_kept, file) = written(&turned);
    let output = lab(&[path(&file)]);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.contains("Observed: NOT as expected.\n  NO   One process answers."),
        "{text}"
    );
    let outcome = json(3, &[path(&file), "--json"]);
    assert_eq!(outcome["as_expected"], false);
}

#[test]
fn a_lab_of_data_measures_with_the_bench() {
    let (head, _) = FILE.split_once("code =").unwrap();
    let text = format!(
        "{head}
figures = [\"answered\", \"errors\", \"processes\"]
axis = {{ workers = [1, 2] }}
[[contender]]
name = \"prefork-{{workers}}\"
run = \"prefork --workers {{workers}}\"
[[workload]]
name = \"close\"
base = \"close\"
[bench]
quick-rounds = 2
quick-requests = 50
[[expect]]
says = \"Every request is answered, and the pool has its size.\"
holds = \"prefork-2.answered = 50\"
[[expect]]
says = \"The pool has its size.\"
holds = \"prefork-1.processes < prefork-2.processes = 3\"
"
    );
    let (_kept, file) = written(&text);
    let outcome = json(0, &[path(&file), "--quick", "--json"]);
    assert_eq!(outcome["checks"][1]["rounds"], 2, "{outcome}");
    assert_eq!(outcome["figures"].as_array().unwrap().len(), 6, "{outcome}");
}

#[test]
fn outcome_and_pictures_are_saved() {
    let (directory, file) = written(FILE);
    let out = directory.path().join("labs");
    let output = lab(&[path(&file), "--out", path(&out), "--svg"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let read = |name: &str| fs::read_to_string(out.join(name)).unwrap();
    assert_eq!(read("mine.txt").as_bytes(), output.stdout);
    let saved: serde_json::Value = serde_json::from_str(&read("mine.json")).unwrap();
    assert_eq!(saved["as_expected"], true);
    assert!(saved["environment"]["kernel"].is_string(), "{saved}");
    let svg = read("mine.svg");
    assert!(
        svg.starts_with("<svg") && svg.contains("Processes that answer"),
        "{svg}"
    );
    let text = read("mine.txt");
    assert!(
        text.contains("\nThis run: ") && text.contains(" build.\n"),
        "{text}"
    );
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
}

#[test]
fn what_cannot_be_right_is_refused() {
    let (_kept, file) = written(&FILE.replace("answer = \"a\"", "answer = \"z\""));
    let (_too, unknown) = written(&FILE.replace("choices", "chioces"));
    for (arguments, words) in [
        (vec!["no-such-lab"], "there is no lab 'no-such-lab': "),
        (
            vec!["./no-such-file.toml"],
            "cannot read ./no-such-file.toml",
        ),
        (vec![path(&file)], "answer = the letter of one"),
        (vec![path(&unknown)], "chioces"),
        (vec!["--quick"], "--quick needs a lab or --all"),
        (vec!["forked-before", "fork"], "only who-waits takes models"),
        (vec!["forked-before", "--lanes"], "only who-waits has lanes"),
        (vec!["who-waits", "spoon"], "there is no model 'spoon'"),
        (vec!["not-thread-safe", "--all"], "cannot be used with"),
    ] {
        let said = complaint(2, &arguments);
        assert!(said.contains(words), "{arguments:?}: {said}");
    }
}

#[test]
fn a_lab_that_cannot_run_ends_with_1() {
    let (_kept, no_code) = written(&FILE.replace("forked-before", "forked-after"));
    let (_too, no_figure) = written(&FILE.replace("iterative.processes", "iterative.pids"));
    let server = FILE.split_once("code =").unwrap().0.to_owned()
        + "measure = 'wrong-answers'\n\
           [[contender]]\nname = 'a'\nrun = 'prefork --pidfile /proc/x/y'\n"
        + "[[expect]]\nsays = 'So.'\nholds = 'a.wrong = 0'\n";
    let (_three, no_server) = written(&server);
    for (file, words) in [
        (
            no_code,
            "'forked-after' is no code of a lab: forked-before, ",
        ),
        (no_figure, "there is no figure iterative.pids"),
        (no_server, "a: did not start"),
    ] {
        let said = complaint(1, &[path(&file), "--json"]);
        assert!(said.contains(words), "{said}");
    }
}
