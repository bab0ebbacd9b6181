//! Lines in a plot, as SVG. Pure.
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
//! let svg = plot.svg()?;
//! assert!(svg.starts_with("<svg"));
//! # Ok::<(), servers::report::plot::PlotError>(())
//! ```
//!
//! Put the result into a page by [`html::Figure`](super::html::Figure).

use std::ops::Range;

use plotters::coord::ranged1d::{AsRangedCoord, Ranged, ValueFormatter};
use plotters::prelude::*;

/// Wide enough for a column of text, low enough for two plots on a screen.
const SIZE: (u32, u32) = (760, 300);
const FONT: &str = "sans-serif";
/// Colours that people with any colour vision tell apart (Okabe and Ito).
const COLOURS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(90, 90, 90),
];
/// So much further than its values does an axis reach: the legend stands there.
const HEADROOM: f64 = 1.2;
/// An axis has so many numbers, or a few more.
const NUMBERS: usize = 6;
/// The least value of a logarithmic axis, in its unit.
const LOG_MIN: f64 = 1e-3;

/// Why there is no plot: the backend's words. It writes to memory, so this is a mistake in the
/// plot itself, such as a value that is no number.
#[derive(Debug, thiserror::Error)]
#[error("cannot draw the plot '{title}': {reason}")]
pub struct PlotError {
    title: String,
    reason: String,
}

/// Lines over common axes.
#[derive(Debug)]
pub struct Plot<'a> {
    /// What the plot shows.
    pub title: &'a str,
    /// The axis to the right.
    pub x: Axis<'a>,
    /// The axis upwards.
    pub y: Axis<'a>,
    /// The first lines have the colours that are easiest to tell apart. A legend names them.
    pub lines: Vec<Line>,
}

/// What an axis means.
#[derive(Debug, Clone, Copy)]
pub struct Axis<'a> {
    label: &'a str,
    is_log: bool,
    format: fn(f64) -> String,
}

impl<'a> Axis<'a> {
    /// Equal distances for equal differences; it begins at 0.
    pub fn linear(label: &'a str) -> Self {
        Self {
            label,
            is_log: false,
            format: number,
        }
    }

    /// Equal distances for equal ratios. Values below a thousandth are drawn as one.
    pub fn log(label: &'a str) -> Self {
        Self {
            is_log: true,
            ..Self::linear(label)
        }
    }

    /// How its numbers are written; an empty text leaves one out.
    #[must_use]
    pub fn with_format(self, format: fn(f64) -> String) -> Self {
        Self { format, ..self }
    }

    fn range(&self, values: impl Iterator<Item = f64>) -> Range<f64> {
        let (mut min, mut max) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in values.filter(|value| value.is_finite()) {
            (min, max) = (min.min(value), max.max(value));
        }
        if min > max {
            (min, max) = (0.0, 1.0);
        }
        match self.is_log {
            true => min.max(LOG_MIN)..(max * HEADROOM).max(LOG_MIN * 10.0),
            false => min.min(0.0)..if max > 0.0 { max * HEADROOM } else { 1.0 },
        }
    }
}

/// A line with its name.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// What the legend calls it.
    pub name: String,
    /// Points from left to right.
    pub points: Vec<(f64, f64)>,
}

impl Line {
    /// A line through these points.
    pub fn new(name: impl Into<String>, points: Vec<(f64, f64)>) -> Self {
        Self {
            name: name.into(),
            points,
        }
    }
}

