//! What a lab expects, as a relation between figures. Pure.
//!
//! ```text
//! 2 * worker.memory < prefork.memory          ROW.FIGURE, numbers, * and /
//! 0.8 <= worker.rate / prefork.rate <= 1.25   a chain holds if each pair of neighbours does
//! ```
//!
//! A side is computed in each round from that round's figures, so that a machine which becomes
//! slower changes both parts of a ratio alike. The relation holds if it holds for the medians.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::figures::Figures;
use crate::bench::stats::{MARGIN_MIN, Spread, table};

/// A chain of sides with an order between each two.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "String")]
pub struct Relation {
    first: Side,
    others: Vec<(Order, Side)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Less,
    LessOrEqual,
    More,
    MoreOrEqual,
    Equal,
}

/// A product: each factor multiplies what stands before it, or divides it.
#[derive(Debug, Clone, PartialEq)]
struct Side {
    text: String,
    factors: Vec<(bool, Factor)>,
}

#[derive(Debug, Clone, PartialEq)]
enum Factor {
    Number(f64),
    Figure { row: String, name: String },
}

/// What a side comes to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Value {
    /// As the relation has it: `prefork.memory / worker.memory`.
    pub side: String,
    /// The rounds' median, and how far the others are away.
    #[serde(flatten)]
    pub spread: Spread,
    /// The 95 % interval about the centre, by the bench's signed-rank test; none below six rounds.
    pub interval: Option<(f64, f64)>,
}

impl fmt::Display for Value {
    /// `prefork.memory / worker.memory: 9.81 (9.7 to 9.9)`: the median, and its interval or range.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Spread { median, min, max } = self.spread;
        write!(f, "{}: {}", self.side, short(median))?;
        match self.interval {
            Some((low, high)) => write!(f, " ({} to {}, 95 %)", short(low), short(high)),
            None if min < max => write!(f, " ({} to {})", short(min), short(max)),
            None => Ok(()),
        }
    }
}

/// Three digits, but never fewer than the whole part has; whole numbers without decimals.
pub fn short(value: f64) -> String {
    if value.fract().abs() < 1e-9 {
        return format!("{value:.0}");
    }
    let decimals = match value.abs() {
        100.0.. => 0,
        10.0.. => 1,
        1.0.. => 2,
        _ => 3,
    };
    format!("{value:.decimals$}")
}

/// What a relation comes to.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// Whether it holds for the medians.
    pub holds: bool,
    /// Rounds in which all figures were there.
    pub rounds: usize,
    /// In how many of these it holds.
    pub held: usize,
    /// The sides that are not a number.
    pub values: Vec<Value>,
}

const ORDERS: [(&str, Order); 5] = [
    ("<=", Order::LessOrEqual),
    (">=", Order::MoreOrEqual),
    ("<", Order::Less),
    (">", Order::More),
    ("=", Order::Equal),
];

impl Order {
    fn holds(self, left: f64, right: f64) -> bool {
        // Products of whole numbers are exact, and quotients nearly so.
        let is_equal = (left - right).abs() <= 1e-9 * left.abs().max(right.abs());
        match self {
            Order::Less => left < right && !is_equal,
            Order::LessOrEqual => left < right || is_equal,
            Order::More => left > right && !is_equal,
            Order::MoreOrEqual => left > right || is_equal,
            Order::Equal => is_equal,
        }
    }
}

impl FromStr for Relation {
    type Err = String;

    fn from_str(text: &str) -> Result<Relation, String> {
        let mut rest = text;
        let mut sides = Vec::new();
        let mut orders = Vec::new();
        loop {
            let (side, order, after) = next_side(rest);
            sides.push(Side::parse(side)?);
            let Some(order) = order else { break };
            orders.push(order);
            rest = after;
        }
        let mut sides = sides.into_iter();
        match (sides.next(), orders.is_empty()) {
            (Some(first), false) => Ok(Relation {
                first,
                others: orders.into_iter().zip(sides).collect(),
            }),
            _ => Err(format!("'{text}' has none of < <= > >= = in it")),
        }
    }
}

impl TryFrom<String> for Relation {
    type Error = String;

    fn try_from(text: String) -> Result<Relation, String> {
        text.parse()
    }
}

/// The text up to the first order, the order, and the text behind it.
fn next_side(text: &str) -> (&str, Option<Order>, &str) {
    let Some(at) = text.find(['<', '>', '=']) else {
        return (text, None, "");
    };
    let (side, rest) = text.split_at(at);
    let found = ORDERS.iter().find(|(sign, _)| rest.starts_with(sign));
    let (sign, order) = found.copied().unwrap_or(("=", Order::Equal));
    (side, Some(order), &rest[sign.len()..])
}

