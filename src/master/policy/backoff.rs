//! Back-off: how long to wait before the next attempt when attempts fail.

use std::time::{Duration, Instant};

/// The first pause that is not zero; each further failure doubles it.
const PAUSE_MIN: Duration = Duration::from_millis(100);
/// No pause is longer.
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// An attempt that begins so soon after a pause and fails continues the row, however late it fails.
const IN_A_ROW: Duration = Duration::from_secs(2);

/// Pauses that grow with each failure in a row.
///
/// If an attempt had begun before the last counted failure, the two count as one: when all workers
/// of a pool are killed at once, that is one failure.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    /// The first so many in a row call for no pause.
    forgiven: u32,
    failures: u32,
    /// The last failure that was counted, and when the pause behind it ends.
    last: Option<(Instant, Instant)>,
}

impl Backoff {
    /// The first `forgiven` failures in a row have no pause.
    pub(crate) fn forgiving(forgiven: u32) -> Self {
        Self {
            forgiven,
            ..Self::default()
        }
    }

    /// Counts the failure of an attempt that began at `born`. Returns how long to wait from now on.
    pub(crate) fn failed(&mut self, born: Instant, now: Instant) -> Duration {
        match self.last {
            Some((counted, _)) if born <= counted => return self.left(now),
            Some((_, until)) if born <= until + IN_A_ROW => {}
            _ => self.failures = 0,
        }
        self.failures = self.failures.saturating_add(1);
        let pause = match self.failures.saturating_sub(self.forgiven) {
            0 => Duration::ZERO,
            nth => (PAUSE_MIN * 2u32.saturating_pow(nth.min(16) - 1)).min(PAUSE_MAX),
        };
        self.last = Some((now, now + pause));
        pause
    }

    /// An attempt has succeeded: the row of failures ends.
    pub(crate) fn succeeded(&mut self) {
        self.failures = 0;
        self.last = None;
    }

    /// Failures in a row so far.
    pub(crate) fn failures(&self) -> u32 {
        self.failures
    }

    /// How much of the pause is left.
    pub(crate) fn left(&self, now: Instant) -> Duration {
        self.last.map_or(Duration::ZERO, |(_, until)| {
            until.saturating_duration_since(now)
        })
    }
}

/// So many workers that crash are replaced at once in a second: as many as a pool may grow in one.
const RESPAWNS_PER_SECOND: u32 = 32;

/// Bounds how many workers are forked for those that requests have killed. They are replaced at
/// once, so that the pool goes on serving, but a crash at each request must not become a fork bomb.
#[derive(Debug, Default)]
pub(crate) struct RespawnRate {
    second: Option<Instant>,
    count: u32,
}

impl RespawnRate {
    /// A worker has crashed that had served.
    pub(crate) fn count(&mut self, now: Instant) {
        let since = |second| now.saturating_duration_since(second);
        if self.second.is_none_or(|it| since(it) >= SECOND) {
            (self.second, self.count) = (Some(now), 0);
        }
        self.count = self.count.saturating_add(1);
    }

    /// How long the next replacement has to wait.
    pub(crate) fn left(&self, now: Instant) -> Duration {
        match self.second {
            Some(second) if self.count > RESPAWNS_PER_SECOND => {
                (second + SECOND).saturating_duration_since(now)
            }
            _ => Duration::ZERO,
        }
    }
}

const SECOND: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    /// The pauses, in ms, after attempts that begin `rest` after the pause before and fail `life`
    /// later.
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

    /// Workers that hang on their way up are killed after `--worker-timeout`, 30 s each.
    #[test]
    fn slow_failures_are_in_a_row_if_each_begins_right_after_the_pause() {
        let (at_once, slow) = (Duration::ZERO, Duration::from_secs(30));
        let pauses = pauses(Backoff::forgiving(1), at_once, slow);
        assert_eq!(pauses, [0, 100, 200, 400, 800, 1600, 3200, 5000]);
    }

    /// Fifty workers, killed one right after the other.
    #[test]
    fn many_at_once_are_one_failure() {
        for mut backoff in [Backoff::default(), Backoff::forgiving(1)] {
            let (born, first) = (Instant::now(), Instant::now() + PAUSE_MIN);
            for nth in 0..50 {
                backoff.failed(born, first + Duration::from_millis(nth));
            }
            assert_eq!(backoff.failures(), 1);
            let after = first + PAUSE_MIN;
            assert_eq!(backoff.left(after), Duration::ZERO);
            backoff.failed(after, after + PAUSE_MIN);
            assert_eq!(backoff.failures(), 2);
        }
    }

    #[test]
    fn success_starts_over() {
        let mut backoff = Backoff::default();
        let now = Instant::now();
        backoff.failed(now, now);
        backoff.failed(now + PAUSE_MIN, now + PAUSE_MIN);
        backoff.succeeded();
        assert_eq!(backoff.left(now), Duration::ZERO);
        assert_eq!(backoff.failed(now, now + PAUSE_MIN * 2), PAUSE_MIN);
    }

    #[test]
    fn so_many_crashes_a_second_are_replaced_at_once() {
        let (mut rate, start) = (RespawnRate::default(), Instant::now());
        for _ in 0..RESPAWNS_PER_SECOND {
            rate.count(start);
            assert_eq!(rate.left(start), Duration::ZERO);
        }
        rate.count(start + SECOND / 4);
        assert_eq!(rate.left(start + SECOND / 4), SECOND * 3 / 4);
        assert_eq!(rate.left(start + SECOND), Duration::ZERO);
        rate.count(start + SECOND);
        assert_eq!(rate.left(start + SECOND), Duration::ZERO);
    }
}
