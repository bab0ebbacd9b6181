//! How many blocks it takes, before and during a bench.

use super::FALSE_ALARMS_MAX;
use super::signed_rank::{Distribution, SignedRank};
use super::table::Column;

/// How many pairs so many contenders make.
pub fn pairs(contenders: usize) -> usize {
    contenders * contenders.saturating_sub(1) / 2
}

/// Below this number of blocks a table of so many contenders can claim nothing: even the clearest
/// case, one contender higher in every block, comes about by chance once in 2ⁿ⁻¹ tables.
pub fn blocks_min(contenders: usize) -> usize {
    let level = FALSE_ALARMS_MAX / pairs(contenders).max(1) as f64;
    (1..).find(|&n| 2.0 * 0.5f64.powi(n) <= level).unwrap_or(1) as usize
}

/// Whether the interval of every contender against the first is within ±`half_width` (0.05 for 5 %)
/// of its estimate.
///
/// A bench may look at this after each block and stop. The width says nothing of the sign, so
/// looking again and again does not make false alarms more frequent, as looking for significance
/// would. The level is that of the largest family, whatever has been found so far.
pub fn is_narrow(columns: &[Column], half_width: f64) -> bool {
    let Some((reference, others)) = columns.split_first() else {
        return true;
    };
    let level = FALSE_ALARMS_MAX / pairs(columns.len()).max(1) as f64;
    others.iter().all(|column| {
        let differences = super::table::log_ratios(column, reference);
        let distribution = Distribution::of(differences.len());
        let rank = SignedRank::of(&differences, &distribution);
        let interval = rank.interval(level);
        interval.is_some_and(|(low, high)| (high - low) / 2.0 <= libm::log1p(half_width))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_contenders_need_more_blocks() {
        assert_eq!([2, 3, 4, 11].map(blocks_min), [6, 7, 8, 12]);
        assert_eq!(pairs(11), 55);
    }

    #[test]
    fn steady_figures_are_narrow_soon_and_noisy_ones_later() {
        let column = |noise: f64, n: usize| -> Column {
            (0..n)
                .map(|block| Some(10.0 * (noise * (block % 5) as f64).exp()))
                .collect()
        };
        let flat = |n: usize| vec![Some(10.0); n];
        assert!(!is_narrow(&[flat(5), column(0.001, 5)], 0.05));
        assert!(is_narrow(&[flat(6), column(0.001, 6)], 0.05));
        assert!(!is_narrow(&[flat(6), column(0.1, 6)], 0.05));
        assert!(is_narrow(&[flat(100), column(0.1, 100)], 0.06));
        assert!(is_narrow(&[flat(2)], 0.05) && is_narrow(&[], 0.05));
    }
}
