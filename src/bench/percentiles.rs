//! Percentiles of the requests of several windows. Pure.
//!
//! Histograms may be added, percentiles may not be averaged: so the windows' histograms are added
//! up, and percentiles read from the sum.

use std::collections::BTreeMap;

use serde::Serialize;

use super::stats::spread::carries;

/// Service times in microseconds. One with fewer than ten samples beyond it is left out.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[allow(missing_docs, reason = "the names say it all")]
pub struct Percentiles {
    pub p50_us: Option<f64>,
    pub p90_us: Option<f64>,
    pub p99_us: Option<f64>,
    pub p999_us: Option<f64>,
    pub max_us: Option<f64>,
}

impl Percentiles {
    /// Of the sum of these histograms: pairs of a bound in nanoseconds and a count.
    pub fn of<'a>(histograms: impl Iterator<Item = &'a [(u64, u64)]>) -> Percentiles {
        let sum = merged(histograms);
        let at = |q| quantile_us(&sum, q);
        Percentiles {
            p50_us: at(0.5),
            p90_us: at(0.9),
            p99_us: at(0.99),
            p999_us: at(0.999),
            max_us: sum.keys().next_back().map(|ns| *ns as f64 / 1000.0),
        }
    }
}

/// The sum of histograms: bound in nanoseconds, count.
pub fn merged<'a>(histograms: impl Iterator<Item = &'a [(u64, u64)]>) -> BTreeMap<u64, u64> {
    let mut sum = BTreeMap::new();
    for (bound, count) in histograms.flatten() {
        *sum.entry(*bound).or_insert(0) += count;
    }
    sum
}

/// A quantile if enough requests lie beyond it.
fn quantile_us(sum: &BTreeMap<u64, u64>, q: f64) -> Option<f64> {
    let all: u64 = sum.values().sum();
    quantile(sum, q).filter(|_| carries(all, q))
}

/// A quantile of a sum of histograms in microseconds, however few lie beyond it.
pub(super) fn quantile(sum: &BTreeMap<u64, u64>, q: f64) -> Option<f64> {
    let all: u64 = sum.values().sum();
    let mut left = (all as f64 * q).ceil() as u64;
    let bound = sum.iter().find_map(|(bound, count)| {
        let is_there = left <= *count;
        left = left.saturating_sub(*count);
        is_there.then_some(*bound)
    });
    bound.map(|ns| ns as f64 / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_read_from_the_sum() {
        let quick: &[(u64, u64)] = &[(1_000, 900), (2_000, 85)];
        let slow: &[(u64, u64)] = &[(2_000, 5), (50_000, 10)];
        let sum = Percentiles::of([quick, slow].into_iter());
        assert_eq!((sum.p50_us, sum.p90_us), (Some(1.0), Some(1.0)));
        assert_eq!((sum.p99_us, sum.max_us), (Some(2.0), Some(50.0)));
        // Only one request of a thousand lies beyond it.
        assert_eq!(sum.p999_us, None);
        assert_eq!(Percentiles::of(std::iter::empty()), Percentiles::default());
    }
}
