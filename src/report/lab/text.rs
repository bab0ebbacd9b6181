//! A lab in words: before it runs, and after. Pure.

use std::time::Duration;

use super::sketches::sketch;
use crate::bench::plan::{Clock, counted};
use crate::bench::stats::Spread;
use crate::lab::figures::Figure;
use crate::lab::outcome::{Check, LeftOut};
use crate::lab::relation::short;
use crate::lab::{Definition, Outcome, measured};
use crate::report::bench_table::View;
use crate::report::grid::Grid;
use crate::report::units::grouped;
use crate::report::wrap::broken;

/// Numbers from here on have their digits in groups.
const GROUPED_FROM: f64 = 1000.0;
const INDENT: &str = "  ";

/// All labs, one line each, broken where a terminal is narrower.
pub fn list(labs: &[Definition], width: usize) -> String {
    let names = labs
        .iter()
        .map(|it| it.name.chars().count())
        .max()
        .unwrap_or(0);
    let room = width.saturating_sub(names + INDENT.len());
    let mut text = String::new();
    for lab in labs {
        for (index, line) in broken(&lab.question, room).iter().enumerate() {
            let name = if index == 0 { lab.name.as_str() } else { "" };
            text += &format!("{name:<names$}{INDENT}{line}\n");
        }
    }
    text
}

/// What a lab is about to do, and how long it takes.
pub fn announcement(lab: &Definition, quick: bool, view: View) -> String {
    let mut text = view.title(&format!("{}: {}", lab.name, lab.question));
    indented(&lab.does, view.width, &mut text);
    let takes = Clock(measured::takes(lab, quick).max(Duration::from_secs(1)));
    indented(&format!("This takes about {takes}."), view.width, &mut text);
    text
}

/// What a reader may predict, with the letters.
pub fn choices(lab: &Definition, view: View) -> String {
    let mut text = "What do you expect?\n".to_owned();
    for (letter, choice) in lab.lettered() {
        let room = view.width.saturating_sub(5);
        for (index, line) in broken(choice, room).iter().enumerate() {
            let head = if index == 0 {
                format!("  {letter}) ")
            } else {
                " ".repeat(5)
            };
            text += &format!("{head}{line}\n");
        }
    }
    text
}

/// What a lab is about, and what it has shown.
pub fn text(outcome: &Outcome, view: View) -> String {
    let mut text = view.title(&format!("{}: {}", outcome.name, outcome.question));
    indented(&outcome.does, view.width, &mut text);
    format!("{text}\n{}", shown(outcome, view))
}

/// What a lab has shown, for a reader who has its announcement above.
pub fn shown(outcome: &Outcome, view: View) -> String {
    let mut text = table(outcome, view.width);
    for picture in &outcome.pictures {
        text += &format!("\n{}", sketch(outcome, picture, view.width));
    }
    text.push('\n');
    let expected = format!("Expected: {}.", outcome.expected.trim_end_matches('.'));
    paragraph(&expected, view.width, &mut text);
    text += &view.title(match outcome.as_expected {
        true => "Observed: as expected.",
        false => "Observed: NOT as expected.",
    });
    for check in &outcome.checks {
        add_check(check, view.width, &mut text);
    }
    paragraph(&prediction(outcome), view.width, &mut text);
    for left_out in &outcome.left_out {
        paragraph(
            &format!("Left out: {}", missing(left_out)),
            view.width,
            &mut text,
        );
    }
    for note in &outcome.notes {
        paragraph(note, view.width, &mut text);
    }
    if outcome.as_expected {
        paragraph(
            &format!("Why: {}", outcome.explains.trim()),
            view.width,
            &mut text,
        );
    }
    paragraph(&conditions(outcome), view.width, &mut text);
    text + &format!("Read on: chapters/{}\n", outcome.chapter)
}

/// `This run: 22 s, 2 processors, Linux 6.18.5, release build.`: a record says where it is from.
fn conditions(outcome: &Outcome) -> String {
    let Some(environment) = &outcome.environment else {
        return String::new();
    };
    let took = Clock(Duration::from_secs_f64(outcome.duration_s));
    let system = environment.kernel.split_whitespace().take(2);
    let system = system.collect::<Vec<_>>().join(" ");
    let processors = counted(environment.cpus, "processor");
    let quick = if outcome.quick { ", --quick" } else { "" };
    let build = &environment.build;
    format!("This run: {took}, {processors}, {system}, {build} build{quick}.")
}

