//! The sum of several generators, as a table and as a page.

use super::sentences::{self, wrapped_note};
use super::table::table;
use super::{page, text};
use crate::load::{Expectation, Generator, Merged};
use crate::report::grid::Grid;
use crate::report::html::{Section, Table};
use crate::report::wrap::wrapped;

const HEADS: [&str; 8] = [
    "rank", "host", "began", "requests", "share", "p50", "p99", "failed",
];
/// On a narrow terminal the host goes first, then p50.
const EXPENDABLE: [usize; 2] = [1, 5];

/// The sum for people, in lines of this width: as of one run, and then each generator's account.
pub fn merged_table(merged: &Merged, expectations: &[Expectation], width: usize) -> String {
    let mut text = table(&merged.plan, &merged.outcome, expectations, width);
    text += "\n";
    text += &wrapped(&together(merged), width);
    let mut grid = Grid::with_heads(HEADS).expending(&EXPENDABLE).dense();
    for generator in &merged.generators {
        grid.push(row(generator, merged));
    }
    text += &grid.text(width);
    for sentence in notes(merged) {
        text += &wrapped_note(&sentence, width);
    }
    text
}

/// The sum as one page.
///
/// # Errors
/// A page that cannot be rendered.
pub fn merged_html(merged: &Merged, expectations: &[Expectation]) -> anyhow::Result<String> {
    let rows = merged.generators.iter().map(|it| row(it, merged));
    let notes = notes(merged).into_iter();
    let section = Section {
        heading: "Generators".to_owned(),
        paragraphs: [format!("{}.", together(merged))]
            .into_iter()
            .chain(notes.map(|note| format!("Note: {note}.")))
            .collect(),
        table: Some(Table::new(HEADS, rows)),
        figures: Vec::new(),
    };
    page::with_section(&merged.plan, &merged.outcome, expectations, section)
}

fn together(merged: &Merged) -> String {
    format!(
        "{}, which began within {} and were all at work in {:.0} % of the window",
        text::plural(merged.generators.len() as u64, "generator"),
        text::time(merged.skew.as_nanos() as u64),
        merged.overlap * 100.0
    )
}

/// One generator: when it began after the first, its share of all answers, its own percentiles.
fn row(generator: &Generator, merged: &Merged) -> Vec<String> {
    let began = generator.began.duration_since(merged.outcome.began);
    let share = generator.requests as f64 / merged.outcome.requests.max(1) as f64;
    let time = |ns: Option<u64>| ns.map_or_else(|| "-".to_owned(), text::time);
    vec![
        (generator.rank).map_or_else(|| "-".to_owned(), |rank| rank.index.to_string()),
        generator.host.clone(),
        format!(
            "+{}",
            text::time(began.unwrap_or_default().as_nanos() as u64)
        ),
        text::count(generator.requests),
        format!("{:.1} %", share * 100.0),
        time(generator.p50_ns),
        time(generator.p99_ns),
        text::count(generator.failed),
    ]
}

/// What concerns the sum, and the marks of each generator.
fn notes(merged: &Merged) -> Vec<String> {
    let remarks = merged.remarks.iter().map(sentences::of_remark);
    let marked = merged.generators.iter().filter(|it| !it.marks.is_empty());
    let marks = marked.map(|it| format!("{}: {}", it.name, it.marks.join(", ")));
    remarks.chain(marks).collect()
}
