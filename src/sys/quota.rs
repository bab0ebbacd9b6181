//! Log lines that a client or a fault can cause as often as it likes: so many a minute, and a count
//! of the others.

use std::fmt::Arguments;
use std::sync::atomic::Ordering::Relaxed;

use super::line_counts::{Common, Counts, now_ms};
use super::log::{Level, log};

const WINDOW_MS: u64 = 60_000;
/// More than a pool of usual size writes when all its workers end at once.
const LINES_MAX: u64 = 60;

/// The words of the counts: when the minute began in which lines are counted, on the monotonic
/// clock and not 0; lines that were written in it; lines that were not.
const BEGAN_MS: usize = 0;
const WRITTEN: usize = 1;
const LEFT_OUT: usize = 2;

/// Lines of one kind. The kind begins the line that counts those that were left out.
pub struct Quota {
    level: Level,
    kind: &'static str,
    counts: Counts,
}

impl Quota {
    /// For lines of a process that lasts. A forked child goes on from the count of its parent as it
    /// was at the fork.
    pub const fn new(level: Level, kind: &'static str) -> Self {
        Self {
            level,
            kind,
            counts: Counts::own(),
        }
    }

    /// For lines that any process of a server writes: they have one quota together.
    pub const fn common(level: Level, kind: &'static str, common: Common) -> Self {
        Self {
            level,
            kind,
            counts: Counts::common(common),
        }
    }

    /// Logs the line, or counts it.
    pub fn log(&self, line: Arguments<'_>) {
        let (is_written, count) = self.admit(now_ms());
        self.say_left_out(count);
        if is_written {
            log(self.level, line);
        }
    }

    /// Counts a line that a child has logged.
    pub fn note(&self) {
        let (_, count) = self.admit(now_ms());
        self.say_left_out(count);
    }

    /// Logs the count of the last minute if that is over. To be called now and then, since no
    /// further line of the kind may come.
    pub fn flush(&self) {
        let count = self.renew(now_ms());
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
    fn admit(&self, now_ms: u64) -> (bool, u64) {
        let left_out = self.renew(now_ms);
        let words = self.counts.words();
        // Never further than the limit, so that no number of lines brings it back to 0.
        let next = |written| (written < LINES_MAX).then_some(written + 1);
        let is_admitted = words[WRITTEN].fetch_update(Relaxed, Relaxed, next).is_ok();
        if !is_admitted {
            words[LEFT_OUT].fetch_add(1, Relaxed);
        }
        (is_admitted, left_out)
    }

    /// Begins another minute if the last one is over: how many lines that one has left out. Of
    /// several processes one begins it.
    fn renew(&self, now_ms: u64) -> u64 {
        let words = self.counts.words();
        let began_ms = words[BEGAN_MS].load(Relaxed);
        // A moment in the future is no moment: a worker has written it.
        let is_within = |since| since < WINDOW_MS;
        if began_ms > 0 && now_ms.checked_sub(began_ms).is_some_and(is_within) {
            return 0;
        }
        let begun = words[BEGAN_MS].compare_exchange(began_ms, now_ms, Relaxed, Relaxed);
        if begun.is_err() {
            return 0;
        }
        words[WRITTEN].store(0, Relaxed);
        words[LEFT_OUT].swap(0, Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_cut_and_counted_each_minute() {
        let quota = Quota::new(Level::Warn, "crashes");
        let (mut written, mut counted) = (0, 0);
        // A hundred lines a second for ten minutes.
        for nth in 0..60_000 {
            let (is_written, count) = quota.admit(1 + 10 * nth);
            written += u64::from(is_written);
            counted += count;
        }
        assert_eq!(written, 10 * LINES_MAX);
        counted += quota.renew(1 + 10 * WINDOW_MS);
        assert_eq!(written + counted, 60_000, "none is forgotten");
    }

    #[test]
    fn few_lines_are_all_written() {
        let quota = Quota::new(Level::Warn, "crashes");
        assert!((0..LINES_MAX).all(|_| quota.admit(5) == (true, 0)));
        assert_eq!(quota.admit(5), (false, 0));
        assert_eq!(quota.admit(5 + WINDOW_MS), (true, 1));
    }

    /// A worker that a client has taken over writes what it likes into common counts.
    #[test]
    fn no_number_in_the_counts_silences_a_kind() {
        let quota = Quota::new(Level::Warn, "crashes");
        for (began, written) in [(u64::MAX, u64::MAX), (0, u64::MAX), (6, LINES_MAX)] {
            quota.counts.words()[BEGAN_MS].store(began, Relaxed);
            quota.counts.words()[WRITTEN].store(written, Relaxed);
            assert!(quota.admit(5).0, "{began} {written}");
        }
    }
}