fn prediction(outcome: &Outcome) -> String {
    let Some(prediction) = outcome.prediction else {
        return String::new();
    };
    let given = prediction.given;
    match prediction.right {
        Some(true) => format!("You predicted {given}. You were right."),
        Some(false) => format!("You predicted {given}. It came out differently."),
        None => format!(
            "You predicted {given}. The outcome is none that the lab has foreseen, so compare for \
             yourself."
        ),
    }
}

/// `w4[5ms]@2 and 17 more: why`.
fn missing(left_out: &LeftOut) -> String {
    let why = &left_out.why;
    match &left_out.rows[..] {
        [first, _, _, _, others @ ..] => format!("{first} and {} more: {why}", others.len() + 3),
        // The sentences of peers begin with their names.
        [only] if why.starts_with(only.as_str()) => why.clone(),
        few => format!("{}: {why}", few.join(", ")),
    }
}

/// The rows with their figures: medians, and ranges where there were several rounds.
fn table(outcome: &Outcome, width: usize) -> String {
    let figures = &outcome.figures;
    let names = figures.names();
    let unit = |name: &&str| {
        let found = figures.0.iter().find(|it| it.name == *name);
        found.map_or("", |it| it.unit.sign()).to_owned()
    };
    let heads = names.iter().map(|name| name.replace('-', " "));
    let heads: Vec<String> = [String::new()].into_iter().chain(heads).collect();
    let units: Vec<String> = [String::new()]
        .into_iter()
        .chain(names.iter().map(unit))
        .collect();
    let mut grid = match units.iter().all(String::is_empty) {
        true => Grid::new(vec![heads]),
        false => Grid::new(vec![heads, units]),
    };
    for row in figures.rows() {
        let cell = |name: &&str| {
            let spread = figures.get(row, name).and_then(Figure::spread);
            spread.map_or("–".to_owned(), |it| cell(&it))
        };
        let cells = [row.to_owned()].into_iter().chain(names.iter().map(cell));
        grid.push(cells.collect());
    }
    grid.text(width)
}

fn cell(spread: &Spread) -> String {
    let median = amount(spread.median);
    match spread.min < spread.max {
        true => format!("{median}\n{}..{}", amount(spread.min), amount(spread.max)),
        false => median,
    }
}

fn amount(value: f64) -> String {
    match value.abs() >= GROUPED_FROM {
        true => grouped(value),
        false => short(value),
    }
}

/// `yes  Every worker is older. (held in 6 of 6 rounds)`, and the values below it.
fn add_check(check: &Check, width: usize, text: &mut String) {
    let mark = match check.as_expected {
        Some(true) => "yes",
        Some(false) => "NO ",
        None => "–  ",
    };
    let room = width.saturating_sub(7);
    for (index, line) in broken(&check.says, room).iter().enumerate() {
        let head = if index == 0 {
            format!("  {mark}  ")
        } else {
            " ".repeat(7)
        };
        *text += &format!("{head}{line}\n");
    }
    let mut said: Vec<String> = check.values.iter().map(ToString::to_string).collect();
    match (check.as_expected, check.rounds) {
        (None, _) => said.push("left out".to_owned()),
        (Some(_), 0 | 1) => {}
        (Some(_), rounds) => said.push(format!("in {} of {rounds} rounds", check.held)),
    }
    let expected = format!("expected: {}", check.holds);
    let seen = said.join("; ");
    let lines = [seen.as_str(), &expected].into_iter();
    let shown = if check.as_expected == Some(false) {
        2
    } else {
        1
    };
    for line in lines.take(shown).flat_map(|it| broken(it, room)) {
        *text += &format!("{}{line}\n", " ".repeat(7));
    }
}

fn indented(sentence: &str, width: usize, text: &mut String) {
    for line in broken(sentence.trim(), width.saturating_sub(INDENT.len())) {
        *text += &format!("{INDENT}{line}\n");
    }
}

/// A paragraph of its own; nothing where there is nothing to say.
fn paragraph(sentence: &str, width: usize, text: &mut String) {
    if !sentence.is_empty() {
        for line in broken(sentence, width) {
            *text += &format!("{line}\n");
        }
    }
}

/// One line for each lab that was run: its name, and what it came to.
pub fn summary(outcomes: &[(String, Result<bool, String>)], view: View) -> String {
    let names = outcomes
        .iter()
        .map(|it| it.0.chars().count())
        .max()
        .unwrap_or(0);
    let mut text = view.title("All labs");
    for (name, outcome) in outcomes {
        let said = match outcome {
            Ok(true) => "as expected".to_owned(),
            Ok(false) => "NOT as expected".to_owned(),
            Err(why) => format!("could not run: {why}"),
        };
        text += &format!("{INDENT}{name:<names$}  {said}\n");
    }
    text
}

#[cfg(test)]
#[path = "text_tests.rs"]
mod tests;
