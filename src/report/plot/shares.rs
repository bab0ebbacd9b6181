//! How the workers of a server shared its requests: a small column for each worker. Pure.

use super::columns::{self, NAME_LETTERS};
use super::svg::{Anchor, Drawing, Ink};
use super::{MARGIN, WIDTH};

const HEAD: f64 = 32.0;
const ROW: f64 = 48.0;
const COLUMN_HEIGHT: f64 = 36.0;
/// Between a name or a remark and the columns.
const GAP: f64 = 12.0;
/// A column is no wider than this, so that few workers do not look like many requests.
const COLUMN_MAX: f64 = 14.0;

/// The shares of several servers.
#[derive(Debug)]
pub struct Shares<'a> {
    /// What was shared.
    pub title: &'a str,
    /// From the top down.
    pub rows: Vec<Share>,
}

/// One server.
#[derive(Debug, Clone, PartialEq)]
pub struct Share {
    /// Whose workers they are.
    pub name: String,
    /// Its colour.
    pub series: usize,
    /// The requests of each worker, from the busiest down.
    pub requests: Vec<f64>,
    /// How fair that is, in words.
    pub remark: String,
}

impl Shares<'_> {
    /// The columns with a text for a reader who does not see them.
    pub fn draw(&self) -> Drawing {
        let said = self.rows.iter().map(|row| {
            let (workers, remark) = (row.requests.len(), &row.remark);
            format!("{} {workers} workers, {remark}", row.name)
        });
        let said: Vec<String> = said.collect();
        let alt = format!("{}: {}.", self.title, said.join("; "));
        let height = HEAD + ROW * self.rows.len() as f64 + MARGIN;
        let mut drawing = Drawing::new(WIDTH, height, alt);
        drawing.heading((MARGIN, 20.0), self.title);
        let names = self.rows.iter().map(|it| it.name.as_str());
        let remarks = self.rows.iter().map(|it| it.remark.as_str());
        let (left, right) = columns::between(names, remarks, GAP);
        for (index, row) in self.rows.iter().enumerate() {
            let bottom = HEAD + ROW * (index as f64 + 1.0) - 6.0;
            let at = (MARGIN, bottom - 12.0);
            drawing.name(at, Anchor::Start, &row.name, NAME_LETTERS);
            row.draw(&mut drawing, bottom, (left, right));
            let at = (WIDTH - MARGIN, bottom - 12.0);
            drawing.text(at, Anchor::End, Ink::Faint, &row.remark);
        }
        drawing
    }
}

impl Share {
    fn draw(&self, drawing: &mut Drawing, bottom: f64, (left, right): (f64, f64)) {
        let workers = self.requests.len().max(1) as f64;
        let pitch = ((right - left) / workers).min(COLUMN_MAX);
        let most = self.requests.iter().copied().fold(1.0, f64::max);
        let ink = Ink::Series(self.series);
        for (index, requests) in self.requests.iter().enumerate() {
            let height = requests / most * COLUMN_HEIGHT;
            let at = (left + pitch * index as f64, bottom - height);
            drawing.rectangle(at, ((pitch - 1.0).max(pitch * 0.7), height), ink);
        }
        let end = left + pitch * workers;
        drawing.line((left, bottom), (end, bottom), Ink::Faint, 1.0);
        // What each would have answered if all had answered alike.
        let equal = self.requests.iter().sum::<f64>() / workers / most * COLUMN_HEIGHT;
        let level = bottom - equal;
        drawing.line((left - 3.0, level), (end + 3.0, level), Ink::Text, 1.0);
    }
}
