//! The table of a bench, for a terminal or a text file: at most [`WIDTH_MAX`] columns wide.

use comfy_table::{
    Attribute, Cell, CellAlignment, ColumnConstraint, ContentArrangement, LineStyle, Row as Line,
    Table, TableStyle, Width,
};

use super::findings;
use super::units::{COUNT, Scale, TIME, grouped, mebibytes, range, value};
use super::workers_table;
use super::wrap::wrapped;
use crate::bench::plan::{Plan, Scenario};
use crate::bench::results::Results;
use crate::bench::stats::Spread;
use crate::bench::summary::Row;

/// What a terminal and a page of the book can show side by side.
pub const WIDTH_MAX: u16 = 100;

const HEADER: [&str; 11] = [
    "model", "req/s", "p50", "p99", "p99.9", "max", "err", "CPU/req", "MiB", "proc", "thr",
];
/// A longer name or note goes on in the next line.
const NAME_WIDTH: u16 = 17;
/// Narrower, names of models would break.
const NAME_WIDTH_MIN: u16 = 9;
const NONE: &str = "–";
/// One line below the titles and no other: the space is for figures.
pub(super) const STYLE: TableStyle =
    TableStyle::new().header_separator(LineStyle::none().fill('─'));

/// Everything that a bench prints: a table for each scenario, what the signs mean, and what there
/// is to see. `styled` adds bold and dim for a terminal.
pub fn text(results: &Results, styled: bool) -> String {
    let mut text = String::new();
    for &scenario in &results.plan.scenarios {
        let rows: Vec<&Row> = findings::of_scenario(results, scenario).collect();
        text.push_str(&format!("{}\n", heading(&results.plan, scenario)));
        text.push_str(&table(&results.plan, &rows, styled));
        text.push('\n');
    }
    let workers = workers_table::text(results, usize::from(WIDTH_MAX));
    if !workers.is_empty() {
        text.push_str(&format!("{workers}\n"));
    }
    for line in findings::below_the_table(results) {
        text.push_str(&wrapped(&line, usize::from(WIDTH_MAX)));
    }
    text
}

/// `Keep-alive, 16 connections`.
pub(super) fn heading(plan: &Plan, scenario: Scenario) -> String {
    format!(
        "{}, {} connections",
        findings::capitalised(&scenario.to_string()),
        plan.connections
    )
}

/// Figures stay whole and the names get what room is left. Only where figures need so much that
/// next to nothing is left (each with a range over three units, say), they are broken, too.
fn table(plan: &Plan, rows: &[&Row], styled: bool) -> String {
    let mut table = filled(plan, rows, styled);
    let widths = table.column_max_content_widths();
    let (longest_name, figures) = (widths[0].min(NAME_WIDTH), widths[1..].iter().sum::<u16>());
    let room_with = |gap: u16| WIDTH_MAX.saturating_sub(figures + gap * (widths.len() as u16 - 1));
    // Air between the columns is worth breaking a note for, but not a model's name.
    let names = rows.iter().map(|row| row.contender.chars().count());
    let unbroken = longest_name.min(names.max().unwrap_or(0) as u16);
    let gap = if room_with(2) >= unbroken { 2 } else { 1 };
    let name = longest_name.min(room_with(gap)).max(NAME_WIDTH_MIN);
    for (index, column) in table.column_iter_mut().enumerate() {
        if index == 0 {
            column.set_padding((0, 0));
            column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(name)));
            continue;
        }
        column
            .set_padding((gap, 0))
            .set_cell_alignment(CellAlignment::Right);
        if room_with(gap) >= NAME_WIDTH_MIN {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    table
        .lines()
        .map(|line| format!("{}\n", line.trim_end()))
        .collect()
}

fn filled(plan: &Plan, rows: &[&Row], styled: bool) -> Table {
    let mut table = Table::new();
    table.load_style(STYLE).set_width(WIDTH_MAX);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(HEADER.map(|title| cell(title.to_owned(), styled, Attribute::Bold)));
    for row in rows {
        table.add_row(medians(row, styled));
        table.add_row_if(
            |_, _| has_second_line(plan, row),
            extremes(plan, row, styled),
        );
    }
    if styled {
        table.enforce_styling()
    } else {
        table.force_no_tty()
    };
    table
}

