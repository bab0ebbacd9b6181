//! Workers that are told to leave.

use std::cmp::Reverse;
use std::time::Instant;

use nix::sys::signal::Signal;
use nix::unistd::Pid;

use super::Pool;
use crate::master::policy::rollout::Steps;
use crate::master::worker_state::{Retirement, Stage, WorkerState};
use crate::scoreboard::{Slots, State};

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
