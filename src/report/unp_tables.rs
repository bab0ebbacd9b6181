//! Stevens' two tables, ours beside his.

use super::bench_table::View;
use super::findings;
use super::grid::Grid;
use super::units::{TIME, grouped, range, value};
use super::wrap::wrapped;
use crate::bench::results::Results;
use crate::bench::stats::Spread;
use crate::bench::summary::summarise;
use crate::bench::unp::{Cost, PUBLISHED_DISTRIBUTION, Tables};

const NONE: &str = "–";

/// Both tables with what the signs mean. `results` are those that the tables were made from.
pub fn text(tables: &Tables, results: &Results, view: View) -> String {
    let width = view.width;
    let connections = results.plan.connections_max();
    let title = format!(
        "Process control: CPU time beyond the iterative server's; {} connections, {connections} \
         at a time",
        grouped(tables.requests as f64),
    );
    let mut text = format!("{}{}\n", view.title(&title), costs(tables).text(width));
    if !tables.distribution.is_empty() {
        text.push_str("Distribution: requests that each child or thread of a pool answered\n");
        text.push_str(&distribution(tables).text(width));
        text.push('\n');
    }
    for line in below(results) {
        text.push_str(&wrapped(&line, width));
    }
    text
}

fn costs(tables: &Tables) -> Grid {
    let heads = [
        ["", "", "process", "per", "fork", "UNP", "fork", "BSD/OS"],
        [
            "server", "CPU", "control", "request", "= 100", "3rd ed.", "= 100", "2nd ed.",
        ],
    ];
    let mut grid = Grid::new(heads.map(|row| row.map(str::to_owned).to_vec()).to_vec());
    for row in &tables.process_control {
        grid.push(cost(row));
    }
    grid
}

fn cost(row: &Cost) -> Vec<String> {
    let published = |seconds: Option<f64>| seconds.map_or(NONE.into(), |s| format!("{s:.2} s"));
    let percent = |part: Option<f64>| part.map_or(NONE.into(), |part| format!("{part:.1}"));
    let us = row.process_control_us_per_request.map(|us| match us {
        0.0 => "0".to_owned(),
        us => value(us, TIME),
    });
    vec![
        format!("{} {}", row.number, label(&row.server).join(" ")),
        time(&row.cpu_s),
        time(&row.process_control_s),
        us.unwrap_or(NONE.to_owned()),
        percent(row.percent_of_fork),
        published(row.published_s),
        percent(row.published_percent_of_fork),
        published(row.published_bsd_s),
    ]
}

/// The median, and the range below it.
fn time(seconds: &Option<Spread>) -> String {
    let Some(seconds) = seconds else {
        return NONE.to_owned();
    };
    let us = Spread {
        median: seconds.median * 1e6,
        min: seconds.min * 1e6,
        max: seconds.max * 1e6,
    };
    match us.min == us.max {
        // The iterative server beyond itself.
        true if us.median == 0.0 => "0".to_owned(),
        true => value(us.median, TIME),
        false => format!("{}\n{}", value(us.median, TIME), range(&us, TIME)),
    }
}

/// The model and its strategy: finer points are in the command line, which the JSON file has.
fn label(server: &str) -> Vec<&str> {
    server.split(' ').take(3).collect()
}

/// A column for each pool, a line for each child. The names of options are left out of the heads.
fn distribution(tables: &Tables) -> Grid {
    let columns = &tables.distribution;
    let words: Vec<Vec<&str>> = columns
        .iter()
        .map(|column| {
            let mut words = label(&column.server);
            words.retain(|word| !word.starts_with("--"));
            words
        })
        .collect();
    let height = words.iter().map(Vec::len).max().unwrap_or(0);
    let heads = (0..height).map(|line| {
        let label = if line + 1 == height { "child" } else { "" };
        let cells = words
            .iter()
            .map(|words| words.get(line).copied().unwrap_or(""));
        std::iter::once(label)
            .chain(cells)
            .map(str::to_owned)
            .collect()
    });
    let mut grid = Grid::new(heads.collect());
    let children = columns
        .iter()
        .map(|column| column.workers.requests.len())
        .max();
    for child in 0..children.unwrap_or(0) {
        let count = |count: Option<&u64>| count.map_or(NONE.to_owned(), |n| grouped(*n as f64));
        let cells = columns
            .iter()
            .map(|it| count(it.workers.requests.get(child)));
        grid.push(std::iter::once(child.to_string()).chain(cells).collect());
    }
    let sums = columns
        .iter()
        .map(|column| grouped(column.workers.sum() as f64));
    grid.push(std::iter::once("sum".to_owned()).chain(sums).collect());
    let fairness = columns
        .iter()
        .map(|column| match column.workers.fairness() {
            Some(fairness) => format!("{fairness:.3}"),
            None => NONE.to_owned(),
        });
    grid.push(
        std::iter::once("fairness".to_owned())
            .chain(fairness)
            .collect(),
    );
    grid
}

fn below(results: &Results) -> Vec<String> {
    let summary = summarise(results);
    let mut lines: Vec<String> = findings::failures(&summary).collect();
    lines.push(
        "Process control: CPU time of all the server's processes less that of the iterative server \
         in the same block. Medians over blocks; below them min..max. fork = 100: the median in \
         per cent of that of fork, ours and then Stevens'."
            .to_owned(),
    );
    lines.push(PUBLISHED_DISTRIBUTION.to_owned());
    lines.push(format!(
        "Fairness: Jain's index, {}; the block whose index is the middle one is shown.",
        findings::FAIRNESS
    ));
    lines.push(format!("{NONE}: not measured here, or not published."));
    lines.extend(findings::conditions(results));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::unp::tables;
    use crate::report::bench_table::tests::large;

    #[test]
    fn every_one_of_the_nine_has_its_row_measured_or_not() {
        let results = large();
        let text = text(&tables(&results), &results, View::PLAIN);
        for published in ["20.90 s", "1.75 s", "6.10 s", "0.99 s"] {
            assert!(
                text.contains(published),
                "{published} is missing in\n{text}"
            );
        }
        let rows = text
            .lines()
            .filter(|line| line.starts_with(|c: char| c.is_ascii_digit()));
        assert_eq!(rows.count(), 9, "{text}");
        assert!(
            text.lines().all(|line| line.chars().count() <= 80),
            "{text}"
        );
    }
}
