//! What a run was expected to show, and whether it did. Pure.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Outcome;

/// A measured figure that an expectation is about.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quantity {
    /// A quantile of the response times, 0 to 1, in ns.
    Quantile(f64),
    /// The mean response time in ns.
    Mean,
    /// The longest response time in ns.
    Max,
    /// The share of requests that failed, 0 to 1.
    Errors,
    /// Requests answered per second.
    Rate,
}

/// On which side of the bound the figure should lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Strictly below it.
    Below,
    /// Strictly above it.
    Above,
}

/// An expectation such as `p99<20ms`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Expectation {
    /// The figure.
    pub quantity: Quantity,
    /// Where it should lie.
    pub side: Side,
    /// In the unit of the quantity.
    pub bound: f64,
    /// The expectation as its author wrote it.
    pub text: String,
}

impl Expectation {
    /// A quantile of the response times that should be below this.
    pub fn quantile_below(quantile: f64, bound: Duration) -> Self {
        Self {
            quantity: Quantity::Quantile(quantile),
            side: Side::Below,
            bound: bound.as_nanos() as f64,
            text: format!("p{}<{bound:?}", quantile * 100.0),
        }
    }

    /// The figure that a run showed; none if it has too few answers to show one.
    ///
    /// Requests that were pending at the end count with their age, so that a server which freezes
    /// at the end does not pass.
    pub fn measured(&self, outcome: &Outcome) -> Option<f64> {
        let is_answered = !outcome.latency.is_empty();
        let quantile = |q: f64| {
            let measured = outcome.latency.value_at_quantile(q);
            is_answered.then(|| outcome.at_least(q).unwrap_or(measured) as f64)
        };
        match self.quantity {
            Quantity::Quantile(q) => quantile(q),
            Quantity::Mean => is_answered.then(|| outcome.latency.mean()),
            Quantity::Max => quantile(1.0),
            Quantity::Errors => (outcome.attempted > 0).then(|| outcome.error_share()),
            Quantity::Rate => Some(outcome.requests_per_s()),
        }
    }

    /// Whether the run showed what was expected. A figure that is missing does not.
    pub fn is_met(&self, outcome: &Outcome) -> bool {
        self.measured(outcome)
            .is_some_and(|figure| self.allows(figure))
    }

    /// Whether a figure, in the unit of the quantity, is as expected.
    pub fn allows(&self, figure: f64) -> bool {
        match self.side {
            Side::Below => figure < self.bound,
            Side::Above => figure > self.bound,
        }
    }
}

impl fmt::Display for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::Plan;

    const MS: u64 = 1_000_000;

    fn outcome() -> Outcome {
        let mut outcome = Outcome::empty(&Plan::new("http://127.0.0.1:1/".parse().unwrap()));
        outcome.latency.record_n(10 * MS, 990).unwrap();
        outcome.latency.record_n(50 * MS, 5).unwrap();
        (outcome.requests, outcome.attempted) = (995, 1000);
        outcome.duration = Duration::from_secs(1);
        for _ in 0..5 {
            outcome.errors.count(crate::load::Failure::Timeout);
        }
        outcome
    }

    fn expect(quantity: Quantity, side: Side, bound: f64) -> Expectation {
        Expectation {
            quantity,
            side,
            bound,
            text: String::new(),
        }
    }

    #[test]
    fn each_quantity_is_judged_in_its_unit() {
        use Quantity::{Errors, Max, Mean, Quantile, Rate};
        for (quantity, side, bound, is_met) in [
            (Quantile(0.99), Side::Below, 20e6, true),
            (Quantile(0.999), Side::Below, 20e6, false),
            (Max, Side::Below, 60e6, true),
            (Mean, Side::Above, 10e6, true),
            (Errors, Side::Below, 0.005, false),
            (Errors, Side::Below, 0.0051, true),
            (Rate, Side::Above, 994.0, true),
            (Rate, Side::Above, 996.0, false),
        ] {
            let expectation = expect(quantity, side, bound);
            assert_eq!(expectation.is_met(&outcome()), is_met, "{expectation:?}");
        }
    }

    #[test]
    fn pending_requests_count_with_their_age_and_silence_meets_nothing() {
        let mut frozen = outcome();
        frozen.pending.record_n(200 * MS, 64).unwrap();
        let p99 = Expectation::quantile_below(0.99, Duration::from_millis(20));
        assert!(p99.is_met(&outcome()) && !p99.is_met(&frozen));
        let nothing = Outcome::empty(&Plan::new("http://127.0.0.1:1/".parse().unwrap()));
        assert!(!p99.is_met(&nothing));
        assert!(!expect(Quantity::Errors, Side::Below, 1.0).is_met(&nothing));
    }
}
