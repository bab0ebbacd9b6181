//! What the master does about a worker that hangs, or that does not leave in time. Pure: a stage, a
//! health and the time in, an action out.

use std::time::Duration;

use super::liveness::Health;
use crate::master::worker_state::{Retirement, Stage};

/// The time from SIGABRT to SIGKILL.
const ABORT_GRACE: Duration = Duration::from_secs(1);
/// The time from SIGTERM to SIGKILL, beside that for which a closed connection lingers. A worker
/// needs a few ticks to notice the signal and to close connections that wait for no answer.
const TERM_GRACE: Duration = Duration::from_secs(2);

/// How long a retired worker may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grace {
    /// From its retirement to SIGTERM: `--graceful-timeout`.
    pub(crate) clients: Duration,
    /// How long a worker waits for a client to read the end of its connection, see `http::Limits`.
    pub(crate) linger: Duration,
}

/// What the master does about a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// SIGUSR1: it leaves when its clients have left.
    Retire(Health),
    /// SIGTERM: it was retired, and its grace period is over.
    Terminate,
    /// SIGABRT: a core file shows where it hangs.
    Abort(Health),
    /// SIGKILL, with the reason for the log.
    Kill(&'static str),
}

/// What is to be done about a worker at this stage and of this health. If one of several threads
/// hangs (`has_threads`), the process is retired, so that the clients of the other threads are not
/// cut off. `now` is on the master's own clock, like the times of the stages.
pub(crate) fn action(
    stage: Stage,
    health: Health,
    has_threads: bool,
    grace: Grace,
    now: Duration,
) -> Option<Action> {
    match (stage, health) {
        (Stage::Killed, _) => None,
        (Stage::Aborted(since), _) => {
            (now >= since + ABORT_GRACE).then_some(Action::Kill("is still there"))
        }
        (Stage::Retiring(Retirement::Terminated(since)), _)
            if now >= since + grace.linger + TERM_GRACE =>
        {
            Some(Action::Kill("has not left in time"))
        }
        (Stage::Retiring(Retirement::Deadline(since)), _) if now >= since + grace.clients => {
            Some(Action::Terminate)
        }
        (_, Health::Good) => None,
        (stage, Health::ThreadWedged(_) | Health::Overdue(_)) if has_threads => {
            let is_told = matches!(
                stage,
                Stage::Retiring(Retirement::Deadline(_) | Retirement::Terminated(_))
            );
            (!is_told).then_some(Action::Retire(health))
        }
        (_, health) => Some(Action::Abort(health)),
    }
}

/// A worker that leaves without a deadline gets one as soon as the master waits for its end: when
/// its generation is to be replaced, or when the pool is drained.
pub(crate) fn with_deadline(stage: Stage, is_wanted: bool, now: Duration) -> Stage {
    match stage {
        Stage::Retiring(Retirement::Spare | Retirement::Recycled) if !is_wanted => {
            Stage::Retiring(Retirement::Deadline(now))
        }
        stage => stage,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const CLIENTS: Duration = Duration::from_secs(30);
    const GRACE: Grace = Grace {
        clients: CLIENTS,
        linger: SECOND,
    };

    #[test]
    fn a_healthy_worker_is_left_alone() {
        let now = CLIENTS * 2;
        for stage in [
            Stage::Starting,
            Stage::Serving,
            Stage::Retiring(Retirement::Deadline(now)),
        ] {
            for is_shared in [false, true] {
                let action = action(stage, Health::Good, is_shared, GRACE, now);
                assert_eq!(action, None);
            }
        }
    }

    #[test]
    fn abort_comes_first_and_kill_a_second_later_at_the_earliest() {
        let now = CLIENTS * 2;
        let wedged = Health::Wedged(SECOND);
        let at = |stage, now| action(stage, wedged, false, GRACE, now);
        assert_eq!(at(Stage::Serving, now), Some(Action::Abort(wedged)));
        let condemned = Stage::Aborted(now);
        assert_eq!(at(condemned, now + SECOND - Duration::from_millis(1)), None);
        let kill = Action::Kill("is still there");
        assert_eq!(at(condemned, now + SECOND), Some(kill));
        assert_eq!(at(Stage::Killed, now + SECOND * 60), None);
    }

    #[test]
    fn one_hanging_thread_of_several_has_its_process_retired() {
        let now = CLIENTS * 2;
        for health in [Health::ThreadWedged(SECOND), Health::Overdue(SECOND)] {
            let at = |stage| action(stage, health, true, GRACE, now);
            assert_eq!(at(Stage::Serving), Some(Action::Retire(health)));
            assert_eq!(
                at(Stage::Retiring(Retirement::Deadline(now))),
                None,
                "once is enough"
            );
        }
        let dead = Health::Wedged(SECOND);
        let action = action(
            Stage::Retiring(Retirement::Deadline(now)),
            dead,
            true,
            GRACE,
            now,
        );
        assert_eq!(
            action,
            Some(Action::Abort(dead)),
            "no thread is left that serves"
        );
    }

    /// SIGTERM closes the connections of clients that wait for nothing. SIGKILL hits a worker only
    /// if it is still at work after that.
    #[test]
    fn a_retired_worker_has_the_grace_period() {
        let now = CLIENTS * 2;
        let at = |why, now| action(Stage::Retiring(why), Health::Good, false, GRACE, now);
        let soon = Retirement::Deadline(now);
        assert_eq!(at(soon, now + CLIENTS - SECOND), None);
        assert_eq!(at(soon, now + CLIENTS), Some(Action::Terminate));
        let late = Retirement::Terminated(now);
        assert_eq!(at(late, now + TERM_GRACE), None, "it may linger");
        let kill = Action::Kill("has not left in time");
        assert_eq!(at(late, now + SECOND + TERM_GRACE), Some(kill));
    }

    /// A slow client never causes the death of a worker that nothing waits for.
    #[test]
    fn a_spare_worker_has_no_deadline_until_its_generation_is_to_go() {
        let now = CLIENTS * 2;
        for why in [Retirement::Spare, Retirement::Recycled] {
            let stage = Stage::Retiring(why);
            let at = |health| action(stage, health, true, GRACE, now * 100);
            assert_eq!(at(Health::Good), None);
            let wedged = Health::Wedged(SECOND);
            assert_eq!(at(wedged), Some(Action::Abort(wedged)));
            let overdue = Health::Overdue(SECOND);
            assert_eq!(at(overdue), Some(Action::Retire(overdue)));
            assert_eq!(with_deadline(stage, true, now), stage);
            let soon = Stage::Retiring(Retirement::Deadline(now));
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
