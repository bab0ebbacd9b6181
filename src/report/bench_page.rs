//! A bench as one page with plots: `report.html` beside `results.json`.

mod bars;
mod curves;
mod environment;
mod figures;
mod ladder;
mod named;
mod picture;
mod sweep;

pub use named::Named;
pub use picture::pictures;
pub use sweep::{html as sweep_html, plots as sweep_plots};

use super::bench_table;
use super::findings;
use super::grid::Grid;
use super::html::{Page, PageError, Section, Table};
use super::ladder_table;
use super::matrix;
use super::words::capitalised;
use crate::bench::ladder::Ladder;
use crate::bench::plan::counted;
use crate::bench::results::Results;
use crate::bench::summary::{Look, Ranking, Summary, summarise};

/// The file's name within the directory of the results.
pub const FILE_NAME: &str = "report.html";

/// The whole page.
///
/// # Errors
/// None for any results, unless the template is wrong.
pub fn html(results: &Results) -> Result<String, PageError> {
    let summary = summarise(results);
    let (found, notes) = sentences(results, &summary);
    let mut sections = vec![Section {
        heading: "What this shows".to_owned(),
        paragraphs: found,
        table: matrix::grid(results, &summary).map(|grid| table(&grid, None)),
        figures: Vec::new(),
    }];
    sections.extend(summary.rankings.iter().map(|it| of_ranking(results, it)));
    sections.extend(summary.ladders.iter().map(of_ladder));
    sections.extend(summary.looks.iter().map(|it| of_look(results, it)));
    sections.push(Section {
        heading: "How to read this, and how far to trust it".to_owned(),
        paragraphs: notes,
        ..Section::default()
    });
    sections.push(environment::section(results));
    sections.retain(|it| !it.is_empty());
    let page = Page {
        title: title(results),
        subtitle: vec![
            results.plan.to_string(),
            results.environment.started.clone(),
        ],
        sections,
    };
    page.render()
}

/// All plots of the page.
pub fn plots(results: &Results) -> Vec<Named> {
    let summary = summarise(results);
    let rankings = summary.rankings.iter();
    let rankings = rankings.flat_map(|it| figures::of_ranking(results, it));
    let looks = summary.looks.iter();
    rankings
        .chain(summary.ladders.iter().flat_map(ladder::figures))
        .chain(looks.flat_map(|it| figures::of_look(results, it)))
        .collect()
}

fn title(results: &Results) -> String {
    let names: Vec<&str> = results
        .plan
        .contenders
        .iter()
        .map(|it| it.name.as_str())
        .collect();
    match names.len() {
        0..=3 => names.join(", "),
        count => format!("{} compared", counted(count, "server")),
    }
}

/// The sentences about the contenders, and those about the figures.
fn sentences(results: &Results, summary: &Summary) -> (Vec<String>, Vec<String>) {
    let mut found = findings::below_the_table(results, summary);
    match found.iter().position(String::is_empty) {
        Some(at) => {
            let notes = found.split_off(at + 1);
            found.pop();
            (found, notes)
        }
        None => (Vec::new(), found),
    }
}

/// The column of bars, which a page draws as plots.
const BAR_COLUMN: usize = 2;

fn of_ranking(results: &Results, ranking: &Ranking) -> Section {
    let grid = bench_table::table(results, ranking);
    Section {
        heading: bench_table::heading(ranking),
        paragraphs: vec![ranking.workload.why.clone()],
        table: Some(table(&grid, Some(BAR_COLUMN))),
        figures: figures::of_ranking(results, ranking)
            .iter()
            .map(Named::figure)
            .collect(),
    }
}

fn of_ladder(it: &Ladder) -> Section {
    Section {
        heading: ladder_table::heading(it),
        paragraphs: vec![it.workload.why.clone(), ladder_table::KEY.to_owned()],
        table: Some(table(&ladder_table::response_times(it), None)),
        figures: ladder::figures(it).iter().map(Named::figure).collect(),
    }
}

fn of_look(results: &Results, look: &Look) -> Section {
    let workload = &look.workload;
    let title = capitalised(&workload.title);
    Section {
        heading: format!("A look at {}: {title}", workload.name),
        paragraphs: vec![workload.why.clone()],
        table: None,
        figures: figures::of_look(results, look)
            .iter()
            .map(Named::figure)
            .collect(),
    }
}

fn table(grid: &Grid, without: Option<usize>) -> Table {
    let kept = |cells: Vec<String>| {
        let cells = cells.into_iter().enumerate();
        let kept = cells.filter(move |(at, _)| Some(*at) != without);
        kept.map(|(_, cell)| cell).collect::<Vec<_>>()
    };
    let rows = grid.flat_rows().into_iter().map(kept);
    Table::new(kept(grid.flat_heads()), rows).with_remarks()
}

#[cfg(test)]
#[path = "bench_page_tests.rs"]
mod tests;
