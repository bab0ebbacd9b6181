//! Whether a worker is alive, slow or wedged. Pure: heartbeats and times in, its health out.
//!
//! A *slow* worker takes its time, and its heartbeat goes on while it waits for a client or for a
//! back end. A *wedged* worker has no heartbeat: the process is stopped, or waits for a lock that
//! is never released, or is in an endless loop. If one of several threads is wedged, the process is
//! retired, so that the clients of the other threads are not cut off; it is killed when no thread
//! of it is alive. *Overdue* is a request: its handler takes longer than it may, heartbeat or not.

use std::time::Duration;

use crate::scoreboard::Heartbeat;

/// A word of the scoreboard, and for how long it has not changed.
///
/// The time is the running time of the master between two checks, at most a tick each. So a master
/// that was itself suspended (SIGSTOP, a laptop's lid) does not find all workers dead when it
/// wakes: for it, hardly any time has passed.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Unchanged {
    value: u64,
    since: Duration,
}

// ANCHOR: unchanged
impl Unchanged {
    /// The word is `value` now, `passed` after the last check. Returns for
    /// how long it has had that value.
    pub(crate) fn check(&mut self, value: u64, passed: Duration) -> Duration {
        if value == self.value {
            self.since += passed;
        } else {
            *self = Self {
                value,
                since: Duration::ZERO,
            };
        }
        self.since
    }
}
// ANCHOR_END: unchanged

/// What a worker's heartbeat tells about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Health {
    Good,
    /// None of its threads has had a heartbeat for so long.
    Wedged(Duration),
    /// One of its threads has had none for so long; others have.
    ThreadWedged(Duration),
    /// Its handler is at the same request for so long.
    Overdue(Duration),
}

/// The history of a worker's heartbeat: of each thread, its beat and its request.
#[derive(Debug)]
pub(crate) struct Liveness {
    threads: Vec<(Unchanged, Unchanged)>,
}

/// How long a worker may be without a heartbeat, and a request may take; `None` for ever.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timeouts {
    pub(crate) worker: Option<Duration>,
    pub(crate) request: Option<Duration>,
}

impl Timeouts {
    /// How often to check. A timeout is noticed when it is over by a quarter, but workers are not
    /// checked more often than they beat, nor less than once a second.
    pub(crate) fn interval(&self) -> Duration {
        let shortest = self.worker.into_iter().chain(self.request).min();
        shortest.map_or(INTERVAL_MAX, |time| {
            (time / 4).clamp(INTERVAL_MIN, INTERVAL_MAX)
        })
    }
}

/// A live worker's heartbeat changes at least so often.
const INTERVAL_MIN: Duration = Duration::from_millis(250);
/// Deadlines of retired workers are checked as well, so that this is never longer.
const INTERVAL_MAX: Duration = Duration::from_secs(1);

impl Liveness {
    /// For a worker that was just forked, with so many serving threads.
    pub(crate) fn new(threads: usize) -> Self {
        Self {
            threads: vec![Default::default(); threads],
        }
    }

