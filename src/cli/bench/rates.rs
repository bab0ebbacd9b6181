//! `--rates` and `--expect`: the open loop at the same rates for all contenders.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Args;
use crate::bench::layout::Layout;
use crate::bench::plan::Plan;
use crate::bench::sweep::Sweep;
use crate::bench::workload::Workload;
use crate::cli::load::{parse_expectation, some_rate};
use crate::load::Expectation;

/// Connections of an open loop at the most: one is opened when a request is due and all others are
/// busy.
pub(super) const CONNECTIONS_MAX: usize = 256;
/// Rates at the most: beyond, a table would be no table.
const RATES_MAX: usize = 40;
/// A window has so many requests at the lowest rate that its p99 is no chance, within these bounds.
const REQUESTS_MIN: f64 = 1000.0;
const WINDOW_MIN: f64 = 1.0;
const WINDOW_MAX: f64 = 4.0;

/// The value of `--rates`.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Rates {
    /// Chosen by what the contenders can do.
    Auto,
    /// In requests per second, rising.
    Given(Vec<f64>),
}

impl Rates {
    /// Those that are known before anything is measured.
    pub(super) fn given(&self) -> Vec<f64> {
        match self {
            Rates::Auto => Vec::new(),
            Rates::Given(rates) => rates.clone(),
        }
    }
}

/// Reads `500,1k,2.5k` or `auto`.
///
/// # Errors
/// What is no rate, there twice, or too much.
pub(super) fn parse(text: &str) -> Result<Rates, String> {
    if text == "auto" {
        return Ok(Rates::Auto);
    }
    let rates: Result<Vec<f64>, String> = text.split(',').map(|it| some_rate(it.trim())).collect();
    let mut rates = rates?;
    rates.sort_by(f64::total_cmp);
    let mut seen = BTreeSet::new();
    if let Some(twice) = rates.iter().find(|rate| !seen.insert(rate.to_bits())) {
        return Err(format!("{twice} is there twice"));
    }
    match rates.len() <= RATES_MAX {
        true => Ok(Rates::Given(rates)),
        false => Err(format!("no more than {RATES_MAX} rates")),
    }
}

/// The window of a bench at these rates.
pub(super) fn window(rates: &[f64]) -> Duration {
    let lowest = rates
        .iter()
        .copied()
        .reduce(f64::min)
        .unwrap_or(f64::INFINITY);
    Duration::from_secs_f64((REQUESTS_MIN / lowest).clamp(WINDOW_MIN, WINDOW_MAX))
}

/// What is expected where nothing else is: answers that wait, compute or are big may take longer.
pub(super) fn expected_default(workloads: &[Workload]) -> Vec<Expectation> {
    let quick = |path: &str| path == "/";
    let is_quick = workloads.iter().all(|it| {
        let second = it.second.as_ref().is_none_or(|it| quick(&it.path));
        quick(&it.path) && second && it.requests.is_empty()
    });
    let text = if is_quick { "p99<20ms" } else { "p99<100ms" };
    parse_expectation(text).into_iter().collect()
}

impl Args {
    /// What answers at a rate have to keep.
    pub(super) fn expectations(&self, plan: &Plan) -> Vec<Expectation> {
        if self.rates.is_none() || !self.expect.is_empty() {
            return self.expect.clone();
        }
        expected_default(&plan.workloads)
    }

    /// Processors of the generator at each value of `--cores`: those that no value gives to the
    /// server, so that the generator is the same at all of them.
    pub(super) fn generator_cores(&self, cores: &Sweep) -> Option<usize> {
        let all = Layout::of_this_machine().ok()?.cpus().len();
        let most = cores.values.iter().copied().max()? as usize;
        if most > all {
            let processors = if all == 1 { "processor" } else { "processors" };
            super::refuse(format!(
                "--cores {most}: there are {all} {processors} here, so {all} at the most"
            ));
        }
        (most < all).then(|| all - most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_and_rise() {
        assert_eq!(parse("2k,500"), Ok(Rates::Given(vec![500.0, 2000.0])));
        assert_eq!(parse("auto"), Ok(Rates::Auto));
        for (wrong, words) in [("", "no rate"), ("0", "more than 0"), ("5,5", "twice")] {
            let why = parse(wrong).unwrap_err();
            assert!(why.contains(words), "{wrong}: {why}");
        }
    }

    #[test]
    fn a_window_holds_enough_requests_within_bounds() {
        let seconds = |rates: &[f64]| window(rates).as_secs_f64();
        assert_eq!(seconds(&[5000.0, 9000.0]), 1.0);
        assert_eq!(seconds(&[500.0, 9000.0]), 2.0);
        assert_eq!(seconds(&[1.0]), 4.0);
        assert_eq!(seconds(&[]), 1.0);
    }
}
