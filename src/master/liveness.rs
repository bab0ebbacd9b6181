//! Who is alive, who is slow, and who is wedged. Pure: words and times in, a verdict out.
//!
//! *Slow* is a worker that takes its time and says so: its heartbeat goes on while it waits for a
//! client or for a back end. *Wedged* is one whose heartbeat has stopped: it is stopped itself, or
//! waits for a lock that nobody will release, or turns in an endless loop. If it is one thread of
//! several, the others are not to pay for it: their process is told to leave, as it would be for
//! any other reason, and is killed when nobody in it is alive any more. *Overdue* is a request,
//! not a worker: its handler has been at it for longer than it may, heartbeat or not.

use std::time::Duration;

use crate::scoreboard::Vitals;

/// A word of shared memory, and for how long it has not changed.
///
/// The time is added up from what the master has lived through between two looks, at most a tick
/// each. So a master that was itself suspended (SIGSTOP, a laptop's lid) does not find everybody
/// dead when it wakes: for it, next to no time has passed.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Unchanged {
    value: u64,
    since: Duration,
}

// ANCHOR: unchanged
impl Unchanged {
    /// What is there now, `passed` after the last look: for how long it
    /// has been the same.
    pub(super) fn look(&mut self, value: u64, passed: Duration) -> Duration {
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

/// What the master thinks of a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Fine,
    /// No heartbeat for so long.
    Wedged(Duration),
    /// None of one of its threads for so long; others live.
    WedgedInPart(Duration),
    /// The same request for so long.
    Overdue(Duration),
}

/// A worker's pulse: the heartbeat and the request of each of its threads.
#[derive(Debug)]
pub(super) struct Pulse {
    threads: Vec<(Unchanged, Unchanged)>,
}

/// How long a worker may be silent, and a request may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    pub(super) worker: Option<Duration>,
    pub(super) request: Option<Duration>,
}

impl Patience {
    /// How often to look, so that a timeout is noticed when it is over by a quarter; but not more
    /// often than workers tick, nor more seldom than once a second.
    pub(super) fn tick(&self) -> Duration {
        let shortest = self.worker.into_iter().chain(self.request).min();
        shortest.map_or(TICK_MAX, |time| (time / 4).clamp(TICK_MIN, TICK_MAX))
    }
}

/// Workers show a sign of life at least so often.
const TICK_MIN: Duration = Duration::from_millis(250);
/// What the master looks after at all is looked after so often.
const TICK_MAX: Duration = Duration::from_secs(1);

impl Pulse {
    /// That of a worker just born, with so many threads that serve.
    pub(super) fn new(threads: usize) -> Self {
        Self {
            threads: vec![Default::default(); threads],
        }
    }

