//! Who is alive, who is slow, and who is wedged. Pure: words and times in, a verdict out.
//!
//! *Slow* is a worker that takes its time and says so: its heartbeat goes on while it waits for a
//! client or for a back end. *Wedged* is one whose heartbeat has stopped: it is stopped itself, or
//! waits for a lock that nobody will release, or turns in an endless loop. *Overdue* is a request,
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
    /// The same request for so long.
    Overdue(Duration),
}

/// A worker's pulse: one heartbeat for the process, one request for each of its threads.
#[derive(Debug)]
pub(super) struct Pulse {
    beat: Unchanged,
    requests: Vec<Unchanged>,
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
            beat: Unchanged::default(),
            requests: vec![Unchanged::default(); threads],
        }
    }

    /// Looks at all threads of the worker, `passed` after the last look. A process lives as long as
    /// any of its threads does: killing it would cost the others their clients.
    pub(super) fn look(
        &mut self,
        threads: &[Vitals],
        passed: Duration,
        patience: &Patience,
    ) -> Verdict {
        let beats = threads
            .iter()
            .fold(0u64, |sum, it| sum.wrapping_add(it.beat));
        let silent = self.beat.look(beats, passed);
        let mut longest = Duration::ZERO;
        for (request, thread) in self.requests.iter_mut().zip(threads) {
            let same = request.look(thread.handling, passed);
            if thread.handling != 0 {
                longest = longest.max(same);
            }
        }
        let over = |limit: Option<Duration>, time| limit.is_some_and(|limit| time >= limit);
        if over(patience.request, longest) {
            Verdict::Overdue(longest)
        } else if over(patience.worker, silent) {
            Verdict::Wedged(silent)
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

    fn patience(worker_s: u64, request_s: u64) -> Patience {
        let limit = |seconds| (seconds > 0).then(|| Duration::from_secs(seconds));
        Patience {
            worker: limit(worker_s),
            request: limit(request_s),
        }
    }

    fn thread(beat: u64, handling: u64) -> Vitals {
        Vitals {
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
            .map(|beat| pulse.look(&[thread(beat, 0)], SECOND, &rules))
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
            let verdict = slow.look(&[thread(beat, 1)], SECOND, &rules);
            assert_eq!(verdict, Verdict::Fine);
        }
        let last = (0..4)
            .map(|_| stuck.look(&[thread(9, 1)], SECOND, &rules))
            .last();
        assert_eq!(last, Some(Verdict::Wedged(3 * SECOND)));
    }

    #[test]
    fn a_request_is_overdue_however_lively_its_worker() {
        let mut pulse = Pulse::new(1);
        let rules = patience(30, 2);
        let verdicts = [(0, 0), (1, 7), (2, 7), (3, 7), (4, 8)]
            .map(|(beat, request)| pulse.look(&[thread(beat, request)], SECOND, &rules));
        let fine = Verdict::Fine;
        let overdue = Verdict::Overdue(2 * SECOND);
        assert_eq!(verdicts, [fine, fine, fine, overdue, fine]);
    }

    /// No request is none that takes long.
    #[test]
    fn an_idle_worker_is_never_overdue() {
        let mut pulse = Pulse::new(2);
        for beat in 0..100 {
            let threads = [thread(beat, 0), thread(0, 0)];
            let verdict = pulse.look(&threads, SECOND, &patience(3, 1));
            assert_eq!(verdict, Verdict::Fine);
        }
    }

    #[test]
    fn a_process_lives_as_long_as_one_of_its_threads() {
        let mut pulse = Pulse::new(2);
        for beat in 0..100 {
            let threads = [thread(7, 3), thread(beat, 0)];
            let verdict = pulse.look(&threads, SECOND, &patience(3, 0));
            assert_eq!(verdict, Verdict::Fine);
        }
    }

    #[test]
    fn what_is_off_never_strikes() {
        let mut pulse = Pulse::new(1);
        for _ in 0..1000 {
            let verdict = pulse.look(&[thread(1, 1)], SECOND, &patience(0, 0));
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
                let verdict = pulse.look(&[thread(beat, 0)], SECOND, &rules);
                prop_assert_eq!(verdict != Verdict::Fine, silent >= 5);
            }
        }
    }
}
