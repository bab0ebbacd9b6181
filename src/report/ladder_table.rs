//! The tables of an open loop at the same rates for all: response times, cost, and the knees.

use super::grid::Grid;
use super::rows::NONE;
use super::units::{COUNT, TIME, brief, grouped, value};
use super::view::View;
use super::words::capitalised;
use super::wrap::wrapped;
use crate::bench::gates::Mark;
use crate::bench::ladder::{Climb, Kept, Knee, Ladder, Step};

/// All tables of a workload.
pub(super) fn text(ladder: &Ladder, view: View) -> String {
    let mut text = view.title(&heading(ladder));
    text.push_str(&format!("{}\n", response_times(ladder).text(view.width)));
    text.push_str(&view.title("Server CPU per request at these rates"));
    text.push_str(&format!("{}\n", costs(ladder).text(view.width)));
    if view.full {
        for climb in &ladder.climbs {
            text.push_str(&view.title(&format!("{}, {}", climb.contender, ladder.workload.name)));
            text.push_str(&format!("{}\n", details(climb).text(view.width)));
        }
    }
    text.push_str(&wrapped(KEY, view.width));
    text
}

/// Both tables for a page.
pub(super) fn markdown(ladder: &Ladder) -> String {
    format!(
        "### {}\n\n{}\n### Server CPU per request at these rates\n\n{}\n",
        heading(ladder),
        response_times(ladder).markdown(),
        costs(ladder).markdown()
    )
}

/// What its signs mean.
pub(super) const KEY: &str = "Each column is an open loop of so many requests per second, \
    by the same schedule for all; response times count from the moment at which a request should \
    have been sent, and pending requests with their age: the median of the windows' p99. knee: \
    the highest rate up to which most windows met what was expected and 99 % of the schedule was \
    sent. ✗: not met; below it what was answered, where that is less than was offered. *: the \
    generator was late or at its limit, so the server's knee may be higher.";

/// `A connection per request (close) at the same rates for all: p99, expected p99<20ms`.
pub(super) fn heading(ladder: &Ladder) -> String {
    format!(
        "{} ({}) at the same rates for all: p99, expected {}",
        capitalised(&ladder.workload.title),
        ladder.workload.name,
        ladder.expect.join(", ")
    )
}

fn grid(ladder: &Ladder, with_knee: bool) -> Grid {
    let first = match with_knee {
        true => vec!["requests/s".to_owned(), "knee".to_owned()],
        false => vec!["requests/s".to_owned()],
    };
    let rates = ladder.rates_per_s.iter().map(|rate| brief_rate(*rate));
    let head: Vec<String> = first.into_iter().chain(rates).collect();
    // Where there is no room, the lowest rates go: there hardly anything happens.
    let rates: Vec<usize> = (1 + usize::from(with_knee)..head.len()).collect();
    Grid::new(vec![head]).expending(&rates).dense()
}

/// `500`, `2k`, `12.5k`: no digit more than it takes.
pub(super) fn brief_rate(rate: f64) -> String {
    match rate >= 1000.0 {
        true => format!("{}k", (rate / 10.0).round() / 100.0),
        false => format!("{rate}"),
    }
}

pub(super) fn response_times(ladder: &Ladder) -> Grid {
    let mut grid = grid(ladder, true);
    for climb in &ladder.climbs {
        let first = [climb.contender.clone(), knee(&climb.knee)];
        let cells = climb.steps.iter().map(response_time);
        grid.push_with(first.into_iter().chain(cells).collect(), failures(climb));
    }
    grid
}

fn costs(ladder: &Ladder) -> Grid {
    let mut grid = grid(ladder, false);
    for climb in &ladder.climbs {
        let cost = |step: &Step| {
            let spread = step.cpu_us_per_request;
            spread.map_or(NONE.to_owned(), |it| brief(it.median, TIME))
        };
        let first = std::iter::once(climb.contender.clone());
        grid.push(first.chain(climb.steps.iter().map(cost)).collect());
    }
    grid
}

/// `2k`, `≥20k` where every rate held, `<500` where none did.
pub(super) fn knee(knee: &Knee) -> String {
    let star = if knee.is_generators_limit { "*" } else { "" };
    match (knee.holds_per_s, knee.fails_per_s) {
        (Some(holds), None) => format!("≥{}", brief_rate(holds)),
        (Some(holds), Some(_)) => format!("{}{star}", brief_rate(holds)),
        (None, Some(fails)) => format!("<{}{star}", brief_rate(fails)),
        (None, None) => NONE.to_owned(),
    }
}

fn response_time(step: &Step) -> String {
    let time = step.p99_us.map(|it| brief(it.median, TIME));
    let time = time.unwrap_or_else(|| NONE.to_owned());
    match step.kept {
        Kept::NotMeasured => NONE.to_owned(),
        Kept::Holds => time,
        Kept::GeneratorLimit => format!("*{time}"),
        Kept::Fails if !step.failures.is_empty() => "FAILED".to_owned(),
        Kept::Fails => {
            let is_behind = step.marks.contains_key(&Mark::Behind);
            let achieved = step.achieved_per_s.filter(|_| is_behind);
            let below = achieved.map(|it| format!("\n{}/s", brief(it.median, COUNT)));
            format!("✗{time}{}", below.unwrap_or_default())
        }
    }
}

fn failures(climb: &Climb) -> String {
    let failures = climb.steps.iter().flat_map(|it| &it.failures);
    let mut labels: Vec<String> = failures.map(|it| format!("FAILED: {}", it.label)).collect();
    labels.dedup();
    labels.join("; ")
}

/// Everything about one contender, a row for each rate.
fn details(climb: &Climb) -> Grid {
    let heads = [
        "offered/s",
        "answered",
        "p50",
        "p99",
        "p99.9",
        "CPU/req",
        "lag p99",
        "errors",
        "kept",
    ];
    let mut grid = Grid::with_heads(heads);
    for step in &climb.steps {
        let time = |us: Option<f64>| us.map_or(NONE.to_owned(), |us| value(us, TIME));
        let median = |spread: Option<crate::bench::stats::Spread>| spread.map(|it| it.median);
        let marks = step.marks.iter();
        let marks: Vec<String> = marks
            .map(|(mark, struck)| format!("{}: {}", mark.meaning(), struck.windows))
            .collect();
        let cells = vec![
            grouped(step.rate_per_s),
            median(step.achieved_per_s).map_or(NONE.to_owned(), grouped),
            time(median(step.p50_us)),
            time(median(step.p99_us)),
            time(step.p999_us),
            time(median(step.cpu_us_per_request)),
            time(median(step.timer_lag_p99_us)),
            grouped(step.errors as f64),
            kept(step.kept).to_owned(),
        ];
        grid.push_with(cells, marks.join("; "));
    }
    grid
}

fn kept(kept: Kept) -> &'static str {
    match kept {
        Kept::Holds => "yes",
        Kept::Fails => "no",
        Kept::GeneratorLimit => "*",
        Kept::NotMeasured => NONE,
    }
}

#[cfg(test)]
#[path = "ladder_table_tests.rs"]
pub(super) mod tests;