impl Side {
    fn parse(text: &str) -> Result<Side, String> {
        let text = text.trim();
        let (mut factors, mut divides) = (Vec::new(), false);
        for piece in text.split_inclusive(['*', '/']) {
            factors.push((divides, Factor::parse(piece.trim_end_matches(['*', '/']))?));
            divides = piece.ends_with('/');
        }
        match factors.is_empty() {
            true => Err("a side of the relation is empty".to_owned()),
            false => Ok(Side {
                text: text.to_owned(),
                factors,
            }),
        }
    }

    fn is_number(&self) -> bool {
        self.factors
            .iter()
            .all(|(_, it)| matches!(it, Factor::Number(_)))
    }

    /// Its value in a round; none where a figure has none.
    fn at(&self, figures: &Figures, round: usize) -> Option<f64> {
        let mut product = 1.0;
        for (divides, factor) in &self.factors {
            let value = match factor {
                Factor::Number(number) => *number,
                Factor::Figure { row, name } => figures.get(row, name)?.at(round)?,
            };
            product = if *divides {
                product / value
            } else {
                product * value
            };
        }
        product.is_finite().then_some(product)
    }
}

impl Factor {
    fn parse(text: &str) -> Result<Factor, String> {
        let text = text.trim();
        if let Ok(number) = text.parse() {
            return Ok(Factor::Number(number));
        }
        match text.rsplit_once('.') {
            Some((row, name)) if !row.is_empty() && !name.is_empty() && !text.contains(' ') => {
                Ok(Factor::Figure {
                    row: row.to_owned(),
                    name: name.to_owned(),
                })
            }
            _ => Err(format!(
                "'{text}' is neither a number nor ROW.FIGURE, as in prefork.memory"
            )),
        }
    }
}

impl Relation {
    fn sides(&self) -> impl Iterator<Item = &Side> {
        std::iter::once(&self.first).chain(self.others.iter().map(|(_, side)| side))
    }

    /// Every row and figure that it names.
    pub fn named(&self) -> impl Iterator<Item = (&str, &str)> {
        let factors = self.sides().flat_map(|side| &side.factors);
        factors.filter_map(|(_, factor)| match factor {
            Factor::Figure { row, name } => Some((row.as_str(), name.as_str())),
            Factor::Number(_) => None,
        })
    }

    /// Computes it.
    ///
    /// # Errors
    /// A sentence: a figure is missing, or no round has all of them.
    pub fn evaluate(&self, figures: &Figures) -> Result<Evaluation, String> {
        if let Some((row, name)) = self
            .named()
            .find(|(row, name)| figures.get(row, name).is_none())
        {
            return Err(format!("there is no figure {row}.{name}"));
        }
        let in_round = |round: usize| -> Option<Vec<f64>> {
            self.sides().map(|side| side.at(figures, round)).collect()
        };
        let rounds: Vec<Vec<f64>> = (0..figures.rounds()).filter_map(in_round).collect();
        let values: Option<Vec<Value>> = (0..=self.others.len())
            .map(|place| self.value(place, &rounds))
            .collect();
        let values = values.ok_or_else(|| format!("no round has all figures of '{self}'"))?;
        let medians: Vec<f64> = values.iter().map(|it| it.spread.median).collect();
        let is_number: Vec<bool> = self.sides().map(Side::is_number).collect();
        let shown = values.into_iter().zip(is_number);
        Ok(Evaluation {
            holds: self.holds_for(&medians),
            rounds: rounds.len(),
            held: rounds.iter().filter(|round| self.holds_for(round)).count(),
            values: shown
                .filter(|(_, is_number)| !is_number)
                .map(|(value, _)| value)
                .collect(),
        })
    }

    fn value(&self, place: usize, rounds: &[Vec<f64>]) -> Option<Value> {
        let values = || rounds.iter().filter_map(|round| round.get(place).copied());
        let column: table::Column = values().map(Some).collect();
        let ones: table::Column = values().map(|_| Some(1.0)).collect();
        let comparison = table::single(&column, &ones, MARGIN_MIN);
        Some(Value {
            side: self.sides().nth(place)?.text.clone(),
            spread: Spread::of(values())?,
            interval: comparison.and_then(|it| it.interval),
        })
    }

    fn holds_for(&self, values: &[f64]) -> bool {
        let mut pairs = values.windows(2).zip(&self.others);
        pairs.all(|(pair, (order, _))| order.holds(pair[0], pair[1]))
    }
}

impl fmt::Display for Relation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.first.text)?;
        for (order, side) in &self.others {
            let sign = ORDERS
                .iter()
                .find(|it| it.1 == *order)
                .map_or("", |it| it.0);
            write!(f, " {sign} {}", side.text)?;
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "relation_tests.rs"]
mod tests;
