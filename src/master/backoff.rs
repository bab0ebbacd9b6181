//! How long to wait before the next try, when tries keep failing.

use std::time::{Duration, Instant};

/// The first pause that is one; each further failure doubles it.
const FIRST: Duration = Duration::from_millis(100);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(5);
/// Whoever fails again so soon after a pause has failed in a row.
const IN_A_ROW: Duration = Duration::from_secs(2);

/// Pauses that grow with each failure in a row.
///
/// What fails during a pause is the same failure: a pool whose workers are all killed at once has
/// failed once and not once for each.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    /// Failures in a row that call for no pause.
    forgiven: u32,
    /// Failures in a row so far.
    failures: u32,
    /// When the last pause ends.
    until: Option<Instant>,
}

impl Backoff {
    /// One that overlooks the first `forgiven` failures in a row.
    pub(super) fn forgiving(forgiven: u32) -> Self {
        Self {
            forgiven,
            ..Self::default()
        }
    }

    /// Another failure: how long to wait from now on.
    pub(super) fn failed(&mut self, now: Instant) -> Duration {
        match self.until {
            Some(until) if now < until => return until - now,
            Some(until) if now - until <= IN_A_ROW => {}
            _ => self.failures = 0,
        }
        self.failures = self.failures.saturating_add(1);
        let pause = match self.failures.saturating_sub(self.forgiven) {
            0 => Duration::ZERO,
            nth => (FIRST * 2u32.saturating_pow(nth.min(16) - 1)).min(LONGEST),
        };
        self.until = Some(now + pause);
        pause
    }

    /// It worked: the next failure is a first one again.
    pub(super) fn succeeded(&mut self) {
        self.failures = 0;
        self.until = None;
    }

    /// Failures in a row.
    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    /// How much of a pause is left.
    pub(super) fn left(&self, now: Instant) -> Duration {
        self.until
            .map_or(Duration::ZERO, |until| until.saturating_duration_since(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What each failure costs that comes `gap` after the pause of the one before.
    fn pauses(mut backoff: Backoff, gap: Duration) -> Vec<u128> {
        let mut now = Instant::now();
        let mut pauses = Vec::new();
        for _ in 0..8 {
            let pause = backoff.failed(now);
            pauses.push(pause.as_millis());
            now += pause + gap;
        }
        pauses
    }

    #[test]
    fn pauses_double_up_to_the_longest() {
        let soon = Duration::from_millis(10);
        let strict = pauses(Backoff::default(), soon);
        assert_eq!(strict, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
        let mild = pauses(Backoff::forgiving(1), soon);
        assert_eq!(mild, [0, 100, 200, 400, 800, 1600, 3200, 5000]);
    }

    #[test]
    fn failures_far_apart_are_not_in_a_row() {
        let late = IN_A_ROW + Duration::from_millis(1);
        assert_eq!(pauses(Backoff::default(), late), [100; 8]);
        assert_eq!(pauses(Backoff::forgiving(1), late), [0; 8]);
    }

    #[test]
    fn many_at_once_are_one_failure() {
        let mut backoff = Backoff::default();
        let now = Instant::now();
        for _ in 0..50 {
            assert_eq!(backoff.failed(now), FIRST);
        }
        assert_eq!(backoff.failures(), 1);
        let later = now + FIRST;
        assert_eq!(backoff.left(later), Duration::ZERO);
        assert_eq!(backoff.failed(later), FIRST * 2);
    }

    #[test]
    fn success_starts_over() {
        let mut backoff = Backoff::default();
        let now = Instant::now();
        backoff.failed(now);
        backoff.failed(now + FIRST);
        backoff.succeeded();
        assert_eq!(backoff.left(now), Duration::ZERO);
        assert_eq!(backoff.failed(now + FIRST * 2), FIRST);
    }
}
