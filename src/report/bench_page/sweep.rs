//! The page and the plots of a sweep: a line for each contender over all values.

use super::environment;
use super::named::Named;
use crate::bench::results::Results;
use crate::bench::summary::{Row, summarise};
use crate::bench::sweep::SweepResults;
use crate::bench::workload::Workload;
use crate::report::html::{Page, PageError, Section};
use crate::report::plot::{Axis, Line, Plot};
use crate::report::sweep_table;
use crate::report::units::{self, COUNT, TIME, grouped};

/// The whole page.
///
/// # Errors
/// None for any results, unless the template is wrong.
pub fn html(swept: &SweepResults) -> Result<String, PageError> {
    let parameter = swept.sweep.parameter.name();
    let plots = plots(swept);
    let mut sections = vec![Section {
        heading: "What this shows".to_owned(),
        figures: plots.iter().map(Named::figure).collect(),
        paragraphs: sweep_table::sentences(swept),
        ..Section::default()
    }];
    sections.extend(
        swept
            .points
            .first()
            .map(|it| environment::section(&it.results)),
    );
    let values: Vec<String> = swept.sweep.values.iter().map(u32::to_string).collect();
    let page = Page {
        title: format!("{} {parameter}", values.join(", ")),
        subtitle: swept.points.first().map_or(Vec::new(), |first| {
            vec![
                format!("{} at each value", first.results.plan),
                first.results.environment.started.clone(),
            ]
        }),
        sections,
    };
    page.render()
}

type Figure = fn(&Row) -> Option<f64>;

/// One plot for each figure of each workload.
pub fn plots(swept: &SweepResults) -> Vec<Named> {
    let Some(first) = swept.points.first().map(|point| &point.results) else {
        return Vec::new();
    };
    let figures: [(&str, &str, Axis<'_>, Figure); 4] = [
        (
            "rate",
            "Requests per second",
            Axis::log("requests per second").with_format(count),
            rate,
        ),
        (
            "cost",
            "CPU per request",
            Axis::log("CPU per request").with_format(time),
            cost,
        ),
        (
            "p99",
            "99 of 100 answers",
            Axis::log("took no longer than").with_format(time),
            p99,
        ),
        (
            "starved",
            "Who waits in vain",
            Axis::linear("connections without an answer"),
            starved,
        ),
    ];
    let workloads = first.plan.workloads.iter().enumerate();
    workloads
        .flat_map(|(index, workload)| {
            figures.map(|(what, title, axis, figure)| {
                one(swept, first, (index, workload), (what, title, axis, figure))
            })
        })
        .collect()
}

fn one(
    swept: &SweepResults,
    first: &Results,
    (index, workload): (usize, &Workload),
    (what, title, y, figure): (&str, &str, Axis<'_>, Figure),
) -> Named {
    let summaries: Vec<_> = swept
        .points
        .iter()
        .map(|it| (f64::from(it.value), summarise(&it.results)))
        .collect();
    let contenders = first.plan.contenders.iter().enumerate();
    let lines = contenders.map(|(series, contender)| {
        let rows = summaries.iter().map(|(value, summary)| {
            let rows = summary.rankings.get(index).map(|it| &it.rows);
            (*value, rows.and_then(|rows| rows.get(series)))
        });
        let mut flagged = Vec::new();
        let mut points = Vec::new();
        for (place, (value, row)) in rows.enumerate() {
            points.push((value, row.and_then(figure).unwrap_or(f64::NAN)));
            if row.is_some_and(|row| !row.is_sound()) {
                flagged.push(place);
            }
        }
        Line::new(&contender.name, points)
            .of_series(series)
            .with_dots(flagged)
    });
    let parameter = swept.sweep.parameter.name();
    let title = format!("{title}, {}", workload.name);
    let plot = Plot {
        title: &title,
        x: Axis::log(parameter).with_format(grouped),
        y,
        lines: lines.collect(),
    };
    let alt = format!(
        "{title}: a line for each contender by {parameter}. {}",
        story(&summaries, index)
    );
    Named {
        name: format!("{}-{what}", workload.name),
        drawing: plot.draw(&alt),
        caption: "A ring: connections got no answer, requests failed, or the server did."
            .to_owned(),
    }
}

/// At which values which contenders had troubles.
fn story(summaries: &[(f64, crate::bench::summary::Summary)], index: usize) -> String {
    let troubled = summaries.iter().filter_map(|(value, summary)| {
        let rows = &summary.rankings.get(index)?.rows;
        let names = rows.iter().filter(|row| !row.is_sound());
        let names: Vec<&str> = names.map(|row| row.contender.as_str()).collect();
        (!names.is_empty())
            .then(|| format!("Trouble at {}: {}.", grouped(*value), names.join(", ")))
    });
    troubled.collect::<Vec<_>>().join(" ")
}

fn rate(row: &Row) -> Option<f64> {
    row.requests_per_s
        .map(|it| it.median)
        .filter(|it| *it > 0.0)
}

fn cost(row: &Row) -> Option<f64> {
    row.cpu_us_per_request.map(|it| it.median)
}

fn p99(row: &Row) -> Option<f64> {
    row.percentiles.p99_us
}

fn starved(row: &Row) -> Option<f64> {
    (row.blocks_measured > 0).then(|| row.starved())
}

fn count(value: f64) -> String {
    units::brief(value, COUNT).replace(".0", "")
}

fn time(us: f64) -> String {
    units::brief(us, TIME).replace(".0", "")
}
