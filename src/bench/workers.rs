//! How a server's workers shared the load, by its own scoreboard. Pure, but for the reading.

use serde::{Deserialize, Serialize};

use crate::scoreboard::View;

/// Requests that each worker answered within a window, slot by slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workers {
    /// One count for each slot, in the order of the slots.
    pub requests: Vec<u64>,
}

impl Workers {
    /// The requests of the worker that answered fewest.
    pub fn least(&self) -> u64 {
        self.requests.iter().copied().min().unwrap_or(0)
    }

    /// The requests of the worker that answered most.
    pub fn most(&self) -> u64 {
        self.requests.iter().copied().max().unwrap_or(0)
    }

    /// All requests together.
    pub fn sum(&self) -> u64 {
        self.requests.iter().sum()
    }

    /// Jain's fairness index, (Σx)² / (n · Σx²): 1 where all answered alike, 1/n where one of n
    /// answered everything; k of n equally busy ones give k/n. None where nothing was answered.
    ///
    /// R. Jain, D. Chiu, W. Hawe, "A quantitative measure of fairness", DEC-TR-301, 1984.
    pub fn fairness(&self) -> Option<f64> {
        let squares: f64 = self.requests.iter().map(|&x| (x as f64).powi(2)).sum();
        let sum = self.sum() as f64;
        (squares > 0.0).then(|| sum * sum / (self.requests.len() as f64 * squares))
    }
}

/// What server and client have counted since the server's start, warm-up included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestCounts {
    /// Requests that all workers together have answered.
    pub by_workers: u64,
    /// Requests of which the client has the whole, verified answer.
    pub answered: u64,
    /// Requests that the client has begun.
    pub attempted: u64,
}

impl RequestCounts {
    /// Whether both counts can be true. A worker counts a request before it sends the answer, so
    /// every answer that the client has is counted; and no worker can answer more requests than the
    /// client has begun. The requests in between failed, or were in flight when the client stopped.
    pub fn balances(&self) -> bool {
        (self.answered..=self.attempted).contains(&self.by_workers)
    }
}

/// The requests of every slot so far.
pub(super) fn read(view: &View) -> Vec<u64> {
    let counts = view.counts();
    counts.iter().map(|counts| counts.requests).collect()
}

/// What has been added since `before`. A slot that is new since then had nothing.
pub(super) fn since(before: &[u64], now: &[u64]) -> Workers {
    let earlier = before.iter().copied().chain(std::iter::repeat(0));
    let requests = now.iter().zip(earlier);
    Workers {
        requests: requests
            .map(|(now, then)| now.saturating_sub(then))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn workers(requests: &[u64]) -> Workers {
        let requests = requests.to_vec();
        Workers { requests }
    }

    #[test]
    fn fairness_tells_how_many_were_really_busy() {
        assert_eq!(workers(&[7, 7, 7, 7]).fairness(), Some(1.0));
        assert_eq!(workers(&[9, 0, 0, 0]).fairness(), Some(0.25));
        assert_eq!(workers(&[5, 5, 0, 0]).fairness(), Some(0.5));
        assert_eq!(workers(&[0, 0]).fairness(), None);
        assert_eq!(workers(&[]).fairness(), None);
    }

    #[test]
    fn a_slot_that_is_new_had_nothing_before() {
        let since = since(&[10, 20], &[15, 20, 3]);
        assert_eq!(since, workers(&[5, 0, 3]));
        assert_eq!((since.least(), since.most(), since.sum()), (0, 5, 8));
    }

    #[test]
    fn accounts_differ_at_most_by_what_failed_or_was_in_flight() {
        let counts = |by_workers| RequestCounts {
            by_workers,
            answered: 100,
            attempted: 116,
        };
        assert!(!counts(99).balances());
        assert!(counts(100).balances() && counts(116).balances());
        assert!(!counts(117).balances());
    }

    proptest! {
        #[test]
        fn fairness_lies_between_one_nth_and_one(
            requests in proptest::collection::vec(0..1_000_000u64, 1..40),
        ) {
            let n = requests.len() as f64;
            if let Some(fairness) = workers(&requests).fairness() {
                prop_assert!(fairness >= 1.0 / n - 1e-9 && fairness <= 1.0 + 1e-9);
            }
        }
    }
}
