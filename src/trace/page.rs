//! Lanes as a page in one file: the drawing, and every event as a sentence. A script lets the
//! reader step through the events; without it the page shows all of them. Pure.

use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, context};
use serde::Serialize;

use super::join::{Lane, Moment, Timeline};
use super::lanes::duration;
use super::record::{Event, Side};
use super::svg::{Scale, svg};

const TEMPLATE: &str = include_str!("page.html");
const SCRIPT: &str = include_str!("page.js");
/// A reader steps through no more than these.
const STEPS_MAX: usize = 2000;

/// An event as the page shows it.
#[derive(Serialize)]
struct Step {
    /// Where it lies, as a share of the whole time.
    share: f64,
    time: String,
    text: String,
}

/// Renders the page, with the lanes of at most `rows` clients.
///
/// # Errors
/// The template does not fit: a mistake in this file or in `page.html`.
pub fn page(timeline: &Timeline, title: &str, rows: usize) -> Result<String, minijinja::Error> {
    let lanes = &timeline.lanes[..timeline.lanes.len().min(rows)];
    let steps = steps(lanes, timeline.end_ns);
    let alt = format!("{title}: a lane for each client, time to the right; the list below says it");
    let drawing = svg(timeline, Scale::Page, rows, &alt);
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.add_template("page", TEMPLATE)?;
    environment.get_template("page")?.render(context! {
        title,
        drawing,
        script => SCRIPT,
        steps => Serde(steps),
        clients => timeline.lanes.len(),
        shown => lanes.len(),
        is_full => timeline.is_full,
    })
}

fn steps(lanes: &[Lane], end_ns: u64) -> Vec<Step> {
    let mut moments: Vec<(&Lane, &Moment)> = Vec::new();
    for lane in lanes {
        let events = lane.connections.iter().flat_map(|it| &it.events);
        moments.extend(events.map(|moment| (lane, moment)));
    }
    moments.sort_by_key(|(_, moment)| moment.ns);
    let steps = moments.into_iter().filter_map(|(lane, moment)| {
        Some(Step {
            share: moment.ns as f64 / end_ns.max(1) as f64,
            time: duration(moment.ns),
            text: sentence(&lane.name, moment)?,
        })
    });
    steps.take(STEPS_MAX).collect()
}

/// What happened, in words; `None` for what adds nothing to the event before.
fn sentence(name: &str, moment: &Moment) -> Option<String> {
    let worker = moment
        .worker
        .map_or("the server".to_owned(), |at| format!("worker {at}"));
    Some(match (moment.side, moment.event) {
        (Side::Client, Event::Connecting) => format!("{name} connects"),
        (Side::Client, Event::Sent) => format!("{name} has sent its request"),
        (Side::Server, Event::Accepted) => format!("the server accepts the connection of {name}"),
        (Side::Server, Event::Taken) => format!("{worker} takes the connection of {name}"),
        (Side::Server, Event::Rejected) => format!("the server answers 503 to {name}"),
        (Side::Server, Event::FirstByte) => format!("{worker} reads the first byte of {name}"),
        (Side::Server, Event::Handed) => format!("{worker} calls the handler for {name}"),
        (Side::Server, Event::Answered) => format!("the handler of {worker} has answered {name}"),
        (Side::Client, Event::Answered) => format!("{name} has its answer"),
        (Side::Client, Event::Failed) => format!("the request of {name} has failed"),
        (Side::Server, Event::Closed) => format!("{worker} closes the connection of {name}"),
        (Side::Client, Event::Closed) => format!("{name} closes its connection"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::record::Record;
    use super::*;

    #[test]
    fn the_page_is_whole_without_its_script() {
        let of = |ns, side, event| Record {
            port: 9,
            note: (side == Side::Client).then(|| "slow & <b>".to_owned()),
            client: (side == Side::Client).then_some(1),
            pid: Some(7),
            thread: Some(7),
            slot: Some(0),
            ..Record::new(ns, side, event)
        };
        let timeline = Timeline::of(vec![
            of(0, Side::Client, Event::Connecting),
            of(5, Side::Server, Event::Accepted),
            of(10, Side::Server, Event::Taken),
            of(20, Side::Server, Event::Closed),
        ]);
        let page = page(&timeline, "who waits: prefork", 9).unwrap();
        for expected in [
            "<title>who waits: prefork</title>",
            "data-share=\"0.5\"",
            "worker 0 takes the connection of slow &amp; &lt;b&gt;",
            "<svg xmlns=",
            "prefers-reduced-motion",
            "prefers-color-scheme: dark",
            "<div id=\"controls\" hidden>",
        ] {
            assert!(page.contains(expected), "{expected}: {page}");
        }
        // The name of SVG is an address, but is not loaded.
        assert_eq!(page.matches("http").count(), 1, "{page}");
    }
}
