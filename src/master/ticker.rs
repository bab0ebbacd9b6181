//! What is due every so often.

use std::time::{Duration, Instant};

/// A tick that comes at most every so often, and once only if it is late.
#[derive(Debug)]
pub(super) struct Ticker {
    every: Duration,
    last: Instant,
    /// What had been lived through at the last one; see [`Ticker::lived`].
    lived: Duration,
}

impl Ticker {
    /// The first tick is due `every` from now.
    pub(super) fn new(every: Duration, now: Instant) -> Self {
        Self {
            every,
            last: now,
            lived: Duration::ZERO,
        }
    }

    /// From now on it comes every so often.
    pub(super) fn set_every(&mut self, every: Duration) {
        self.every = every;
    }

    /// If it is due: how much time has been lived through since the last one. That is one tick,
    /// however late it is: whoever was suspended in between has not lived.
    pub(super) fn due(&mut self, now: Instant) -> Option<Duration> {
        if self.left(now) > Duration::ZERO {
            return None;
        }
        self.lived = self.lived(now);
        self.last = now;
        Some(self.every)
    }

    /// A clock that stands still while this process is suspended: the time lived through since the
    /// beginning, as far as ticks were taken.
    pub(super) fn lived(&self, now: Instant) -> Duration {
        let since = now.saturating_duration_since(self.last);
        self.lived + since.min(self.every)
    }

    /// How long until it is due.
    pub(super) fn left(&self, now: Instant) -> Duration {
        (self.last + self.every).saturating_duration_since(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_tick_is_due_once_it_is_time() {
        let start = Instant::now();
        let mut ticker = Ticker::new(SECOND, start);
        assert_eq!(ticker.due(start), None);
        assert_eq!(ticker.left(start + SECOND / 4), SECOND * 3 / 4);
        assert_eq!(ticker.due(start + SECOND), Some(SECOND));
        assert_eq!(ticker.due(start + SECOND), None);
    }

    #[test]
    fn an_hour_of_sleep_is_one_tick() {
        let start = Instant::now();
        let mut ticker = Ticker::new(SECOND, start);
        let morning = start + 3600 * SECOND;
        assert_eq!(ticker.due(morning), Some(SECOND));
        assert_eq!(ticker.due(morning), None);
        assert_eq!(ticker.left(morning), SECOND);
    }

    #[test]
    fn its_clock_stands_still_in_between() {
        let start = Instant::now();
        let mut ticker = Ticker::new(SECOND, start);
        assert_eq!(ticker.lived(start + SECOND / 4), SECOND / 4);
        let morning = start + 3600 * SECOND;
        assert_eq!(ticker.lived(morning), SECOND);
        ticker.due(morning);
        assert_eq!(ticker.lived(morning), SECOND);
        ticker.set_every(SECOND * 2);
        assert_eq!(ticker.lived(morning + SECOND), SECOND * 2);
    }
}