    /// Checks all threads of the worker `pid`, `passed` after the last check. Threads that have not
    /// begun are left out, except the first, which every worker has.
    pub(crate) fn check(
        &mut self,
        pid: u32,
        threads: &[Heartbeat],
        passed: Duration,
        timeouts: &Timeouts,
    ) -> Health {
        let (mut least, mut most, mut request) = (Duration::MAX, Duration::ZERO, Duration::ZERO);
        for (nth, (seen, now)) in self.threads.iter_mut().zip(threads).enumerate() {
            if nth > 0 && now.pid != pid {
                // Its time begins when the thread does.
                *seen = Default::default();
                continue;
            }
            let silent = seen.0.check(now.beat, passed);
            let same = seen.1.check(now.handling, passed);
            least = least.min(silent);
            most = most.max(silent);
            if now.handling != 0 {
                request = request.max(same);
            }
        }
        let over = |limit: Option<Duration>, time| limit.is_some_and(|limit| time >= limit);
        if over(timeouts.request, request) {
            Health::Overdue(request)
        } else if over(timeouts.worker, least) {
            Health::Wedged(least)
        } else if over(timeouts.worker, most) {
            Health::ThreadWedged(most)
        } else {
            Health::Good
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const PID: u32 = 7;

    fn timeouts(worker_s: u64, request_s: u64) -> Timeouts {
        let limit = |seconds| (seconds > 0).then(|| Duration::from_secs(seconds));
        Timeouts {
            worker: limit(worker_s),
            request: limit(request_s),
        }
    }

    fn thread(beat: u64, handling: u64) -> Heartbeat {
        Heartbeat {
            pid: PID,
            beat,
            handling,
            ..Heartbeat::default()
        }
    }

    #[test]
    fn silence_is_noticed_when_it_has_lasted() {
        let mut liveness = Liveness::new(1);
        let rules = timeouts(3, 0);
        let verdicts: Vec<Health> = [5, 5, 5, 5, 6, 6]
            .map(|beat| liveness.check(PID, &[thread(beat, 0)], SECOND, &rules))
            .to_vec();
        let wedged = Health::Wedged(3 * SECOND);
        let fine = Health::Good;
        assert_eq!(verdicts, [fine, fine, fine, wedged, fine, fine]);
    }

    /// A handler that waits with a heartbeat is slow. One without a heartbeat is wedged.
    #[test]
    fn a_slow_handler_is_not_a_wedged_one() {
        let (mut slow, mut stuck) = (Liveness::new(1), Liveness::new(1));
        let rules = timeouts(3, 0);
        for beat in 0..100 {
            let health = slow.check(PID, &[thread(beat, 1)], SECOND, &rules);
            assert_eq!(health, Health::Good);
        }
        let last = (0..4)
            .map(|_| stuck.check(PID, &[thread(9, 1)], SECOND, &rules))
            .last();
        assert_eq!(last, Some(Health::Wedged(3 * SECOND)));
    }

    #[test]
    fn a_request_is_overdue_even_if_its_worker_has_a_heartbeat() {
        let mut liveness = Liveness::new(1);
        let rules = timeouts(30, 2);
        let verdicts = [(0, 0), (1, 7), (2, 7), (3, 7), (4, 8)]
            .map(|(beat, request)| liveness.check(PID, &[thread(beat, request)], SECOND, &rules));
        let fine = Health::Good;
        let overdue = Health::Overdue(2 * SECOND);
        assert_eq!(verdicts, [fine, fine, fine, overdue, fine]);
    }

    /// A word that stays 0 is no request.
    #[test]
    fn an_idle_worker_is_never_overdue() {
        let mut liveness = Liveness::new(2);
        for beat in 0..100 {
            let threads = [thread(beat, 0), thread(beat, 0)];
            let health = liveness.check(PID, &threads, SECOND, &timeouts(3, 1));
            assert_eq!(health, Health::Good);
        }
    }

    /// One thread of two hangs: while the other lives, the process is not reported as dead.
    #[test]
    fn a_thread_is_told_apart_from_its_process() {
        let mut liveness = Liveness::new(2);
        let rules = timeouts(3, 0);
        let verdicts = [0, 1, 2, 3, 4, 5].map(|beat| {
            let threads = [thread(7, 3), thread(beat, 0)];
            liveness.check(PID, &threads, SECOND, &rules)
        });
        let (fine, part) = (Health::Good, Health::ThreadWedged);
        let expected = [
            fine,
            fine,
            fine,
            part(3 * SECOND),
            part(4 * SECOND),
            part(5 * SECOND),
        ];
        assert_eq!(verdicts, expected);
        let ends = [0, 1, 2].map(|_| {
            let threads = [thread(7, 3), thread(5, 0)];
            liveness.check(PID, &threads, SECOND, &rules)
        });
        assert_eq!(ends[2], Health::Wedged(3 * SECOND));
    }

    /// The system may have refused a thread, or it is still to be made. Its slot then shows what an
    /// earlier worker has left.
    #[test]
    fn threads_that_never_began_are_passed_over() {
        let mut liveness = Liveness::new(2);
        for beat in 0..100 {
            let threads = [thread(beat, 0), Heartbeat::default()];
            let health = liveness.check(PID, &threads, SECOND, &timeouts(3, 0));
            assert_eq!(health, Health::Good);
        }
    }

    /// The time before its first heartbeat does not count.
    #[test]
    fn a_thread_that_begins_late_has_been_silent_since_then_alone() {
        let mut liveness = Liveness::new(2);
        let rules = timeouts(3, 3);
        for beat in 0..100 {
            let late = match beat {
                ..96 => Heartbeat::default(),
                _ => thread(beat / 98, 0),
            };
            let health = liveness.check(PID, &[thread(beat, 0), late], SECOND, &rules);
            assert_eq!(health, Health::Good, "{beat}");
        }
    }

    #[test]
    fn a_timeout_that_is_off_never_strikes() {
        let mut liveness = Liveness::new(1);
        for _ in 0..1000 {
            let health = liveness.check(PID, &[thread(1, 1)], SECOND, &timeouts(0, 0));
            assert_eq!(health, Health::Good);
        }
    }

    #[test]
    fn the_master_checks_often_enough_and_not_more() {
        let ticks = [(1, 0), (2, 0), (30, 0), (30, 1), (0, 0)]
            .map(|(worker, request)| timeouts(worker, request).interval().as_millis());
        assert_eq!(ticks, [250, 500, 1000, 250, 1000]);
    }

    proptest! {
        /// Whatever the heartbeat does, no worker is wedged before its time is over.
        #[test]
        fn no_worker_is_wedged_early(beats in proptest::collection::vec(0u64..3, 1..60)) {
            let mut liveness = Liveness::new(1);
            let rules = timeouts(5, 0);
            let mut silent = 0;
            let mut before = 0;
            for beat in beats {
                silent = if beat == before { silent + 1 } else { 0 };
                before = beat;
                let health = liveness.check(PID, &[thread(beat, 0)], SECOND, &rules);
                prop_assert_eq!(health != Health::Good, silent >= 5);
            }
        }
    }
}