    /// Looks at all threads of the worker `pid`, `passed` after the last look. Those that have not
    /// begun yet are passed over, unless it is the first, which every worker has.
    pub(super) fn look(
        &mut self,
        pid: u32,
        threads: &[Vitals],
        passed: Duration,
        patience: &Patience,
    ) -> Verdict {
        let (mut least, mut most, mut request) = (Duration::MAX, Duration::ZERO, Duration::ZERO);
        for (nth, (seen, now)) in self.threads.iter_mut().zip(threads).enumerate() {
            if nth > 0 && now.pid != pid {
                // Its time runs from its beginning.
                *seen = Default::default();
                continue;
            }
            let silent = seen.0.look(now.beat, passed);
            let same = seen.1.look(now.handling, passed);
            least = least.min(silent);
            most = most.max(silent);
            if now.handling != 0 {
                request = request.max(same);
            }
        }
        let over = |limit: Option<Duration>, time| limit.is_some_and(|limit| time >= limit);
        if over(patience.request, request) {
            Verdict::Overdue(request)
        } else if over(patience.worker, least) {
            Verdict::Wedged(least)
        } else if over(patience.worker, most) {
            Verdict::WedgedInPart(most)
        } else {
            Verdict::Fine
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const PID: u32 = 7;

    fn patience(worker_s: u64, request_s: u64) -> Patience {
        let limit = |seconds| (seconds > 0).then(|| Duration::from_secs(seconds));
        Patience {
            worker: limit(worker_s),
            request: limit(request_s),
        }
    }

    fn thread(beat: u64, handling: u64) -> Vitals {
        Vitals {
            pid: PID,
            beat,
            handling,
            ..Vitals::default()
        }
    }

    #[test]
    fn silence_is_noticed_when_it_has_lasted() {
        let mut pulse = Pulse::new(1);
        let rules = patience(3, 0);
        let verdicts: Vec<Verdict> = [5, 5, 5, 5, 6, 6]
            .map(|beat| pulse.look(PID, &[thread(beat, 0)], SECOND, &rules))
            .to_vec();
        let wedged = Verdict::Wedged(3 * SECOND);
        let fine = Verdict::Fine;
        assert_eq!(verdicts, [fine, fine, fine, wedged, fine, fine]);
    }

    /// A handler that waits and says so is slow; one that does not is wedged all the same.
    #[test]
    fn a_slow_handler_is_not_a_wedged_one() {
        let (mut slow, mut stuck) = (Pulse::new(1), Pulse::new(1));
        let rules = patience(3, 0);
        for beat in 0..100 {
            let verdict = slow.look(PID, &[thread(beat, 1)], SECOND, &rules);
            assert_eq!(verdict, Verdict::Fine);
        }
        let last = (0..4)
            .map(|_| stuck.look(PID, &[thread(9, 1)], SECOND, &rules))
            .last();
        assert_eq!(last, Some(Verdict::Wedged(3 * SECOND)));
    }

    #[test]
    fn a_request_is_overdue_however_lively_its_worker() {
        let mut pulse = Pulse::new(1);
        let rules = patience(30, 2);
        let verdicts = [(0, 0), (1, 7), (2, 7), (3, 7), (4, 8)]
            .map(|(beat, request)| pulse.look(PID, &[thread(beat, request)], SECOND, &rules));
        let fine = Verdict::Fine;
        let overdue = Verdict::Overdue(2 * SECOND);
        assert_eq!(verdicts, [fine, fine, fine, overdue, fine]);
    }

    /// No request is none that takes long.
    #[test]
    fn an_idle_worker_is_never_overdue() {
        let mut pulse = Pulse::new(2);
        for beat in 0..100 {
            let threads = [thread(beat, 0), thread(beat, 0)];
            let verdict = pulse.look(PID, &threads, SECOND, &patience(3, 1));
            assert_eq!(verdict, Verdict::Fine);
        }
    }

    /// One thread of two is stuck: the other's clients are no reason to wait for ever, and none to
    /// be cut off.
    #[test]
    fn a_thread_is_told_apart_from_its_process() {
        let mut pulse = Pulse::new(2);
        let rules = patience(3, 0);
        let verdicts = [0, 1, 2, 3, 4, 5].map(|beat| {
            let threads = [thread(7, 3), thread(beat, 0)];
            pulse.look(PID, &threads, SECOND, &rules)
        });
        let (fine, part) = (Verdict::Fine, Verdict::WedgedInPart);
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
            pulse.look(PID, &threads, SECOND, &rules)
        });
        assert_eq!(ends[2], Verdict::Wedged(3 * SECOND));
    }

    /// The system may refuse a thread, or it is yet to be made; its record is somebody else's.
    #[test]
    fn threads_that_never_began_are_passed_over() {
        let mut pulse = Pulse::new(2);
        for beat in 0..100 {
            let threads = [thread(beat, 0), Vitals::default()];
            let verdict = pulse.look(PID, &threads, SECOND, &patience(3, 0));
            assert_eq!(verdict, Verdict::Fine);
        }
    }

    /// Its first heartbeat may be a while away, and is not late for all the time before it.
    #[test]
    fn a_thread_that_begins_late_has_been_silent_since_then_alone() {
        let mut pulse = Pulse::new(2);
        let rules = patience(3, 3);
        for beat in 0..100 {
            let late = match beat {
                ..96 => Vitals::default(),
                _ => thread(beat / 98, 0),
            };
            let verdict = pulse.look(PID, &[thread(beat, 0), late], SECOND, &rules);
            assert_eq!(verdict, Verdict::Fine, "{beat}");
        }
    }

    #[test]
    fn what_is_off_never_strikes() {
        let mut pulse = Pulse::new(1);
        for _ in 0..1000 {
            let verdict = pulse.look(PID, &[thread(1, 1)], SECOND, &patience(0, 0));
            assert_eq!(verdict, Verdict::Fine);
        }
    }

    #[test]
    fn the_master_looks_often_enough_and_not_more() {
        let ticks = [(1, 0), (2, 0), (30, 0), (30, 1), (0, 0)]
            .map(|(worker, request)| patience(worker, request).tick().as_millis());
        assert_eq!(ticks, [250, 500, 1000, 250, 1000]);
    }

    proptest! {
        /// Whatever the heart does, a verdict is never early: so much time has been lived through.
        #[test]
        fn nobody_is_condemned_early(beats in proptest::collection::vec(0u64..3, 1..60)) {
            let mut pulse = Pulse::new(1);
            let rules = patience(5, 0);
            let mut silent = 0;
            let mut before = 0;
            for beat in beats {
                silent = if beat == before { silent + 1 } else { 0 };
                before = beat;
                let verdict = pulse.look(PID, &[thread(beat, 0)], SECOND, &rules);
                prop_assert_eq!(verdict != Verdict::Fine, silent >= 5);
            }
        }
    }
}
