//! How a worker is made to end: told to leave (SIGUSR1) because it is spare, old or large, told to
//! stop (SIGTERM), or killed.

use std::cmp::Reverse;
use std::time::Instant;

use nix::sys::signal::Signal;
use nix::unistd::Pid;

use super::Pool;
use crate::master::lines::{KILLED, RECYCLED};
use crate::master::policy::deadlines::{Action, action, with_deadline};
use crate::master::policy::liveness::Health;
use crate::master::policy::recycling::Reason;
use crate::master::policy::rollout::{Steps, surplus};
use crate::master::worker_state::{Retirement, Stage, WorkerState};
use crate::scoreboard::{PoolEvent, Scoreboard, Slots, State};
use crate::sys::usage::resident_mib;

impl Pool<'_> {
    /// Retires as many workers as `steps` says, of old generations and of the current one.
    pub(in crate::master) fn retire(&mut self, steps: &Steps, now: Instant) {
        let generation = self.generation;
        let old = self.first_to_go(steps.retire_old, |it| {
            it.assignment.generation != generation
        });
        let current = self.first_to_go(steps.retire, |it| it.assignment.generation == generation);
        let deadline = Retirement::Deadline(self.lived(now));
        // The master waits for a spare worker's end only if it drains the pool.
        let spare = if self.drained {
            deadline
        } else {
            Retirement::Spare
        };
        for pid in old {
            self.retire_worker(pid, deadline, now);
        }
        for pid in current {
            self.retire_worker(pid, spare, now);
        }
    }

    /// The first `count` workers of those that stay, in the order of [`Pool::rank`].
    fn first_to_go(&self, count: usize, which: impl Fn(&WorkerState) -> bool) -> Vec<Pid> {
        if count == 0 {
            return Vec::new();
        }
        let mut workers = self.select(|it| it.stays() && which(it));
        // The workers change their load meanwhile. Each rank is computed once, since a sort may
        // panic if a comparison gives different results for the same pair.
        workers.sort_by_cached_key(|pid| self.children.get(*pid).map(|it| self.rank(*pid, it)));
        workers.truncate(count);
        workers
    }

    /// The lowest rank is retired first: the worker with the fewest clients and, among those, the
    /// highest index, so that the pool stays dense.
    ///
    /// Where each index has a listener, every queue needs a worker. There the highest index goes
    /// first, and of old workers those first whose successor at the same index serves already.
    fn rank(&self, pid: Pid, worker: &WorkerState) -> (bool, u64, Reverse<usize>) {
        let (index, generation) = (worker.assignment.index, self.generation);
        if !self.has_queues {
            let load = worker.load(pid, self.scoreboard);
            return (false, load.clients, Reverse(index));
        }
        let mut others = self.children.iter().map(|(_, it)| it);
        let has_successor = others.any(|it| {
            it.stage == Stage::Serving
                && it.assignment.generation == generation
                && it.assignment.index == index
        });
        let is_missed = worker.assignment.generation != generation && !has_successor;
        (is_missed, 0, Reverse(index))
    }

    /// SIGUSR1: the worker accepts no more connections and ends when its clients have left.
    pub(super) fn retire_worker(&mut self, pid: Pid, why: Retirement, now: Instant) {
        let Some(worker) = self.children.get_mut(pid) else {
            return;
        };
        worker.stage = Stage::Retiring(why);
        let slot = worker.assignment.slot;
        release(worker, self.generation, &self.indices);
        for thread in 0..self.threads {
            self.scoreboard.put(slot + thread, State::Retiring, now);
        }
        self.children.signal(pid, Signal::SIGUSR1);
    }

    /// Lets a successor take the worker's index while the worker still lives. The sizer did not ask
    /// for this worker's end, so it is told.
    pub(super) fn release_index(&mut self, pid: Pid) {
        let worker = self.children.get_mut(pid);
        if worker.is_some_and(|it| release(it, self.generation, &self.indices)) {
            self.sizer.died();
        }
    }

    /// Once a second, tells workers to leave that are too old or use too much memory. Their
    /// successors start at once, and they finish with their clients, as with `--max-requests`.
    ///
    /// The master measures, not the worker: a worker that a client controls could lie. It leaves a
    /// few at a time, and none while others start, so that a limit which all of them exceed does
    /// not empty the pool.
    pub(in crate::master) fn recycle_workers(&mut self, now: Instant) {
        if !self.recycling.is_on() || self.recycling_interval.due(now).is_none() || self.drained {
            return;
        }
        let recycled = Stage::Retiring(Retirement::Recycled);
        let leaving = self.select(|it| it.stage == recycled).len();
        let (census, target) = (self.census(), self.target());
        if census.starting > 0 || census.old > 0 || leaving >= self.sizer.limit() {
            return;
        }
        let mut due = self.exceeding(now);
        due.truncate(surplus(target));
        for (pid, slot, reason) in due {
            RECYCLED.log(format_args!(
                "worker in slot {slot} ({pid}) {reason}: it leaves and is replaced"
            ));
            self.release_index(pid);
            self.retire_worker(pid, Retirement::Recycled, now);
        }
    }

    /// The workers that exceed their allowance, with their slots and the reasons; the oldest first,
    /// so that each has its turn.
    fn exceeding(&self, now: Instant) -> Vec<(Pid, usize, Reason)> {
        let workers = self.children.iter();
        let serving = workers.filter(|(_, it)| it.stage == Stage::Serving);
        let exceeding = serving.filter_map(|(pid, worker)| {
            let age = now.saturating_duration_since(worker.born);
            let memory = || resident_mib(pid.as_raw().cast_unsigned());
            let reason = worker.allowance.exceeded(age, memory)?;
            Some((worker.born, pid, worker.assignment.slot, reason))
        });
        let mut exceeding: Vec<_> = exceeding.collect();
        exceeding.sort_by_key(|&(born, ..)| born);
        let without_age = exceeding.into_iter();
        without_age
            .map(|(_, pid, slot, reason)| (pid, slot, reason))
            .collect()
    }

    /// Acts on workers that hang, have a request that takes too long, or are still there after
    /// their deadline. Once a tick, it reads every worker's heartbeat. The name is Gunicorn's.
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
                KILLED.log(format_args!("{name} {why}: SIGKILL"));
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

/// Gives the worker's index back. False if it has done so before, or if the index is one of an old
/// generation, which has no successors.
pub(super) fn release(worker: &mut WorkerState, generation: u64, indices: &Slots) -> bool {
    let held_index =
        std::mem::take(&mut worker.holds_index) && worker.assignment.generation == generation;
    if held_index {
        indices.give_back(worker.assignment.index);
    }
    held_index
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
    KILLED.log(format_args!("{name} {why}: {action}"));
}
