//! The plots of an open loop at the same rates for all contenders.

use super::named::Named;
use crate::bench::ladder::{Kept, Ladder, Step};
use crate::report::ladder_table::brief_rate;
use crate::report::plot::{Axis, Line, Plot};
use crate::report::units::{self, TIME};

type Figure = fn(&Step) -> Option<f64>;

/// Response time and cost over the rate.
pub(super) fn figures(ladder: &Ladder) -> Vec<Named> {
    let p99: Figure = |step| step.p99_us.map(|it| it.median);
    let cost: Figure = |step| step.cpu_us_per_request.map(|it| it.median);
    vec![
        figure(ladder, ("rates-p99", "Response time at a rate", "p99"), p99),
        figure(
            ladder,
            ("rates-cost", "CPU per request at a rate", "CPU per request"),
            cost,
        ),
    ]
}

fn figure(ladder: &Ladder, (what, title, label): (&str, &str, &str), figure: Figure) -> Named {
    let lines = ladder.climbs.iter().enumerate().map(|(series, climb)| {
        let steps = climb.steps.iter();
        let points = steps
            .clone()
            .map(|step| (step.rate_per_s, figure(step).unwrap_or(f64::NAN)));
        let fails = |step: &Step| matches!(step.kept, Kept::Fails | Kept::GeneratorLimit);
        let flagged = steps.enumerate().filter(|(_, step)| fails(step));
        Line::new(&climb.contender, points.collect())
            .of_series(series)
            .with_dots(flagged.map(|(at, _)| at).collect())
    });
    let title = format!("{title}, {}", ladder.workload.name);
    let plot = Plot {
        title: &title,
        x: Axis::log("requests per second, the same for all").with_format(brief_rate),
        y: Axis::log(label).with_format(time),
        lines: lines.collect(),
    };
    Named {
        name: format!("{}-{what}", ladder.workload.name),
        drawing: plot.draw(&format!("{title}. {}", knees(ladder))),
        caption: format!(
            "A ring: did not keep {}, or the generator was at its limit.",
            ladder.expect.join(", ")
        ),
    }
}

/// The knee of each contender, in words.
fn knees(ladder: &Ladder) -> String {
    let said = ladder
        .climbs
        .iter()
        .map(|climb| match climb.knee.holds_per_s {
            Some(holds) => format!("{} holds up to {}/s", climb.contender, brief_rate(holds)),
            None => format!("{} does not hold the lowest rate", climb.contender),
        });
    format!("{}.", said.collect::<Vec<_>>().join(", "))
}

fn time(us: f64) -> String {
    units::brief(us, TIME).replace(".0", "")
}