fn cell(text: String, styled: bool, attribute: Attribute) -> Cell {
    let cell = Cell::new_owned(text);
    if styled {
        cell.add_attribute(attribute)
    } else {
        cell
    }
}

fn medians(row: &Row, styled: bool) -> Line {
    let show = |spread: &Option<Spread>, scale: Scale| {
        spread
            .as_ref()
            .map_or(NONE.to_owned(), |spread| value(spread.median, scale))
    };
    let count = |spread: &Option<Spread>| {
        spread
            .as_ref()
            .map_or(NONE.to_owned(), |spread| grouped(spread.median))
    };
    // Ungrouped, to leave room for names.
    let plain = |spread: &Option<Spread>| {
        spread
            .as_ref()
            .map_or(NONE.to_owned(), |spread| format!("{:.0}", spread.median))
    };
    let errors = if row.blocks_measured > 0 {
        value_of_errors(row.errors)
    } else {
        NONE.into()
    };
    let figures = [
        count(&row.requests_per_s),
        show(&row.p50_us, TIME),
        show(&row.p99_us, TIME),
        show(&row.p999_us, TIME),
        show(&row.max_us, TIME),
        errors,
        show(&row.server_cpu_us_per_request, TIME),
        row.peak_pss_kib
            .map_or(NONE.to_owned(), |spread| mebibytes(spread.median)),
        plain(&row.processes),
        plain(&row.threads),
    ];
    let name = cell(row.contender.clone(), styled, Attribute::Bold);
    Line::from(
        [name]
            .into_iter()
            .chain(figures.map(Cell::new_owned))
            .collect::<Vec<_>>(),
    )
}

/// The exact number as long as there is room for it.
fn value_of_errors(errors: u64) -> String {
    if errors < 10_000 {
        errors.to_string()
    } else {
        value(errors as f64, COUNT)
    }
}

fn extremes(plan: &Plan, row: &Row, styled: bool) -> Line {
    let show = |spread: &Option<Spread>, scale: Scale| {
        let spread = spread.as_ref().filter(|_| row.blocks_measured > 1);
        spread.map_or(String::new(), |spread| range(spread, scale))
    };
    let cells = [
        notes(plan, row).join("\n"),
        show(&row.requests_per_s, COUNT),
        show(&row.p50_us, TIME),
        show(&row.p99_us, TIME),
        show(&row.p999_us, TIME),
        show(&row.max_us, TIME),
        String::new(),
        show(&row.server_cpu_us_per_request, TIME),
    ];
    Line::from(
        cells
            .map(|text| cell(text, styled, Attribute::Dim))
            .to_vec(),
    )
}

fn has_second_line(plan: &Plan, row: &Row) -> bool {
    row.blocks_measured > 1 || !notes(plan, row).is_empty()
}

/// What stands below the name: how it failed, who starved, the letters of the marks.
pub(super) fn notes(plan: &Plan, row: &Row) -> Vec<String> {
    let mut notes: Vec<String> = row
        .failures
        .iter()
        .map(|failure| failure.label.clone())
        .collect();
    notes.dedup();
    if row.blocks_measured == 0 && row.failures.is_empty() {
        notes.push("not reached".to_owned());
    }
    if let Some(starved) = findings::starved(row) {
        notes.push(format!("{starved} of {} starved", plan.connections));
    }
    if !row.marks.is_empty() {
        notes.push(marks(row));
    }
    notes
}

/// `[E2/5 G]`: the letters, with the share of the blocks where it is not all of them.
fn marks(row: &Row) -> String {
    let letters = row
        .marks
        .iter()
        .map(|(mark, blocks)| match row.blocks_measured {
            all if *blocks == all => mark.letter().to_string(),
            all => format!("{}{blocks}/{all}", mark.letter()),
        });
    format!("[{}]", letters.collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
#[path = "bench_table_tests.rs"]
pub(crate) mod tests;
