//! Periodic work, and a clock that stands still while the process is suspended.

use std::time::{Duration, Instant};

/// Work that is due once in every period. If the process was suspended for many periods, it is due
/// once afterwards.
#[derive(Debug)]
pub(super) struct Interval {
    every: Duration,
    last: Instant,
    /// See [`Interval::lived`], as of `last`.
    lived: Duration,
}

impl Interval {
    /// The first time it is due is `every` from now.
    pub(super) fn new(every: Duration, now: Instant) -> Self {
        Self {
            every,
            last: now,
            lived: Duration::ZERO,
        }
    }

    /// Changes the period.
    pub(super) fn set_every(&mut self, every: Duration) {
        self.every = every;
    }

    /// If it is due: how much running time has passed since it was last due. That is one period,
    /// however late it is, since a suspended process does not run.
    pub(super) fn due(&mut self, now: Instant) -> Option<Duration> {
        if self.left(now) > Duration::ZERO {
            return None;
        }
        self.lived = self.lived(now);
        self.last = now;
        Some(self.every)
    }

    /// How long this process has run since the interval began. Between two calls of
    /// [`Interval::due`] at most one period is added, so that a suspension hardly counts.
    pub(super) fn lived(&self, now: Instant) -> Duration {
        let since = now.saturating_duration_since(self.last);
        self.lived + since.min(self.every)
    }

    /// How long until it is due; zero if it is.
    pub(super) fn left(&self, now: Instant) -> Duration {
        (self.last + self.every).saturating_duration_since(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn work_is_due_once_in_a_period() {
        let start = Instant::now();
        let mut interval = Interval::new(SECOND, start);
        assert_eq!(interval.due(start), None);
        assert_eq!(interval.left(start + SECOND / 4), SECOND * 3 / 4);
        assert_eq!(interval.due(start + SECOND), Some(SECOND));
        assert_eq!(interval.due(start + SECOND), None);
    }

    #[test]
    fn an_hour_of_suspension_is_one_period() {
        let start = Instant::now();
        let mut interval = Interval::new(SECOND, start);
        let morning = start + 3600 * SECOND;
        assert_eq!(interval.due(morning), Some(SECOND));
        assert_eq!(interval.due(morning), None);
        assert_eq!(interval.left(morning), SECOND);
    }

    #[test]
    fn the_clock_stands_still_during_a_suspension() {
        let start = Instant::now();
        let mut interval = Interval::new(SECOND, start);
        assert_eq!(interval.lived(start + SECOND / 4), SECOND / 4);
        let morning = start + 3600 * SECOND;
        assert_eq!(interval.lived(morning), SECOND);
        interval.due(morning);
        assert_eq!(interval.lived(morning), SECOND);
        interval.set_every(SECOND * 2);
        assert_eq!(interval.lived(morning + SECOND), SECOND * 2);
    }
}
