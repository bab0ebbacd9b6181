//! Lanes as SVG. Text and waits use `currentColor`, and the colours of the workers have a contrast
//! of 3:1 to white and to near-black, so a drawing fits a light page and a dark one. Pure.

use std::fmt::Write;

use super::join::{Connection, Kind, Span, Timeline};
use super::lanes::duration;
use super::perfetto::what;

/// How wide a drawing is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scale {
    /// So many pixels, which the reader's program may scale.
    Pixels(f64),
    /// As wide as the place that it stands in: times stretch, text keeps its size.
    Page,
}

const WORKER_COLORS: [&str; 6] = [
    "#2f76b5", "#b8651b", "#3f8f4f", "#8a5aa8", "#b8486c", "#6f732c",
];
/// The times above the lanes.
const AXIS_HEIGHT: usize = 24;
const LANE_HEIGHT: usize = 40;
const LEGEND_HEIGHT: usize = 44;
/// Of a lane: where its name stands, and its bars.
const NAME_AT: usize = 13;
const BAR_AT: usize = 18;
const BAR_HEIGHT: usize = 15;
/// Room to the right of the last moment, in percent, for the number of a worker.
const MARGIN_PERCENT: f64 = 3.0;
/// A number fits into a bar of this width, in percent.
const LABEL_PERCENT: f64 = 4.0;

/// What is shorter would only be a line; a handler is drawn all the same.
const VISIBLE_PERCENT: f64 = 0.3;

/// Draws the lanes of at most `rows` clients. `alt` says what they show to a reader who does not
/// see them.
pub fn svg(timeline: &Timeline, scale: Scale, rows: usize, alt: &str) -> String {
    let axes = Axes {
        scale,
        end_ns: timeline.end_ns.max(1),
    };
    let lanes = &timeline.lanes[..timeline.lanes.len().min(rows)];
    let height = AXIS_HEIGHT + LANE_HEIGHT * lanes.len() + LEGEND_HEIGHT;
    let size = match scale {
        Scale::Pixels(width) => format!("viewBox=\"0 0 {width} {height}\" width=\"{width}\""),
        Scale::Page => format!("width=\"100%\" height=\"{height}\""),
    };
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" {size} role=\"img\" aria-label=\"{}\" \
         font-family=\"sans-serif\" font-size=\"13\" fill=\"currentColor\">\n",
        escaped(alt)
    );
    axes.draw(&mut text, AXIS_HEIGHT + LANE_HEIGHT * lanes.len());
    for (row, lane) in lanes.iter().enumerate() {
        let top = AXIS_HEIGHT + LANE_HEIGHT * row;
        let (name, y) = (escaped(&lane.name), top + NAME_AT);
        let _ = writeln!(text, "<text x=\"0\" y=\"{y}\">{name}</text>");
        for connection in &lane.connections {
            axes.connection(&mut text, connection, top + BAR_AT);
        }
    }
    legend(&mut text, height - LEGEND_HEIGHT);
    text + "</svg>\n"
}

/// The lanes in words, for a reader who does not see them.
pub fn in_words(timeline: &Timeline) -> String {
    let clients = timeline.lanes.iter().map(|lane| {
        let spans: Vec<&Span> = lane.spans().collect();
        let longest = |kind| {
            let mine = spans.iter().filter(|it| it.kind == kind);
            let time: u64 = mine.map(|it| it.to_ns - it.from_ns).sum();
            format!("{} {}", duration(time), what(kind))
        };
        let parts = [Kind::Queued, Kind::Held, Kind::Handler].map(longest);
        format!("{}: {}", lane.name, parts.join(", "))
    });
    clients.collect::<Vec<_>>().join("; ") + "."
}

struct Axes {
    scale: Scale,
    end_ns: u64,
}

impl Axes {
    fn percent(&self, ns: u64) -> f64 {
        ns as f64 / self.end_ns as f64 * (100.0 - MARGIN_PERCENT)
    }

    /// A place or a length on the axis.
    fn length(&self, percent: f64) -> String {
        match self.scale {
            Scale::Pixels(width) => format!("{:.1}", percent / 100.0 * width),
            Scale::Page => format!("{percent:.2}%"),
        }
    }

    fn x(&self, ns: u64) -> String {
        self.length(self.percent(ns))
    }

    /// A line down for each half of the time, with the time above it.
    fn draw(&self, text: &mut String, bottom: usize) {
        for (half, anchor) in [(0, "start"), (1, "middle"), (2, "end")] {
            let ns = self.end_ns * half / 2;
            let (x, top, time) = (self.x(ns), AXIS_HEIGHT - 6, duration(ns));
            let time = if half == 0 { "0" } else { &time };
            let _ = writeln!(
                text,
                "<line x1=\"{x}\" x2=\"{x}\" y1=\"{top}\" y2=\"{bottom}\" stroke=\"currentColor\" \
                 stroke-opacity=\"0.2\"/>\n<text x=\"{x}\" y=\"12\" text-anchor=\"{anchor}\" \
                 font-size=\"12\" opacity=\"0.75\">{time}</text>"
            );
        }
    }

    fn connection(&self, text: &mut String, connection: &Connection, y: usize) {
        // A handler is drawn over the lines of what stands beside it.
        let mut spans: Vec<&Span> = connection.spans.iter().collect();
        spans.sort_by_key(|it| it.kind);
        for span in spans {
            let is_visible = self.percent(span.to_ns - span.from_ns) >= VISIBLE_PERCENT;
            if is_visible || span.kind == Kind::Handler {
                self.bar(text, span, y);
            }
        }
        let mut labelled = None;
        for span in &connection.spans {
            if span.worker.is_some() && span.worker != labelled {
                labelled = span.worker;
                self.label(text, connection, span, y);
            }
        }
    }

