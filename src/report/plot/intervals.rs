//! Ratios to the reference with their intervals, on a logarithmic axis. Pure.

use super::axis::Axis;
use super::columns::{self, NAME_LETTERS};
use super::svg::{Anchor, Drawing, Ink, width_of};
use super::{MARGIN, WIDTH};

const HEAD: f64 = 32.0;
const FOOT: f64 = 42.0;
const ROW: f64 = 24.0;
/// Between a name or a remark and the plot.
const GAP: f64 = 14.0;

/// Ratios of contenders to one of them.
#[derive(Debug)]
pub struct Intervals<'a> {
    /// What is compared.
    pub title: &'a str,
    /// What the axis shows.
    pub label: &'a str,
    /// Differences up to this are small: 0.02 for 2 %.
    pub margin: f64,
    /// From the top down.
    pub rows: Vec<Interval>,
}

/// One contender.
#[derive(Debug, Clone, PartialEq)]
pub struct Interval {
    /// Whose it is.
    pub name: String,
    /// Its colour.
    pub series: usize,
    /// The estimate.
    pub ratio: f64,
    /// What is likely; none where there are too few blocks.
    pub interval: Option<(f64, f64)>,
    /// The ratio and the verdict in words.
    pub remark: String,
}

impl Intervals<'_> {
    /// The intervals with a text for a reader who does not see them.
    pub fn draw(&self) -> Drawing {
        let height = HEAD + ROW * self.rows.len() as f64 + FOOT;
        let said = self
            .rows
            .iter()
            .map(|it| format!("{} {}", it.name, it.remark));
        let said: Vec<String> = said.collect();
        let alt = format!("{}: {}.", self.title, said.join(", "));
        let mut drawing = Drawing::new(WIDTH, height, alt);
        drawing.heading((MARGIN, 20.0), self.title);
        let names = self.rows.iter().map(|it| it.name.as_str());
        let remarks = self.rows.iter().map(|it| it.remark.as_str());
        let (left, right) = columns::between(names, remarks, GAP);
        let axis = Axis::log(self.label);
        let scale = axis.scale(self.values(), left, right);
        let place = |ratio: f64| axis.place(scale, ratio);
        let bottom = height - FOOT;
        let (from, to) = (place(1.0 / (1.0 + self.margin)), place(1.0 + self.margin));
        drawing.rectangle((from, HEAD), (to - from, bottom - HEAD), Ink::Grid);
        drawing.line((place(1.0), HEAD), (place(1.0), bottom), Ink::Faint, 1.0);
        drawing.line((left, bottom), (right, bottom), Ink::Faint, 1.0);
        let mut free_from = 0.0;
        for (x, text) in axis.ticks(scale) {
            let half = width_of(&text) / 2.0;
            if x - half > free_from {
                drawing.line((x, bottom), (x, bottom + 4.0), Ink::Faint, 1.0);
                drawing.text((x, bottom + 17.0), Anchor::Middle, Ink::Faint, &text);
                free_from = x + half + 4.0;
            }
        }
        let at = (f64::midpoint(left, right), height - 7.0);
        drawing.text(at, Anchor::Middle, Ink::Faint, self.label);
        for (index, row) in self.rows.iter().enumerate() {
            let middle = HEAD + ROW * (index as f64 + 0.5);
            let ink = Ink::Series(row.series);
            drawing.name(
                (MARGIN, middle + 4.5),
                Anchor::Start,
                &row.name,
                NAME_LETTERS,
            );
            if let Some((low, high)) = row.interval {
                let ends = ((place(low), middle), (place(high), middle));
                drawing.line(ends.0, ends.1, ink, 3.0);
            }
            drawing.disc((place(row.ratio), middle), 4.0, ink, row.interval.is_none());
            let at = (WIDTH - MARGIN, middle + 4.5);
            drawing.text(at, Anchor::End, Ink::Text, &row.remark);
        }
        drawing
    }

    fn values(&self) -> impl Iterator<Item = f64> {
        let ends = self.rows.iter().flat_map(|row| {
            let (low, high) = row.interval.unwrap_or((row.ratio, row.ratio));
            [low, row.ratio, high]
        });
        // The axis always shows 1, and something on either side of it.
        ends.chain([0.9, 1.1])
    }
}
