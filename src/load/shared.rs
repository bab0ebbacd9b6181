//! What the threads of a run share: the requests that are left, and whether the server still
//! answers.

use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use super::{Amount, Failure, Plan};

/// Shared by all threads of a run. Times are in ns from its start; 0 means never.
pub(super) struct Shared {
    /// Measured requests that may still begin in a closed loop.
    left: AtomicU64,
    last_answer: AtomicU64,
    last_failure: AtomicU64,
    last_refused: AtomicU64,
    /// Measured requests that are over, and those of them that failed.
    ended: AtomicU64,
    failed: AtomicU64,
    /// Why the run ends before its time, decided by the thread that saw it first.
    early_end: OnceLock<EarlyEnd>,
}

/// Why a run ended before its time without being told to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EarlyEnd {
    /// Requests failed, and none was answered any more.
    ServerGone,
    /// More requests failed than [`Plan::errors_max`] allows.
    TooManyErrors,
}

/// How long without an answer means that the server has gone.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    refused_ns: u64,
    failing_ns: u64,
}

impl Patience {
    pub(super) fn new(plan: &Plan) -> Self {
        Self {
            refused_ns: plan.gone_after.as_nanos() as u64,
            failing_ns: plan.gone_after.max(plan.timeout).as_nanos() as u64,
        }
    }
}

impl Shared {
    pub(super) fn new(plan: &Plan) -> Self {
        let left = match plan.amount {
            Amount::Requests(requests) => requests,
            Amount::Duration(_) => u64::MAX,
        };
        Self {
            left: AtomicU64::new(left),
            last_answer: AtomicU64::new(0),
            last_failure: AtomicU64::new(0),
            last_refused: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            early_end: OnceLock::new(),
        }
    }

    /// Whether a closed loop may begin another measured request; counts it if so. The last
    /// requests thus go to the thread that can send them first.
    pub(super) fn take(&self) -> bool {
        let less_one = |left| match left {
            0 => None,
            u64::MAX => Some(u64::MAX),
            left => Some(left - 1),
        };
        // With a time limit alone there is nothing to count, and no cache line to fight for.
        self.left.load(Relaxed) == u64::MAX
            || self.left.fetch_update(Relaxed, Relaxed, less_one).is_ok()
    }

    /// Whether a closed loop has begun all its requests.
    pub(super) fn is_used_up(&self) -> bool {
        self.left.load(Relaxed) == 0
    }

    /// An answer came, of whatever status.
    pub(super) fn answered(&self, now: u64) {
        self.last_answer.fetch_max(now, Relaxed);
    }

    /// A request failed without a whole answer.
    pub(super) fn failed(&self, failure: Failure, now: u64) {
        self.last_failure.fetch_max(now, Relaxed);
        if failure == Failure::Refused {
            self.last_refused.fetch_max(now, Relaxed);
        }
    }

    /// Adds to the measured requests that are over.
    pub(super) fn count(&self, ended: u64, failed: u64) {
        self.ended.fetch_add(ended, Relaxed);
        self.failed.fetch_add(failed, Relaxed);
    }

    /// When the last answer came, if failures followed it that show that the server has gone: a
    /// refused connection, or nothing but failures for longer than any answer may take.
    pub(super) fn gone_since(&self, now: u64, patience: Patience) -> Option<u64> {
        let last_answer = self.last_answer.load(Relaxed);
        let is_refusing = self.last_refused.load(Relaxed) > last_answer;
        let is_failing = self.last_failure.load(Relaxed) > last_answer
            && now - last_answer.min(now) >= patience.failing_ns;
        (is_refusing || is_failing).then_some(last_answer)
    }

    /// Whether the run should end, and why. The first reason that any thread finds stays.
    pub(super) fn early_end(
        &self,
        now: u64,
        patience: Patience,
        errors_max: Option<f64>,
    ) -> Option<EarlyEnd> {
        let gone = self.gone_since(now, patience);
        let failed = self.failed.load(Relaxed) as f64;
        let ended = self.ended.load(Relaxed);
        if gone.is_some_and(|since| now - since.min(now) >= patience.refused_ns) {
            let _ = self.early_end.set(EarlyEnd::ServerGone);
        } else if ended >= Plan::ERRORS_JUDGED_FROM
            && errors_max.is_some_and(|max| failed > max * ended as f64)
        {
            let _ = self.early_end.set(EarlyEnd::TooManyErrors);
        }
        self.early_end.get().copied()
    }

    /// Ends all threads, since no connection can be made at all.
    pub(super) fn give_up(&self) {
        let _ = self.early_end.set(EarlyEnd::ServerGone);
    }

    pub(super) fn has_answered(&self) -> bool {
        self.last_answer.load(Relaxed) > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn shared(amount: Amount) -> (Shared, Patience) {
        let plan = Plan {
            amount,
            ..Plan::new("http://127.0.0.1:1/".parse().unwrap())
        };
        (Shared::new(&plan), Patience::new(&plan))
    }

    #[test]
    fn requests_are_handed_out_once() {
        let (shared, _) = shared(Amount::Requests(3));
        let taken = (0..5).filter(|_| shared.take()).count();
        assert_eq!((taken, shared.is_used_up()), (3, true));
    }

    #[test]
    fn a_server_is_gone_when_it_refuses_for_a_second() {
        let (shared, patience) = shared(Amount::Requests(3));
        shared.answered(500 * MS);
        shared.failed(Failure::ClosedEarly, 600 * MS);
        assert_eq!(shared.gone_since(700 * MS, patience), None);
        shared.failed(Failure::Refused, 610 * MS);
        assert_eq!(shared.gone_since(700 * MS, patience), Some(500 * MS));
        assert_eq!(shared.early_end(1499 * MS, patience, None), None);
        let gone = Some(EarlyEnd::ServerGone);
        assert_eq!(shared.early_end(1500 * MS, patience, None), gone);
        // The reason stays, so that all threads end for the same one.
        shared.answered(1501 * MS);
        assert_eq!(shared.early_end(1501 * MS, patience, None), gone);
    }

    #[test]
    fn a_server_that_is_back_in_time_has_not_gone() {
        let (shared, patience) = shared(Amount::Requests(3));
        shared.answered(500 * MS);
        shared.failed(Failure::Refused, 600 * MS);
        shared.answered(1400 * MS);
        assert_eq!(shared.early_end(9000 * MS, patience, None), None);
    }

    #[test]
    fn other_failures_take_the_timeout_to_mean_it() {
        let (shared, patience) = shared(Amount::Requests(3));
        shared.answered(500 * MS);
        shared.failed(Failure::Timeout, 600 * MS);
        assert_eq!(shared.early_end(10_499 * MS, patience, None), None);
        assert!(shared.early_end(10_500 * MS, patience, None).is_some());
    }

    #[test]
    fn errors_are_judged_when_there_are_enough() {
        let (shared, patience) = shared(Amount::Requests(3));
        shared.count(99, 99);
        assert_eq!(shared.early_end(1, patience, Some(0.01)), None);
        shared.count(9901, 1);
        assert_eq!(shared.early_end(1, patience, Some(0.01)), None);
        shared.count(1, 1);
        let too_many = Some(EarlyEnd::TooManyErrors);
        assert_eq!(shared.early_end(1, patience, Some(0.01)), too_many);
    }
}
