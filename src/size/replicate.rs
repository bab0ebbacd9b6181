//! Several independent runs, and an interval for what they show.

use super::service::Service;
use super::simulate::{Station, simulate};

/// Independent runs for each figure.
pub const REPLICATIONS: u64 = 10;
/// Student's t for 95 % and nine degrees of freedom.
const T_95: f64 = 2.262;

/// A figure with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The mean of the runs.
    pub mean: f64,
    /// Half of the interval's width.
    pub half_width: f64,
}

/// What a station will show, by simulation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prediction {
    /// The median of the response times in s.
    pub p50_s: Estimate,
    /// Their 99th percentile in s.
    pub p99_s: Estimate,
}

impl Prediction {
    /// Simulates a station.
    pub fn of(station: Station, service: &Service, rate: f64, requests: usize, seed: u64) -> Self {
        let runs = runs(station, service, rate, requests, seed);
        let at = |q| estimate(runs.iter().map(|times| quantile(times, q)));
        Self {
            p50_s: at(0.5),
            p99_s: at(0.99),
        }
    }
}

/// The 99th percentile in s of one run for each utilisation of a station's workers, 0 to 1; of its
/// cores where no request waits for a worker.
pub fn knee(
    station: Station,
    service: &Service,
    utilisations: &[f64],
    requests: usize,
    seed: u64,
) -> Vec<(f64, f64)> {
    let capacity = station.capacity_per_s(service);
    let at = |u: f64| {
        let times = simulate(station, service, capacity * u, requests, seed);
        (u, quantile(&times, 0.99))
    };
    utilisations.iter().map(|&u| at(u)).collect()
}

/// A figure of several runs that differ in their seeds.
pub fn replicate(
    station: Station,
    service: &Service,
    rate_per_s: f64,
    requests: usize,
    seed: u64,
    figure: impl Fn(&[f64]) -> f64,
) -> Estimate {
    let runs = runs(station, service, rate_per_s, requests, seed);
    estimate(runs.iter().map(|times| figure(times)))
}

fn runs(
    station: Station,
    service: &Service,
    rate: f64,
    requests: usize,
    seed: u64,
) -> Vec<Vec<f64>> {
    let seeds = (0..REPLICATIONS).map(|run| seed.wrapping_mul(1_000_003).wrapping_add(run));
    seeds
        .map(|seed| simulate(station, service, rate, requests, seed))
        .collect()
}

fn estimate(figures: impl Iterator<Item = f64>) -> Estimate {
    let figures: Vec<f64> = figures.collect();
    let count = figures.len() as f64;
    let mean = figures.iter().sum::<f64>() / count;
    let squares: f64 = figures.iter().map(|it| (it - mean).powi(2)).sum();
    let deviation = (squares / (count - 1.0).max(1.0)).sqrt();
    Estimate {
        mean,
        half_width: T_95 * deviation / count.sqrt(),
    }
}

/// A quantile of sorted times: that of the rank rounded up, as the histograms have it.
pub(super) fn quantile(sorted: &[f64], q: f64) -> f64 {
    let rank = (sorted.len() as f64 * q).ceil() as usize;
    let at = rank.clamp(1, sorted.len().max(1)) - 1;
    sorted.get(at).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_that_of_students_t() {
        let figures = (0..10).map(f64::from);
        let seen = estimate(figures);
        assert_eq!(seen.mean, 4.5);
        // The deviation of 0..9 is 3.02765.
        assert!((seen.half_width - 2.262 * 3.02765 / 10f64.sqrt()).abs() < 1e-4);
    }

    #[test]
    fn quantiles_are_those_of_their_rank() {
        let times = [1.0, 2.0, 3.0, 4.0];
        let at = [0.0, 0.5, 0.75, 0.99, 1.0].map(|q| quantile(&times, q));
        assert_eq!(at, [1.0, 2.0, 3.0, 4.0, 4.0]);
        assert_eq!(quantile(&[], 0.5), 0.0);
    }
}
