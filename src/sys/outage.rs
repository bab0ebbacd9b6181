//! Log lines about a failure that lasts, few enough that they cannot flood the log.

use std::fmt::Display;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// While a failure lasts, there is one line in this time.
const INTERVAL: Duration = Duration::from_secs(60);
/// A failure is over when it has not come back for this time. Descriptors that are scarce come and
/// go many times a second, and must not cause a line each time.
const QUIET: Duration = Duration::from_secs(10);

/// Something that a server tries again and again, and that may fail for a while: a line at the
/// start, one a minute with the number of failures, and one at the end.
pub struct Outage {
    what: &'static str,
    /// So that a success costs one load while nothing fails. The lock orders all else, so
    /// `Relaxed` suffices.
    is_on: AtomicBool,
    state: Mutex<State>,
}

struct State {
    /// When the last line was written, while the failure lasts.
    logged: Option<Instant>,
    /// When it last failed.
    failed: Option<Instant>,
    /// Failures since the last line.
    unlogged: u64,
}

impl Outage {
    /// `what` begins each line.
    pub const fn new(what: &'static str) -> Self {
        Self {
            what,
            is_on: AtomicBool::new(false),
            state: Mutex::new(State {
                logged: None,
                failed: None,
                unlogged: 0,
            }),
        }
    }

    /// It has failed once more.
    pub fn failed(&self, why: impl Display) {
        if let Some(line) = self.failed_at(Instant::now(), why) {
            crate::log_warn!("{line}");
        }
    }

    /// It has worked.
    #[inline]
    pub fn worked(&self) {
        if self.is_on.load(Relaxed)
            && let Some(line) = self.worked_at(Instant::now())
        {
            crate::log!("{line}");
        }
    }

    fn failed_at(&self, now: Instant, why: impl Display) -> Option<String> {
        let what = self.what;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        self.is_on.store(true, Relaxed);
        state.failed = Some(now);
        let line = match state.logged {
            None => format!("{what}: {why}; waiting until that changes"),
            Some(logged) if now.saturating_duration_since(logged) >= INTERVAL => {
                let times = state.unlogged + 1;
                format!("{what}: {why}; {times} times since the last such line")
            }
            Some(_) => {
                state.unlogged += 1;
                return None;
            }
        };
        (state.logged, state.unlogged) = (Some(now), 0);
        Some(line)
    }

    #[cold]
    fn worked_at(&self, now: Instant) -> Option<String> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let is_quiet = |failed| now.saturating_duration_since(failed) >= QUIET;
        if !state.failed.is_some_and(is_quiet) {
            return None;
        }
        self.is_on.store(false, Relaxed);
        let times = state.unlogged;
        (state.logged, state.failed, state.unlogged) = (None, None, 0);
        let what = self.what;
        Some(format!(
            "{what}: works again; it failed {times} times since the last such line"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_failures_makes_few_lines() {
        let outage = Outage::new("accept");
        let start = Instant::now();
        let mut lines = Vec::new();
        // Ten failures a second for three minutes, with a success between any two.
        for tenth in 0..1800 {
            let now = start + Duration::from_millis(100 * tenth);
            lines.extend(outage.failed_at(now, "no descriptors"));
            lines.extend(outage.worked_at(now + Duration::from_millis(50)));
        }
        let end = start + Duration::from_secs(180);
        lines.extend(outage.worked_at(end));
        lines.extend(outage.worked_at(end + QUIET));
        lines.extend(outage.failed_at(end + INTERVAL, "no memory"));
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
