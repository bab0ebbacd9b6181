//! Holm's procedure: many tests, and one bound on the chance that any of their alarms is false.
//!
//! S. Holm, "A simple sequentially rejective multiple test procedure", 1979. The smallest p-value
//! is compared with α/N, the next with α/(N − 1), and so on until one does not pass.

/// What each of the tests is compared with, in the order of `p_values`: it is significant if its
/// p-value is at most that. From the first test that fails on, all share the level at which it
/// failed.
pub(super) fn levels(p_values: &[f64], alpha: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
    let mut levels = vec![0.0; p_values.len()];
    let mut failed_at = None;
    for (rank, &index) in order.iter().enumerate() {
        let level = failed_at.unwrap_or(alpha / (p_values.len() - rank) as f64);
        levels[index] = level;
        if p_values[index] > level {
            failed_at = Some(level);
        }
    }
    levels
}

#[cfg(test)]
mod tests {
    use super::*;

    fn significant(p_values: &[f64]) -> Vec<bool> {
        let levels = levels(p_values, 0.05);
        let pairs = p_values.iter().zip(levels);
        pairs.map(|(p, level)| *p <= level).collect()
    }

    #[test]
    fn the_smallest_has_to_pass_for_all() {
        assert_eq!(significant(&[0.04]), [true]);
        assert_eq!(significant(&[0.04, 0.2]), [false, false]);
        assert_eq!(significant(&[0.04, 0.01]), [true, true]);
        // 0.024 would pass at 0.05/2, but 0.017 has failed at 0.05/3 before.
        assert_eq!(significant(&[0.024, 0.017, 0.5]), [false, false, false]);
        assert_eq!(significant(&[0.024, 0.016, 0.5]), [true, true, false]);
        assert_eq!(significant(&[]), [false; 0]);
    }

    #[test]
    fn a_test_after_a_failure_has_the_failed_level() {
        assert_eq!(levels(&[0.9, 0.031, 0.001], 0.06), [0.03, 0.03, 0.02]);
    }
}
