//! Who does not get on, and what is done about it.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::unistd::Pid;

use super::Pool;
use crate::master::liveness::Verdict;
use crate::master::member::{Leave, Stage};
use crate::scoreboard::{Event, Scoreboard};

/// How long SIGABRT is given before SIGKILL follows.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// How long SIGTERM is given before SIGKILL follows: a worker needs a few ticks to hear of it and
/// to part from those of its clients who wait for nothing.
const FAREWELL: Duration = Duration::from_secs(2);

/// What is done about a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Measure {
    /// It is told to leave when its clients let it.
    SendAway(Verdict),
    /// SIGTERM: it was told to leave, and its clients have had their time.
    Stop,
    /// SIGABRT: a core file shows where it was stuck.
    Abort(Verdict),
    /// SIGKILL, for that reason.
    Kill(&'static str),
}

impl Pool<'_> {
    /// Sends away whoever does not get on, has a request that takes too long, or has been told to
    /// leave and is still there.
    pub(super) fn feel_pulses(&mut self, passed: Duration, now: Instant) {
        let lived = self.lived(now);
        let mut due = Vec::new();
        for (pid, member) in self.children.iter_mut() {
            let is_wanted = !self.drained && member.post.generation == self.generation;
            member.stage = with_deadline(member.stage, is_wanted, lived);
            let threads = member.vitals(self.scoreboard);
            let number = pid.as_raw().cast_unsigned();
            let verdict = member.pulse.look(number, &threads, passed, &self.patience);
            let is_shared = self.threads > 1;
            if let Some(measure) = measure(member.stage, verdict, is_shared, self.grace, lived) {
                due.push((pid, member.post.slot, measure));
            }
        }
        for (pid, slot, measure) in due {
            let who = format!("worker in slot {slot} ({pid})");
            self.take(measure, pid, &who, now);
        }
    }

    fn take(&mut self, measure: Measure, pid: Pid, who: &str, now: Instant) {
        let (stage, signal) = match measure {
            Measure::SendAway(verdict) => {
                accuse(who, verdict, "it is to leave", self.scoreboard);
                return self.send_away(pid, Leave::Soon(self.lived(now)), now);
            }
            Measure::Stop => {
                let late = Leave::Late(self.lived(now));
                (Stage::Leaving(late), Signal::SIGTERM)
            }
            Measure::Abort(verdict) => {
                accuse(who, verdict, "SIGABRT", self.scoreboard);
                (Stage::Condemned(self.lived(now)), Signal::SIGABRT)
            }
            Measure::Kill(why) => {
                crate::log!("{who} {why}: SIGKILL");
                (Stage::Killed, Signal::SIGKILL)
            }
        };
        self.children.signal(pid, signal);
        let Some(member) = self.children.get_mut(pid) else {
            return;
        };
        let was_starting = member.stage == Stage::Starting;
        let is_late = matches!(member.stage, Stage::Leaving(Leave::Late(_)));
        self.killed += usize::from(is_late && signal == Signal::SIGKILL);
        let born = member.born;
        member.stage = stage;
        self.replace(pid);
        if was_starting {
            // It would not have got ready. Nor may its successor, who need not wait for its death.
            self.crashes.failed(born, now);
        }
    }
}

/// What is to be done about a worker that has come so far and of which that is thought. Where its
/// threads share a process (`is_shared`), one of them is no reason to cut the others off. `now` is
/// on the master's own clock, like the times of the stages: if it was suspended meanwhile, those
/// who are on their way out have not been slow.
fn measure(
    stage: Stage,
    verdict: Verdict,
    is_shared: bool,
    grace: Duration,
    now: Duration,
) -> Option<Measure> {
    match (stage, verdict) {
        (Stage::Killed, _) => None,
        (Stage::Condemned(since), _) => {
            (now >= since + LAST_WORDS).then_some(Measure::Kill("is still there"))
        }
        (Stage::Leaving(Leave::Late(since)), _) if now >= since + FAREWELL => {
            Some(Measure::Kill("has not left in time"))
        }
        (Stage::Leaving(Leave::Soon(since)), _) if now >= since + grace => Some(Measure::Stop),
        (_, Verdict::Fine) => None,
        (stage, Verdict::WedgedInPart(_) | Verdict::Overdue(_)) if is_shared => {
            let is_told = matches!(stage, Stage::Leaving(Leave::Soon(_) | Leave::Late(_)));
            (!is_told).then_some(Measure::SendAway(verdict))
        }
        (_, verdict) => Some(Measure::Abort(verdict)),
    }
}