    fn bar(&self, text: &mut String, span: &Span, y: usize) {
        let (x, kind) = (self.x(span.from_ns), span.kind);
        let width = self.length(self.percent(span.to_ns) - self.percent(span.from_ns));
        let color = span
            .worker
            .map_or("currentColor", |at| WORKER_COLORS[at % WORKER_COLORS.len()]);
        let (title, time) = (what(kind), duration(span.to_ns - span.from_ns));
        let title = match span.worker {
            Some(worker) => format!("{title}, worker {worker}: {time}"),
            None => format!("{title}: {time}"),
        };
        let look = look(kind, color);
        let _ = writeln!(
            text,
            "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{BAR_HEIGHT}\" {look}>\
             <title>{title}</title></rect>"
        );
    }

    /// The worker's number: in the bar, or behind the connection if the bar is too short.
    fn label(&self, text: &mut String, connection: &Connection, span: &Span, y: usize) {
        let Some(worker) = span.worker else { return };
        let mine = connection
            .spans
            .iter()
            .filter(|it| it.worker == span.worker);
        let end = mine.map(|it| it.to_ns).max().unwrap_or(span.to_ns);
        let room = self.percent(end) - self.percent(span.from_ns);
        let near = self.percent(span.from_ns) + 1.0;
        let mut handlers = connection
            .spans
            .iter()
            .filter(|it| it.kind == Kind::Handler);
        let is_dark = handlers.any(|it| {
            it.worker == span.worker && self.percent(it.from_ns) < near && it.to_ns > it.from_ns
        });
        let (at, fill) = match room >= LABEL_PERCENT {
            true if is_dark => (span.from_ns, "#fff"),
            true => (span.from_ns, "currentColor"),
            false => (end, "currentColor"),
        };
        let (x, y) = (self.x(at), y + BAR_HEIGHT - 3);
        let _ = writeln!(
            text,
            "<text x=\"{x}\" y=\"{y}\" dx=\"4\" font-size=\"12\" fill=\"{fill}\">{worker}</text>"
        );
    }
}

/// Waits are outlines, a connection that is merely open is pale, a handler is full. The line around
/// a handler keeps one visible that took no time.
fn look(kind: Kind, color: &str) -> String {
    match kind {
        Kind::Queued => "fill=\"none\" stroke=\"currentColor\" stroke-dasharray=\"2 3\"".to_owned(),
        Kind::Accepted => "fill=\"currentColor\" fill-opacity=\"0.15\" stroke=\"currentColor\" \
             stroke-dasharray=\"6 3\""
            .to_owned(),
        Kind::Rejected => "fill=\"#b3261e\" stroke=\"#b3261e\"".to_owned(),
        Kind::Held => format!("fill=\"{color}\" fill-opacity=\"0.35\""),
        Kind::Handler => format!("fill=\"{color}\" stroke=\"{color}\" stroke-width=\"2\""),
    }
}

fn legend(text: &mut String, top: usize) {
    let items = [
        (Kind::Queued, 0, 0, "in the accept queue"),
        (Kind::Accepted, 170, 0, "accepted, no worker yet"),
        (Kind::Held, 0, 20, "held by a worker"),
        (Kind::Handler, 170, 20, "in the handler"),
    ];
    for (kind, x, down, name) in items {
        let (y, look) = (top + 8 + down, look(kind, WORKER_COLORS[0]));
        let (text_x, text_y) = (x + 26, y + 10);
        let _ = writeln!(
            text,
            "<rect x=\"{}\" y=\"{y}\" width=\"18\" height=\"10\" {look}/>\n\
             <text x=\"{text_x}\" y=\"{text_y}\" font-size=\"12\" opacity=\"0.75\">{name}</text>",
            x + 1
        );
    }
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::super::join::Lane;
    use super::*;

    fn timeline() -> Timeline {
        let span = |kind, from_ns, to_ns, worker| Span {
            from_ns,
            to_ns,
            kind,
            worker,
        };
        let spans = vec![
            span(Kind::Queued, 0, 50, None),
            span(Kind::Held, 50, 100, Some(7)),
            span(Kind::Handler, 100, 100, Some(7)),
        ];
        let connections = vec![Connection {
            port: 9,
            spans,
            events: Vec::new(),
        }];
        let lane = Lane {
            name: "a<b".to_owned(),
            connections,
        };
        Timeline {
            lanes: vec![lane],
            end_ns: 100,
            ..Timeline::default()
        }
    }

    #[test]
    fn a_drawing_for_a_page_stretches_and_one_of_pixels_does_not() {
        let page = svg(&timeline(), Scale::Page, 9, "who waits");
        assert!(page.contains("width=\"100%\" height="), "{page}");
        assert!(
            page.contains("<rect x=\"48.50%\" y=\"42\" width=\"48.50%\""),
            "{page}"
        );
        let fixed = svg(&timeline(), Scale::Pixels(200.0), 9, "who waits");
        assert!(fixed.contains("viewBox=\"0 0 200 "), "{fixed}");
        assert!(
            fixed.contains("<rect x=\"97.0\" y=\"42\" width=\"97.0\""),
            "{fixed}"
        );
    }

    #[test]
    fn names_are_escaped_and_workers_numbered() {
        let drawn = svg(&timeline(), Scale::Page, 9, "\"quoted\"");
        assert!(drawn.contains(">a&lt;b</text>"), "{drawn}");
        assert!(
            drawn.contains("aria-label=\"&quot;quoted&quot;\""),
            "{drawn}"
        );
        assert!(drawn.contains(">7</text>"), "{drawn}");
        assert!(
            drawn.contains("held by a worker, worker 7: 0.1 µs"),
            "{drawn}"
        );
    }
}