impl Plot<'_> {
    /// The plot as an `<svg>` element.
    ///
    /// # Errors
    /// A plot that cannot be drawn.
    pub fn svg(&self) -> Result<String, PlotError> {
        let points = || self.lines.iter().flat_map(|line| &line.points);
        let x = self.x.range(points().map(|point| point.0));
        let y = self.y.range(points().map(|point| point.1));
        let mut svg = String::new();
        let drawn = match (self.x.is_log, self.y.is_log) {
            (false, false) => self.draw(&mut svg, x, y),
            (false, true) => self.draw(&mut svg, x, y.log_scale()),
            (true, false) => self.draw(&mut svg, x.log_scale(), y),
            (true, true) => self.draw(&mut svg, x.log_scale(), y.log_scale()),
        };
        drawn.map_err(|reason| PlotError {
            title: self.title.to_owned(),
            reason,
        })?;
        Ok(svg)
    }

    fn draw<X, Y>(&self, svg: &mut String, x: X, y: Y) -> Result<(), String>
    where
        X: AsRangedCoord<Value = f64>,
        X::CoordDescType: Ranged<ValueType = f64> + ValueFormatter<f64>,
        Y: AsRangedCoord<Value = f64>,
        Y::CoordDescType: Ranged<ValueType = f64> + ValueFormatter<f64>,
    {
        let root = SVGBackend::with_string(svg, SIZE).into_drawing_area();
        root.fill(&WHITE).map_err(in_words)?;
        let mut chart = ChartBuilder::on(&root)
            .caption(self.title, (FONT, 18))
            .margin(10)
            .x_label_area_size(38)
            .y_label_area_size(70)
            .build_cartesian_2d(x, y)
            .map_err(in_words)?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .y_labels(NUMBERS)
            .x_desc(self.x.label)
            .y_desc(self.y.label)
            .x_label_formatter(&|value| (self.x.format)(*value))
            .y_label_formatter(&|value| (self.y.format)(*value))
            .axis_desc_style((FONT, 13))
            .label_style((FONT, 12))
            .draw()
            .map_err(in_words)?;
        for (line, colour) in self.lines.iter().zip(COLOURS.iter().cycle()) {
            let floor = if self.y.is_log {
                LOG_MIN
            } else {
                f64::NEG_INFINITY
            };
            let points = line.points.iter().map(|&(x, y)| (x, y.max(floor)));
            let stroke = colour.stroke_width(2);
            chart
                .draw_series(LineSeries::new(points, stroke))
                .map_err(in_words)?
                .label(&line.name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], stroke));
        }
        if self.lines.len() > 1 {
            chart
                .configure_series_labels()
                .position(SeriesLabelPosition::UpperRight)
                .background_style(WHITE.mix(0.8))
                .label_font((FONT, 12))
                .draw()
                .map_err(in_words)?;
        }
        root.present().map_err(in_words)
    }
}

#[allow(
    clippy::needless_pass_by_value,
    reason = "it is used as a function for map_err"
)]
fn in_words(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// No more digits than tell the numbers of an axis apart.
fn number(value: f64) -> String {
    let text = match value.abs() {
        0.0 => return "0".to_owned(),
        size if size >= 10_000.0 => return format!("{:.0}k", value / 1000.0),
        size if size >= 10.0 => format!("{value:.0}"),
        size if size >= 0.1 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    };
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(points: Vec<(f64, f64)>) -> Plot<'static> {
        Plot {
            title: "A <title>",
            x: Axis::linear("seconds"),
            y: Axis::log("ms"),
            lines: vec![Line::new("p50", points.clone()), Line::new("p99", points)],
        }
    }

    #[test]
    fn a_plot_shows_its_lines_and_names_them() {
        let svg = plot(vec![(0.0, 1.0), (1.0, 10.0), (2.0, 300.0)])
            .svg()
            .unwrap();
        assert!(
            svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"),
            "{svg}"
        );
        assert!(svg.contains("A &lt;title&gt;"), "{svg}");
        assert!(svg.contains("p50") && svg.contains("p99"), "{svg}");
        assert!(svg.matches("<polyline").count() >= 2, "{svg}");
    }

    #[test]
    fn nothing_and_zeros_can_be_drawn() {
        for points in [vec![], vec![(0.0, 0.0)], vec![(0.0, 0.0), (1.0, 0.0)]] {
            plot(points.clone()).svg().unwrap();
            let linear = Plot {
                y: Axis::linear("n"),
                ..plot(points)
            };
            linear.svg().unwrap();
        }
    }

    #[test]
    fn numbers_are_short() {
        for (value, text) in [
            (0.0, "0"),
            (0.05, "0.05"),
            (1.5, "1.5"),
            (2.0, "2"),
            (250.0, "250"),
            (25_000.0, "25k"),
        ] {
            assert_eq!(number(value), text);
        }
    }
}
