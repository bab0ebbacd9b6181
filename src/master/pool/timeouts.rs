//! Gunicorn's `murder_workers`: workers that hang, requests that take too long, and retired workers
//! whose deadline is over.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::unistd::Pid;

use super::Pool;
use crate::master::policy::liveness::Health;
use crate::master::worker_state::{Retirement, Stage};
use crate::scoreboard::{PoolEvent, Scoreboard};

/// The time from SIGABRT to SIGKILL.
const ABORT_GRACE: Duration = Duration::from_secs(1);
/// The time from SIGTERM to SIGKILL, beside that for which a closed connection lingers. A worker
/// needs a few ticks to notice the signal and to close connections that wait for no answer.
const TERM_GRACE: Duration = Duration::from_secs(2);

/// How long a retired worker may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grace {
    /// From its retirement to SIGTERM: `--graceful-timeout`.
    pub(super) clients: Duration,
    /// How long a worker waits for a client to read the end of its connection, see `http::Limits`.
    pub(super) linger: Duration,
}

/// What the master does about a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    /// SIGUSR1: it leaves when its clients have left.
    Retire(Health),
    /// SIGTERM: it was retired, and its grace period is over.
    Terminate,
    /// SIGABRT: a core file shows where it hangs.
    Abort(Health),
    /// SIGKILL, with the reason for the log.
    Kill(&'static str),
}

impl Pool<'_> {
    /// Once a tick, reads every worker's heartbeat and acts on those that hang, have a request that
    /// takes too long, or are still there after their deadline.
    pub(in crate::master) fn murder_workers(&mut self, now: Instant) {
        let Some(passed) = self.liveness_interval.due(now) else {
            return;
        };
        let lived = self.lived(now);
        let mut due = Vec::new();
        for (pid, worker) in self.children.iter_mut() {
            let is_wanted = !self.drained && worker.assignment.generation == self.generation;
            worker.stage = with_deadline(worker.stage, is_wanted, lived);
            let threads = worker.heartbeats(self.scoreboard);
            let number = pid.as_raw().cast_unsigned();
            let health = worker
                .liveness
                .check(number, &threads, passed, &self.timeouts);
            let has_threads = self.threads > 1;
            if let Some(action) = action(worker.stage, health, has_threads, self.grace, lived) {
                due.push((pid, worker.assignment.slot, action));
            }
        }
        for (pid, slot, action) in due {
            let name = format!("worker in slot {slot} ({pid})");
            self.act(action, pid, &name, now);
        }
    }

    fn act(&mut self, action: Action, pid: Pid, name: &str, now: Instant) {
        let (stage, signal) = match action {
            Action::Retire(health) => {
                report(name, health, "it is to leave", self.scoreboard);
                return self.retire_worker(pid, Retirement::Deadline(self.lived(now)), now);
            }
            Action::Terminate => {
                let terminated = Retirement::Terminated(self.lived(now));
                (Stage::Retiring(terminated), Signal::SIGTERM)
            }
            Action::Abort(health) => {
                report(name, health, "SIGABRT", self.scoreboard);
                (Stage::Aborted(self.lived(now)), Signal::SIGABRT)
            }
            Action::Kill(why) => {
                crate::log!("{name} {why}: SIGKILL");
                (Stage::Killed, Signal::SIGKILL)
            }
        };
        self.children.signal(pid, signal);
        let Some(worker) = self.children.get_mut(pid) else {
            return;
        };
        let was_starting = worker.stage == Stage::Starting;
        let was_terminated = matches!(worker.stage, Stage::Retiring(Retirement::Terminated(_)));
        self.killed += usize::from(was_terminated && signal == Signal::SIGKILL);
        let born = worker.born;
        worker.stage = stage;
        self.release_index(pid);
        if was_starting {
            // Its successor may hang at the same place, and starts before this one is dead.
            self.crashes.failed(born, now);
        }
    }
}

/// What is to be done about a worker at this stage and of this health. If one of several threads
/// hangs (`has_threads`), the process is retired, so that the clients of the other threads are not
/// cut off. `now` is on the master's own clock, like the times of the stages.
fn action(
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
fn with_deadline(stage: Stage, is_wanted: bool, now: Duration) -> Stage {
    match stage {
        Stage::Retiring(Retirement::Spare | Retirement::Recycled) if !is_wanted => {
            Stage::Retiring(Retirement::Deadline(now))
        }
        stage => stage,
    }
}

/// Logs what is wrong with a worker and what is done about it, and counts it.
fn report(name: &str, health: Health, action: &str, scoreboard: &Scoreboard) {
    let (event, why) = match health {
        Health::Good => return,
        Health::Wedged(time) => (
            PoolEvent::Wedged,
            format!("is wedged: no sign of life for {time:?} (--worker-timeout)"),
        ),
        Health::ThreadWedged(time) => (
            PoolEvent::Wedged,
            format!("has a wedged thread: no sign of life for {time:?} (--worker-timeout)"),
        ),
        Health::Overdue(time) => (
            PoolEvent::Overdue,
            format!("is overdue: a request has taken {time:?} (--request-timeout)"),
        ),
    };
    scoreboard.note(event);
    crate::log!("{name} {why}: {action}");
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