/// Whoever may take its time to leave has a deadline from now on if the rest of its kind (a
/// generation, or all) is to be gone as well, since somebody waits for the last of them.
fn with_deadline(stage: Stage, is_wanted: bool, now: Duration) -> Stage {
    match stage {
        Stage::Leaving(Leave::Spare | Leave::ByItself) if !is_wanted => {
            Stage::Leaving(Leave::Soon(now))
        }
        stage => stage,
    }
}

/// Says what a worker is sent away for and how, and counts it.
fn accuse(who: &str, verdict: Verdict, what: &str, scoreboard: &Scoreboard) {
    let (event, why) = match verdict {
        Verdict::Fine => return,
        Verdict::Wedged(time) => (
            Event::Wedged,
            format!("is wedged: no sign of life for {time:?} (--worker-timeout)"),
        ),
        Verdict::WedgedInPart(time) => (
            Event::Wedged,
            format!("has a wedged thread: no sign of life for {time:?} (--worker-timeout)"),
        ),
        Verdict::Overdue(time) => (
            Event::Overdue,
            format!("is overdue: a request has taken {time:?} (--request-timeout)"),
        ),
    };
    scoreboard.note(event);
    crate::log!("{who} {why}: {what}");
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const GRACE: Duration = Duration::from_secs(30);

    #[test]
    fn whoever_gets_on_is_left_alone() {
        let now = GRACE * 2;
        for stage in [
            Stage::Starting,
            Stage::Serving,
            Stage::Leaving(Leave::Soon(now)),
        ] {
            for is_shared in [false, true] {
                let measure = measure(stage, Verdict::Fine, is_shared, GRACE, now);
                assert_eq!(measure, None);
            }
        }
    }

    #[test]
    fn abort_comes_first_and_kill_a_second_later_at_the_earliest() {
        let now = GRACE * 2;
        let wedged = Verdict::Wedged(SECOND);
        let at = |stage, now| measure(stage, wedged, false, GRACE, now);
        assert_eq!(at(Stage::Serving, now), Some(Measure::Abort(wedged)));
        let condemned = Stage::Condemned(now);
        assert_eq!(at(condemned, now + SECOND - Duration::from_millis(1)), None);
        let kill = Measure::Kill("is still there");
        assert_eq!(at(condemned, now + SECOND), Some(kill));
        assert_eq!(at(Stage::Killed, now + SECOND * 60), None);
    }

    #[test]
    fn one_thread_of_several_only_has_its_process_told_to_leave() {
        let now = GRACE * 2;
        for verdict in [Verdict::WedgedInPart(SECOND), Verdict::Overdue(SECOND)] {
            let at = |stage| measure(stage, verdict, true, GRACE, now);
            assert_eq!(at(Stage::Serving), Some(Measure::SendAway(verdict)));
            assert_eq!(at(Stage::Leaving(Leave::Soon(now))), None, "once is enough");
        }
        let dead = Verdict::Wedged(SECOND);
        let measure = measure(Stage::Leaving(Leave::Soon(now)), dead, true, GRACE, now);
        assert_eq!(measure, Some(Measure::Abort(dead)), "nobody is left in it");
    }

    /// Clients that merely keep their connection are let go; only who is at work then is killed.
    #[test]
    fn whoever_was_told_to_leave_has_the_grace_period() {
        let now = GRACE * 2;
        let at = |why, now| measure(Stage::Leaving(why), Verdict::Fine, false, GRACE, now);
        let soon = Leave::Soon(now);
        assert_eq!(at(soon, now + GRACE - SECOND), None);
        assert_eq!(at(soon, now + GRACE), Some(Measure::Stop));
        let late = Leave::Late(now);
        assert_eq!(at(late, now + SECOND), None);
        let kill = Measure::Kill("has not left in time");
        assert_eq!(at(late, now + FAREWELL), Some(kill));
    }

    /// A client who takes his time costs nobody his life whom nobody waits for.
    #[test]
    fn whoever_is_not_needed_has_all_the_time_until_all_are_to_go() {
        let now = GRACE * 2;
        for why in [Leave::Spare, Leave::ByItself] {
            let stage = Stage::Leaving(why);
            let at = |verdict| measure(stage, verdict, true, GRACE, now * 100);
            assert_eq!(at(Verdict::Fine), None);
            let wedged = Verdict::Wedged(SECOND);
            assert_eq!(at(wedged), Some(Measure::Abort(wedged)));
            let overdue = Verdict::Overdue(SECOND);
            assert_eq!(at(overdue), Some(Measure::SendAway(overdue)));
            assert_eq!(with_deadline(stage, true, now), stage);
            let soon = Stage::Leaving(Leave::Soon(now));
            assert_eq!(with_deadline(stage, false, now), soon);
            assert_eq!(
                with_deadline(soon, false, now + SECOND),
                soon,
                "once is enough"
            );
        }
        assert_eq!(with_deadline(Stage::Serving, false, now), Stage::Serving);
    }
}
