//! Workers that are replaced because of their memory or their age.

use std::time::Instant;

use nix::unistd::Pid;

use super::Pool;
use crate::master::lines::RECYCLED;
use crate::master::policy::recycling::Reason;
use crate::master::policy::rollout::surplus;
use crate::master::worker_state::{Retirement, Stage};
use crate::sys::usage::resident_mib;

impl Pool<'_> {
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
}
