//! The little statistics that an honest table needs. Pure.

use serde::{Deserialize, Serialize};

/// A figure over the blocks: the middle one, and how far the others were away.
///
/// The median, because one block in which the machine was busy with something else must not move
/// the figure; the extremes, because five blocks are too few for anything finer.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// The middle value, or the mean of the two in the middle.
    pub median: f64,
    /// The smallest value.
    pub min: f64,
    /// The largest value.
    pub max: f64,
}

impl Spread {
    /// The spread of `values`; none if there are none.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Spread> {
        let mut sorted: Vec<f64> = values.into_iter().collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let (&min, &max) = (sorted.first()?, sorted.last()?);
        let upper = sorted.len() / 2;
        let lower = (sorted.len() - 1) / 2;
        Some(Spread {
            median: f64::midpoint(sorted[lower], sorted[upper]),
            min,
            max,
        })
    }

    /// The spread of `values`, but only if every block has one: a median over the blocks that
    /// happened to have enough samples would favour those.
    pub fn of_all(values: impl IntoIterator<Item = Option<f64>>) -> Option<Spread> {
        let all: Option<Vec<f64>> = values.into_iter().collect();
        Spread::of(all?)
    }

    /// Whether the ranges share a value; then the order of the medians says nothing.
    pub fn overlaps(&self, other: &Spread) -> bool {
        self.min <= other.max && other.min <= self.max
    }
}

/// A percentile with fewer samples than this beyond it is the luck of a few requests.
pub const SAMPLES_BEYOND_MIN: f64 = 10.0;

/// Whether `count` samples carry the quantile `q` (0.99 for the 99th percentile).
pub fn carries(count: u64, q: f64) -> bool {
    // The small addition keeps 1000 × (1 − 0.99) from being 9.99…
    count as f64 * (1.0 - q) + 1e-6 >= SAMPLES_BEYOND_MIN
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_median_is_the_middle_one() {
        let odd = Spread::of([5.0, 1.0, 3.0]).unwrap();
        assert_eq!((odd.median, odd.min, odd.max), (3.0, 1.0, 5.0));
        assert_eq!(Spread::of([4.0, 1.0, 2.0, 100.0]).unwrap().median, 3.0);
        assert_eq!(Spread::of([7.0]).unwrap().median, 7.0);
        assert_eq!(Spread::of([]), None);
    }

    #[test]
    fn a_figure_that_one_block_lacks_is_no_figure() {
        assert_eq!(Spread::of_all([Some(1.0), None]), None);
        assert!(Spread::of_all([Some(1.0), Some(2.0)]).is_some());
        assert_eq!(Spread::of_all([]), None);
    }

    #[test]
    fn ranges_that_touch_overlap() {
        let spread = |min, max| Spread {
            median: min,
            min,
            max,
        };
        assert!(spread(1.0, 2.0).overlaps(&spread(2.0, 3.0)));
        assert!(spread(1.0, 9.0).overlaps(&spread(2.0, 3.0)));
        assert!(!spread(1.0, 2.0).overlaps(&spread(2.1, 3.0)));
    }

    #[test]
    fn a_percentile_needs_ten_samples_beyond() {
        assert!(carries(1000, 0.99));
        assert!(!carries(999, 0.99));
        assert!(carries(10_000, 0.999));
        assert!(!carries(9_999, 0.999));
        assert!(carries(20, 0.5) && !carries(19, 0.5));
        assert!(!carries(0, 0.5));
    }

    proptest! {
        #[test]
        fn the_median_lies_between_the_extremes(
            values in proptest::collection::vec(-1e9..1e9f64, 1..40),
        ) {
            let spread = Spread::of(values).unwrap();
            prop_assert!(spread.min <= spread.median && spread.median <= spread.max);
        }
    }
}
