//! Wilcoxon's signed-rank statistic for paired differences: estimate, interval and p-values.
//!
//! F. Wilcoxon, "Individual comparisons by ranking methods", 1945; J. L. Hodges, E. L. Lehmann,
//! "Estimates of location based on rank tests", 1963. The statistic W⁺ equals the number of Walsh
//! averages (dᵢ + dⱼ)/2, i ≤ j, above the hypothesised centre, so one sorted list of these averages
//! gives all three.

use std::f64::consts::SQRT_2;

use super::Spread;

/// Up to so many differences the distribution is exact; beyond it, the normal one is as good.
const EXACT_MAX: usize = 100;

/// The distribution of W⁺ where the differences are symmetric about the hypothesised centre.
#[derive(Debug, Clone)]
pub(super) struct Distribution {
    /// How many differences there are.
    n: usize,
    /// At index w: the chance that W⁺ ≥ w.
    upper_tail: Vec<f64>,
}

impl Distribution {
    pub(super) fn of(n: usize) -> Distribution {
        let largest = n * (n + 1) / 2;
        let upper_tail = if n <= EXACT_MAX {
            exact_tail(n, largest)
        } else {
            (0..=largest).map(|w| normal_tail(n, w)).collect()
        };
        Distribution { n, upper_tail }
    }

    fn at_least(&self, w: usize) -> f64 {
        self.upper_tail.get(w).copied().unwrap_or(0.0)
    }

    /// How many averages to leave out at each end for an interval that misses the centre with a
    /// chance of at most `level`; none where no interval is wide enough.
    fn trimmed(&self, level: f64) -> Option<usize> {
        // By symmetry P(W⁺ ≤ c) = P(W⁺ ≥ largest − c).
        let largest = self.upper_tail.len() - 1;
        let holds = |c: &usize| self.at_least(largest - c) <= level / 2.0;
        (0..=largest / 2).take_while(holds).last()
    }
}

/// Each rank belongs to a positive difference with chance ½, whatever the other ranks do.
fn exact_tail(n: usize, largest: usize) -> Vec<f64> {
    let mut chance = vec![0.0; largest + 1];
    chance[0] = 1.0;
    for rank in 1..=n {
        for w in (0..=largest).rev() {
            let with_rank = if w >= rank { chance[w - rank] } else { 0.0 };
            chance[w] = f64::midpoint(chance[w], with_rank);
        }
    }
    for w in (0..largest).rev() {
        chance[w] += chance[w + 1];
    }
    chance
}

fn normal_tail(n: usize, w: usize) -> f64 {
    let n = n as f64;
    let mean = n * (n + 1.0) / 4.0;
    let deviation = (n * (n + 1.0) * (2.0 * n + 1.0) / 24.0).sqrt();
    let z = (w as f64 - 0.5 - mean) / deviation;
    libm::erfc(z / SQRT_2) / 2.0
}

/// The paired differences of two contenders.
#[derive(Debug, Clone)]
pub(super) struct SignedRank<'a> {
    distribution: &'a Distribution,
    /// Sorted.
    walsh_averages: Vec<f64>,
}

