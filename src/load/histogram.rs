//! The histograms of a run. All have the same bounds, so that they can be added exactly.

use hdrhistogram::Histogram;

use super::Plan;

/// 1 ns to the longest timeout, to three digits. Fixed, so that recording never allocates.
pub(super) fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, Plan::TIMEOUT_MAX.as_nanos() as u64, 3)
        .expect("the bounds are in order and 3 digits are allowed")
}

/// Adds one histogram of a run to another.
pub(super) fn add(sum: &mut Histogram<u64>, part: &Histogram<u64>) {
    sum.add(part)
        .expect("all histograms of a run have the same bounds");
}

/// The values that a histogram holds, each with its count.
pub(super) fn values(histogram: &Histogram<u64>) -> Vec<(u64, u64)> {
    let recorded = histogram.iter_recorded();
    recorded
        .map(|step| (step.value_iterated_to(), step.count_at_value()))
        .collect()
}
