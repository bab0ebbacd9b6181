//! Log lines about a failure that lasts, few enough that they cannot flood the log.

use std::fmt::Display;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::line_counts::{Common, Counts, now_ms};

/// While a failure lasts, there is one line in this time.
const INTERVAL_MS: u64 = 60_000;
/// A failure is over when it has not come back for this time. Descriptors that are scarce come and
/// go many times a second, and must not cause a line each time.
const QUIET_MS: u64 = 10_000;

/// The words of the counts: when the last line was written, 0 while nothing fails; when it last
/// failed; failures since the last line.
const LOGGED_MS: usize = 0;
const FAILED_MS: usize = 1;
const UNLOGGED: usize = 2;

/// Something that a server tries again and again, and that may fail for a while: a line at the
/// start, one a minute with the number of failures, and one at the end.
pub struct Outage {
    what: &'static str,
    /// It has failed in this process. So a success costs one load while nothing fails, and a
    /// process never touches the counts before.
    is_on: AtomicBool,
    counts: Counts,
}

impl Outage {
    /// `what` begins each line. For a process that lasts.
    pub const fn new(what: &'static str) -> Self {
        Self {
            what,
            is_on: AtomicBool::new(false),
            counts: Counts::own(),
        }
    }

    /// For what fails in any process of a server: all of them write one line together.
    pub const fn common(what: &'static str, common: Common) -> Self {
        Self {
            what,
            is_on: AtomicBool::new(false),
            counts: Counts::common(common),
        }
    }

    /// It has failed once more.
    pub fn failed(&self, why: impl Display) {
        if let Some(line) = self.failed_at(now_ms(), why) {
            crate::log_warn!("{line}");
        }
    }

    /// It has worked.
    #[inline]
    pub fn worked(&self) {
        if self.is_on.load(Relaxed)
            && let Some(line) = self.worked_at(now_ms())
        {
            crate::log!("{line}");
        }
    }

    fn failed_at(&self, now_ms: u64, why: impl Display) -> Option<String> {
        let what = self.what;
        let words = self.counts.words();
        self.is_on.store(true, Relaxed);
        words[FAILED_MS].store(now_ms, Relaxed);
        let logged_ms = words[LOGGED_MS].load(Relaxed);
        let is_told = since(logged_ms, now_ms).is_some_and(|since| since < INTERVAL_MS);
        // Of several threads or processes one writes the line.
        let takes_it = || words[LOGGED_MS].compare_exchange(logged_ms, now_ms, Relaxed, Relaxed);
        if is_told || takes_it().is_err() {
            words[UNLOGGED].fetch_add(1, Relaxed);
            return None;
        }
        let times = words[UNLOGGED].swap(0, Relaxed).saturating_add(1);
        Some(match logged_ms {
            0 => format!("{what}: {why}; waiting until that changes"),
            _ => format!("{what}: {why}; {times} times since the last such line"),
        })
    }

    #[cold]
    fn worked_at(&self, now_ms: u64) -> Option<String> {
        let words = self.counts.words();
        let quiet = since(words[FAILED_MS].load(Relaxed), now_ms);
        if quiet.is_some_and(|quiet| quiet < QUIET_MS) {
            return None;
        }
        self.is_on.store(false, Relaxed);
        // Another process may have said so.
        if words[LOGGED_MS].swap(0, Relaxed) == 0 {
            return None;
        }
        let times = words[UNLOGGED].swap(0, Relaxed);
        let what = self.what;
        Some(format!(
            "{what}: works again; it failed {times} times since the last such line"
        ))
    }
}

/// How long ago a moment was. There is none before the first, and none in the future: a worker that
/// a client has taken over may have written it.
fn since(moment_ms: u64, now_ms: u64) -> Option<u64> {
    (moment_ms > 0).then(|| now_ms.checked_sub(moment_ms))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_failures_makes_few_lines() {
        let outage = Outage::new("accept");
        let start_ms = 7;
        let mut lines = Vec::new();
        // Ten failures a second for three minutes, with a success between any two.
        for tenth in 0..1800 {
            let now_ms = start_ms + 100 * tenth;
            lines.extend(outage.failed_at(now_ms, "no descriptors"));
            lines.extend(outage.worked_at(now_ms + 50));
        }
        let end_ms = start_ms + 180_000;
        lines.extend(outage.worked_at(end_ms));
        lines.extend(outage.worked_at(end_ms + QUIET_MS));
        lines.extend(outage.failed_at(end_ms + INTERVAL_MS, "no memory"));
        assert_eq!(
            lines,
            [
                "accept: no descriptors; waiting until that changes",
                "accept: no descriptors; 600 times since the last such line",
                "accept: no descriptors; 600 times since the last such line",
                "accept: works again; it failed 599 times since the last such line",
                "accept: no memory; waiting until that changes",
            ]
        );
    }
}