impl<'a> SignedRank<'a> {
    /// `distribution` is that of as many differences as there are.
    pub(super) fn of(differences: &[f64], distribution: &'a Distribution) -> SignedRank<'a> {
        debug_assert_eq!(differences.len(), distribution.n);
        let mut walsh_averages = Vec::with_capacity(distribution.upper_tail.len());
        for (index, a) in differences.iter().enumerate() {
            let others = differences[index..].iter();
            walsh_averages.extend(others.map(|b| f64::midpoint(*a, *b)));
        }
        walsh_averages.sort_unstable_by(f64::total_cmp);
        SignedRank {
            distribution,
            walsh_averages,
        }
    }

    /// The Hodges-Lehmann estimate of the centre: the median of the Walsh averages.
    pub(super) fn estimate(&self) -> Option<f64> {
        Some(Spread::of(self.walsh_averages.iter().copied())?.median)
    }

    /// The interval that misses the centre with a chance of at most `level`; none where there are
    /// too few differences for any.
    pub(super) fn interval(&self, level: f64) -> Option<(f64, f64)> {
        let trimmed = self.distribution.trimmed(level)?;
        let low = self.walsh_averages.get(trimmed)?;
        let high = self.walsh_averages.iter().nth_back(trimmed)?;
        Some((*low, *high))
    }

    /// The chance of differences like these or higher ones if their centre were `centre` at most.
    ///
    /// Averages that equal it count against the difference, so ties never make a claim.
    pub(super) fn p_above(&self, centre: f64) -> f64 {
        let below = self.walsh_averages.partition_point(|it| *it <= centre);
        self.distribution
            .at_least(self.walsh_averages.len() - below)
    }

    /// The chance of differences like these or lower ones if their centre were `centre` at least.
    pub(super) fn p_below(&self, centre: f64) -> f64 {
        let below = self.walsh_averages.partition_point(|it| *it < centre);
        self.distribution.at_least(below)
    }

    /// The chance of differences so far beyond ±`margin`, in either direction, if the centre were
    /// within.
    pub(super) fn p_beyond(&self, margin: f64) -> f64 {
        let one_sided = self.p_above(margin).min(self.p_below(-margin));
        (2.0 * one_sided).min(1.0)
    }

    /// The chance of differences so well within ±`margin` if the centre were outside.
    pub(super) fn p_within(&self, margin: f64) -> f64 {
        self.p_above(-margin).max(self.p_below(margin))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_distribution_is_that_of_the_tables() {
        // Of 2⁵ sign patterns one gives 15, one 14, one 13, two 12.
        let five = Distribution::of(5);
        for (w, patterns) in [(15, 1.0), (14, 2.0), (13, 3.0), (12, 5.0), (0, 32.0)] {
            assert!((five.at_least(w) * 32.0 - patterns).abs() < 1e-12, "{w}");
        }
        // Wilcoxon's table: with 10 pairs, 8 or less is significant at 5 % (two-sided), 9 is not.
        let ten = Distribution::of(10);
        assert!(ten.at_least(55 - 8) <= 0.025 && ten.at_least(55 - 9) > 0.025);
    }

    #[test]
    fn the_normal_distribution_continues_the_exact_one() {
        let exact = exact_tail(EXACT_MAX, EXACT_MAX * (EXACT_MAX + 1) / 2);
        for w in [2525, 3000, 3300, 3600] {
            assert!((exact[w] - normal_tail(EXACT_MAX, w)).abs() < 5e-4, "{w}");
        }
    }

    #[test]
    fn five_differences_never_reach_five_per_cent() {
        let five = Distribution::of(5);
        let all_up = SignedRank::of(&[0.5, 0.6, 0.7, 0.8, 0.9], &five);
        assert_eq!(all_up.interval(0.05), None);
        assert!((all_up.p_beyond(0.0) - 0.0625).abs() < 1e-12);
        let six = Distribution::of(6);
        let all_up = SignedRank::of(&[0.5, 0.6, 0.7, 0.8, 0.9, 1.0], &six);
        assert_eq!(all_up.interval(0.05), Some((0.5, 1.0)));
    }

    #[test]
    fn equal_figures_are_no_evidence() {
        let eight = Distribution::of(8);
        let equal = SignedRank::of(&[0.0; 8], &eight);
        assert_eq!(equal.p_beyond(0.0), 1.0);
        assert!(equal.p_within(0.02) < 0.01);
        assert_eq!(equal.estimate(), Some(0.0));
    }

    proptest! {
        /// An interval is the set of the centres that its test does not refuse.
        #[test]
        fn interval_and_p_value_agree(
            differences in proptest::collection::vec(-1.0..1.0f64, 6..30), centre in -1.0..1.0f64,
        ) {
            let distribution = Distribution::of(differences.len());
            let rank = SignedRank::of(&differences, &distribution);
            let (low, high) = rank.interval(0.05).unwrap();
            let p = 2.0 * rank.p_above(centre).min(rank.p_below(centre));
            prop_assert_eq!((low..=high).contains(&centre), p > 0.05);
            let estimate = rank.estimate().unwrap();
            prop_assert!(low <= estimate && estimate <= high);
        }
    }
}
