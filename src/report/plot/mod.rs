//! Plots as SVG: lines over common axes here; bars, intervals and shares in their own files. Pure.
//!
//! ```
//! use servers::report::plot::{Axis, Line, Plot};
//!
//! let plot = Plot {
//!     title: "Latency over time",
//!     x: Axis::linear("seconds"),
//!     y: Axis::log("milliseconds"),
//!     lines: vec![Line::new("p99", vec![(0.0, 1.2), (1.0, 300.0)])],
//! };
//! assert!(plot.svg().starts_with("<svg"));
//! ```
//!
//! Put the result into a page by [`html::Figure`](super::html::Figure).

mod axis;
pub mod bars;
mod columns;
pub mod intervals;
pub mod shares;
pub mod svg;

pub use axis::Axis;
use axis::Scale;
use svg::{Anchor, Ink, width_of};
pub use svg::{Drawing, Theme};

/// As wide as a telephone, so that text keeps its size there; pages set two side by side.
pub(super) const WIDTH: f64 = 420.0;
const HEIGHT: f64 = 300.0;
const MARGIN: f64 = 10.0;
/// Title and the label of the upward axis.
const HEAD: f64 = 54.0;
/// Numbers and label of the other axis.
const FOOT: f64 = 46.0;
/// Between the ends of the lines and their names.
const LEADER: f64 = 18.0;
/// The least distance of two names.
const NAME_HEIGHT: f64 = 15.0;
/// A longer name is cut.
const NAME_LETTERS: usize = 17;

/// Lines over common axes.
#[derive(Debug)]
pub struct Plot<'a> {
    /// What the plot shows.
    pub title: &'a str,
    /// The axis to the right.
    pub x: Axis<'a>,
    /// The axis upwards.
    pub y: Axis<'a>,
    /// The first have the colours that are easiest to tell apart. Each has its name at its end.
    pub lines: Vec<Line>,
}

/// A line with its name.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// What stands at its end.
    pub name: String,
    /// Points from left to right.
    pub points: Vec<(f64, f64)>,
    /// Its colour, where lines of several plots are to agree; otherwise its place.
    series: Option<usize>,
    /// Whether each point has a disc.
    dotted: bool,
    /// Points at which something went wrong.
    flagged: Vec<usize>,
}

impl Line {
    /// A line through these points.
    pub fn new(name: impl Into<String>, points: Vec<(f64, f64)>) -> Self {
        Self {
            name: name.into(),
            points,
            series: None,
            dotted: false,
            flagged: Vec::new(),
        }
    }

    /// The colour and pattern of this number.
    #[must_use]
    pub fn of_series(self, number: usize) -> Self {
        Self {
            series: Some(number),
            ..self
        }
    }

    /// A disc at each point, and a ring at those of these places, where something went wrong.
    #[must_use]
    pub fn with_dots(self, flagged: Vec<usize>) -> Self {
        Self {
            dotted: true,
            flagged,
            ..self
        }
    }

    fn is_drawable(&self) -> bool {
        self.points.iter().any(is_finite)
    }
}

fn is_finite(point: &(f64, f64)) -> bool {
    point.0.is_finite() && point.1.is_finite()
}

