//! What a lab has counted or measured: a value for each row, figure and round. Pure.

use serde::{Deserialize, Serialize};

use crate::bench::stats::Spread;

/// The unit of a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unit {
    /// A number of things.
    #[serde(rename = "")]
    Count,
    /// Microseconds.
    #[serde(rename = "us")]
    Microseconds,
    /// Milliseconds.
    #[serde(rename = "ms")]
    Milliseconds,
    /// Kibibytes.
    #[serde(rename = "KiB")]
    Kibibytes,
    /// Mebibytes.
    #[serde(rename = "MiB")]
    Mebibytes,
    /// Events per second.
    #[serde(rename = "1/s")]
    PerSecond,
    /// A part of a whole, from 0 to 1.
    #[serde(rename = "share")]
    Share,
}

impl Unit {
    /// What stands behind a number; nothing for a count.
    pub fn sign(self) -> &'static str {
        match self {
            Unit::Count | Unit::Share => "",
            Unit::Microseconds => "µs",
            Unit::Milliseconds => "ms",
            Unit::Kibibytes => "KiB",
            Unit::Mebibytes => "MiB",
            Unit::PerSecond => "/s",
        }
    }
}

/// One figure of one row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// A contender, or a contender under a workload: `prefork`, `w4[5ms]`.
    pub row: String,
    /// `memory`, `wrong`, …
    #[serde(rename = "figure")]
    pub name: String,
    /// The unit of all its values.
    pub unit: Unit,
    /// One value for each round; none where a round has no such value.
    pub rounds: Vec<Option<f64>>,
}

impl Figure {
    /// The rounds' median and range; none where no round has a value.
    pub fn spread(&self) -> Option<Spread> {
        Spread::of(self.rounds.iter().flatten().copied())
    }

    /// The value of a round. What was counted once holds for every round.
    pub fn at(&self, round: usize) -> Option<f64> {
        match self.rounds[..] {
            [only] => only,
            _ => self.rounds.get(round).copied().flatten(),
        }
    }
}

/// All figures of a lab, in the order in which a table shows them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Figures(pub Vec<Figure>);

impl Figures {
    /// Adds a value, as a further round if the row has the figure already.
    pub fn add(&mut self, row: &str, name: &str, unit: Unit, value: impl Into<Option<f64>>) {
        let value = value.into();
        let of_both = |it: &&mut Figure| it.row == row && it.name == name;
        match self.0.iter_mut().find(of_both) {
            Some(figure) => figure.rounds.push(value),
            None => self.0.push(Figure {
                row: row.to_owned(),
                name: name.to_owned(),
                unit,
                rounds: vec![value],
            }),
        }
    }

    /// Adds a number of things.
    pub fn count(&mut self, row: &str, name: &str, count: usize) {
        self.add(row, name, Unit::Count, count as f64);
    }

    /// What a row has under this name.
    pub fn get(&self, row: &str, name: &str) -> Option<&Figure> {
        self.0.iter().find(|it| it.row == row && it.name == name)
    }

    /// The most rounds that a figure has.
    pub fn rounds(&self) -> usize {
        self.0.iter().map(|it| it.rounds.len()).max().unwrap_or(0)
    }

    /// Every row, once.
    pub fn rows(&self) -> Vec<&str> {
        once(self.0.iter().map(|it| it.row.as_str()))
    }

    /// Every figure's name, once.
    pub fn names(&self) -> Vec<&str> {
        once(self.0.iter().map(|it| it.name.as_str()))
    }
}

/// In the order of their first appearance.
fn once<'a>(all: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen = Vec::new();
    for it in all {
        if !seen.contains(&it) {
            seen.push(it);
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_value_is_a_second_round() {
        let mut figures = Figures::default();
        figures.add("a", "rate", Unit::PerSecond, 3.0);
        figures.count("a", "errors", 0);
        figures.add("a", "rate", Unit::PerSecond, None);
        figures.add("b", "rate", Unit::PerSecond, 5.0);
        assert_eq!(figures.rounds(), 2);
        assert_eq!(
            (figures.rows(), figures.names()),
            (vec!["a", "b"], vec!["rate", "errors"])
        );
        let errors = figures.get("a", "errors").unwrap();
        assert_eq!((errors.at(0), errors.at(1)), (Some(0.0), Some(0.0)));
        let rate = figures.get("a", "rate").unwrap();
        assert_eq!((rate.at(0), rate.at(1)), (Some(3.0), None));
        assert_eq!(rate.spread().unwrap().median, 3.0);
        assert_eq!(figures.get("b", "errors"), None);
    }
}
