//! Log lines that a client or a fault can cause as often as it likes: so many a minute, and a count
//! of the others.

use std::fmt::Arguments;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::log::{Level, log};

const WINDOW: Duration = Duration::from_secs(60);
/// More than a pool of usual size writes when all its workers end at once.
const LINES_MAX: u32 = 60;

/// Lines of one kind. The kind begins the line that counts those that were left out.
///
/// A forked child inherits the count of its parent as it was at the fork.
pub struct Quota {
    level: Level,
    kind: &'static str,
    state: Mutex<State>,
}

struct State {
    /// When the minute began in which lines are counted.
    began: Option<Instant>,
    written: u32,
    left_out: u64,
}

impl Quota {
    /// No line was written yet.
    pub const fn new(level: Level, kind: &'static str) -> Self {
        Self {
            level,
            kind,
            state: Mutex::new(State {
                began: None,
                written: 0,
                left_out: 0,
            }),
        }
    }

    /// Logs the line, or counts it.
    pub fn log(&self, line: Arguments<'_>) {
        let (is_written, count) = self.admit(Instant::now());
        self.say_left_out(count);
        if is_written {
            log(self.level, line);
        }
    }

    /// Counts a line that a child has logged.
    pub fn note(&self) {
        let (_, count) = self.admit(Instant::now());
        self.say_left_out(count);
    }

    /// Logs the count of the last minute if that is over. To be called now and then, since no
    /// further line of the kind may come.
    pub fn flush(&self) {
        let count = self.renew(&mut self.state(), Instant::now());
        self.say_left_out(count);
    }

    fn say_left_out(&self, count: u64) {
        if count > 0 {
            let kind = self.kind;
            log(
                self.level,
                format_args!("{kind}: {count} more such lines were left out in a minute"),
            );
        }
    }

    /// Whether a line is written, and how many of the minute before were not.
    fn admit(&self, now: Instant) -> (bool, u64) {
        let mut state = self.state();
        let left_out = self.renew(&mut state, now);
        let is_admitted = state.written < LINES_MAX;
        match is_admitted {
            true => state.written += 1,
            false => state.left_out += 1,
        }
        (is_admitted, left_out)
    }

    /// Begins another minute if the last one is over: how many lines that one has left out.
    fn renew(&self, state: &mut State, now: Instant) -> u64 {
        let is_over = |began| now.saturating_duration_since(began) >= WINDOW;
        if state.began.is_some_and(|began| !is_over(began)) {
            return 0;
        }
        (state.began, state.written) = (Some(now), 0);
        std::mem::take(&mut state.left_out)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_cut_and_counted_each_minute() {
        let quota = Quota::new(Level::Warn, "crashes");
        let start = Instant::now();
        let (mut written, mut counted) = (0, 0);
        // A hundred lines a second for ten minutes.
        for nth in 0..60_000 {
            let now = start + Duration::from_millis(10) * nth;
            let (is_written, count) = quota.admit(now);
            written += u64::from(is_written);
            counted += count;
        }
        assert_eq!(written, 10 * u64::from(LINES_MAX));
        let end = start + 10 * WINDOW;
        counted += quota.renew(&mut quota.state(), end);
        assert_eq!(written + counted, 60_000, "none is forgotten");
    }

    #[test]
    fn few_lines_are_all_written() {
        let quota = Quota::new(Level::Warn, "crashes");
        let now = Instant::now();
        assert!((0..LINES_MAX).all(|_| quota.admit(now) == (true, 0)));
        assert_eq!(quota.admit(now), (false, 0));
        assert_eq!(quota.admit(now + WINDOW), (true, 1));
    }
}
