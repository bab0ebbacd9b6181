//! How long to wait before the next try, when tries keep failing.

use std::time::{Duration, Instant};

/// The first pause that is one; each further failure doubles it.
const FIRST: Duration = Duration::from_millis(100);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(5);
/// Whoever begins so soon after a pause and fails again has failed in a row, however long it took.
const IN_A_ROW: Duration = Duration::from_secs(2);

/// Pauses that grow with each failure in a row.
///
/// Whoever was there already when another failed has failed with it: a pool whose workers are all
/// killed at once has failed once, and not once for each.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    /// Failures in a row that call for no pause.
    forgiven: u32,
    /// Failures in a row so far.
    failures: u32,
    /// The last failure that was counted, and when the pause behind it ends.
    last: Option<(Instant, Instant)>,
}

impl Backoff {
    /// One that overlooks the first `forgiven` failures in a row.
    pub(super) fn forgiving(forgiven: u32) -> Self {
        Self {
            forgiven,
            ..Self::default()
        }
    }

    /// What began at `born` has failed: how long to wait from now on.
    pub(super) fn failed(&mut self, born: Instant, now: Instant) -> Duration {
        match self.last {
            Some((counted, _)) if born <= counted => return self.left(now),
            Some((_, until)) if born <= until + IN_A_ROW => {}
            _ => self.failures = 0,
        }
        self.failures = self.failures.saturating_add(1);
        let pause = match self.failures.saturating_sub(self.forgiven) {
            0 => Duration::ZERO,
            nth => (FIRST * 2u32.saturating_pow(nth.min(16) - 1)).min(LONGEST),
        };
        self.last = Some((now, now + pause));
        pause
    }

    /// It worked: the next failure is a first one again.
    pub(super) fn succeeded(&mut self) {
        self.failures = 0;
        self.last = None;
    }

    /// Failures in a row.
    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    /// How much of a pause is left.
    pub(super) fn left(&self, now: Instant) -> Duration {
        self.last.map_or(Duration::ZERO, |(_, until)| {
            until.saturating_duration_since(now)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What each failure costs of what begins `rest` behind the pause of the one before, and fails
    /// `life` later.
    fn pauses(mut backoff: Backoff, rest: Duration, life: Duration) -> Vec<u128> {
        let mut now = Instant::now();
        let mut pauses = Vec::new();
        for _ in 0..8 {
            let born = now + rest + Duration::from_micros(1);
            now = born + life;
            let pause = backoff.failed(born, now);
            pauses.push(pause.as_millis());
            now += pause;
        }
        pauses
    }

    #[test]
    fn pauses_double_up_to_the_longest() {
        let (at_once, soon) = (Duration::ZERO, Duration::from_millis(10));
        let strict = pauses(Backoff::default(), at_once, soon);
        assert_eq!(strict, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
        let mild = pauses(Backoff::forgiving(1), at_once, soon);
        assert_eq!(mild, [0, 100, 200, 400, 800, 1600, 3200, 5000]);
    }

    #[test]
    fn failures_far_apart_are_not_in_a_row() {
        let (late, soon) = (IN_A_ROW, Duration::from_millis(1));
        assert_eq!(pauses(Backoff::default(), late, soon), [100; 8]);
        assert_eq!(pauses(Backoff::forgiving(1), late, soon), [0; 8]);
    }

    /// Each takes half a minute to show that it will not do.
    #[test]
    fn slow_failures_are_in_a_row_if_one_begins_right_behind_the_other() {
        let (at_once, slow) = (Duration::ZERO, Duration::from_secs(30));
        let pauses = pauses(Backoff::forgiving(1), at_once, slow);
        assert_eq!(pauses, [0, 100, 200, 400, 800, 1600, 3200, 5000]);
    }

    /// Fifty that live already, killed one right after the other.
    #[test]
    fn many_at_once_are_one_failure() {
        for mut backoff in [Backoff::default(), Backoff::forgiving(1)] {
            let (born, first) = (Instant::now(), Instant::now() + FIRST);
            for nth in 0..50 {
                backoff.failed(born, first + Duration::from_millis(nth));
            }
            assert_eq!(backoff.failures(), 1);
            let after = first + FIRST;
            assert_eq!(backoff.left(after), Duration::ZERO);
            backoff.failed(after, after + FIRST);
            assert_eq!(backoff.failures(), 2);
        }
    }

    #[test]
    fn success_starts_over() {
        let mut backoff = Backoff::default();
        let now = Instant::now();
        backoff.failed(now, now);
        backoff.failed(now + FIRST, now + FIRST);
        backoff.succeeded();
        assert_eq!(backoff.left(now), Duration::ZERO);
        assert_eq!(backoff.failed(now, now + FIRST * 2), FIRST);
    }
}