impl Plot<'_> {
    /// The plot as an `<svg>` element.
    pub fn svg(&self) -> String {
        let names: Vec<&str> = self.lines.iter().map(|it| it.name.as_str()).collect();
        let alt = format!(
            "{}: {} by {} for {}.",
            self.title,
            self.y.label,
            self.x.label,
            names.join(", ")
        );
        self.draw(&alt).svg(Theme::Preferred)
    }

    /// The plot with a text for a reader who does not see it.
    pub fn draw(&self, alt: &str) -> Drawing {
        let names = self.lines.iter().filter(|it| it.is_drawable()).count();
        let height = HEIGHT.max(HEAD + FOOT + names as f64 * NAME_HEIGHT);
        let mut drawing = Drawing::new(WIDTH, height, alt);
        drawing.heading((MARGIN, 20.0), self.title);
        drawing.text((MARGIN, 40.0), Anchor::Start, Ink::Faint, self.y.label);
        let points = || self.lines.iter().flat_map(|line| &line.points);
        let y = self.y.scale(points().map(|it| it.1), height - FOOT, HEAD);
        let left = MARGIN + 8.0 + self.numbers_width(y);
        let right = WIDTH - MARGIN - self.names_width();
        let x = self.x.scale(points().map(|it| it.0), left, right);
        self.grid(&mut drawing, (x, y), (left, right));
        for (index, line) in self.lines.iter().enumerate() {
            let ink = Ink::Series(line.series.unwrap_or(index));
            self.line(&mut drawing, (x, y), line, ink);
        }
        if self.lines.len() > 1 {
            self.names(&mut drawing, (x, y), right);
        }
        drawing
    }

    fn numbers_width(&self, y: Scale) -> f64 {
        let ticks = self.y.ticks(y).into_iter();
        ticks.map(|it| width_of(&it.1)).fold(0.0, f64::max)
    }

    fn names_width(&self) -> f64 {
        if self.lines.len() < 2 {
            return LEADER;
        }
        let names = self.lines.iter().map(|it| it.name.chars().count());
        let letters = names.max().unwrap_or(0).min(NAME_LETTERS);
        LEADER + letters as f64 * svg::CHARACTER
    }

    fn grid(&self, drawing: &mut Drawing, (x, y): (Scale, Scale), (left, right): (f64, f64)) {
        let bottom = drawing.height - FOOT;
        for (place, text) in self.y.ticks(y) {
            drawing.line((left, place), (right, place), Ink::Grid, 1.0);
            let at = (left - 6.0, place + 4.5);
            drawing.text(at, Anchor::End, Ink::Faint, &text);
        }
        let mut free_from = f64::NEG_INFINITY;
        let mut ticks = self.x.ticks(x);
        ticks.sort_by(|a, b| a.0.total_cmp(&b.0));
        for (place, text) in ticks {
            drawing.line((place, bottom), (place, bottom + 4.0), Ink::Faint, 1.0);
            // A number that would touch the one before it is left out.
            let half = width_of(&text) / 2.0;
            if place - half > free_from {
                let at = (place, bottom + 18.0);
                drawing.text(at, Anchor::Middle, Ink::Faint, &text);
                free_from = place + half + 4.0;
            }
        }
        drawing.line((left, bottom), (right, bottom), Ink::Faint, 1.0);
        let at = (f64::midpoint(left, right), drawing.height - MARGIN);
        drawing.text(at, Anchor::Middle, Ink::Faint, self.x.label);
    }

    fn line(&self, drawing: &mut Drawing, scales: (Scale, Scale), line: &Line, ink: Ink) {
        let place = |point: &(f64, f64)| {
            let x = self.x.place(scales.0, point.0);
            (x, self.y.place(scales.1, point.1))
        };
        // A gap in the values is a gap in the line.
        for part in line.points.split(|point| !is_finite(point)) {
            let places: Vec<(f64, f64)> = part.iter().map(place).collect();
            if places.len() > 1 {
                drawing.path(&places, ink, 2.0);
            }
        }
        for (index, point) in line.points.iter().enumerate() {
            if is_finite(point) && (line.dotted || line.points.len() == 1) {
                let is_flagged = line.flagged.contains(&index);
                let radius = if is_flagged { 5.0 } else { 2.5 };
                drawing.disc(place(point), radius, ink, is_flagged);
            }
        }
    }

    /// Each name beside the end of its line, moved up or down where two would overlap.
    fn names(&self, drawing: &mut Drawing, (x, y): (Scale, Scale), right: f64) {
        let mut ends: Vec<(f64, (f64, f64), Ink, &str)> = Vec::new();
        for (index, line) in self.lines.iter().enumerate() {
            if let Some(last) = line.points.iter().rfind(|point| is_finite(point)) {
                let end = (self.x.place(x, last.0), self.y.place(y, last.1));
                let ink = Ink::Series(line.series.unwrap_or(index));
                ends.push((end.1, end, ink, &line.name));
            }
        }
        ends.sort_by(|a, b| a.0.total_cmp(&b.0));
        let wanted: Vec<f64> = ends.iter().map(|it| it.0).collect();
        let places = spread(&wanted, (HEAD, drawing.height - FOOT), NAME_HEIGHT);
        for ((_, end, ink, name), place) in ends.into_iter().zip(places) {
            let turn = (right + LEADER - 4.0, place);
            drawing.path(&[end, turn], ink, 1.0);
            let at = (right + LEADER, place + 4.5);
            drawing.name(at, Anchor::Start, name, NAME_LETTERS);
        }
    }
}

/// Rising places near those that are wanted, so far apart, within the range if there is room.
fn spread(wanted: &[f64], (from, to): (f64, f64), apart: f64) -> Vec<f64> {
    let mut places = Vec::with_capacity(wanted.len());
    let mut free = from;
    for place in wanted {
        free = free.max(*place);
        places.push(free);
        free += apart;
    }
    let mut limit = to;
    for place in places.iter_mut().rev() {
        *place = place.min(limit);
        limit = *place - apart;
    }
    places
}

#[cfg(test)]
mod tests;
