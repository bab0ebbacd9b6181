//! Workers that have ended, and workers that have become ready.

use std::io;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::sys::wait::WaitStatus;
use nix::unistd::Pid;

use super::end::release;
use super::{Pool, STARTS_MAX};
use crate::accept::SharedListeners;
use crate::master::lines::{ENDED, FAILED, RECYCLED};
use crate::master::worker_state::{Exit, Retirement, Stage, WorkerState, describe};
use crate::scoreboard::PoolEvent;
use crate::sys::signal;

/// Of workers that leave by themselves there may be so many for each that may serve. Honest workers
/// stop at one, and those that had begun before they saw it make no second.
const LEAVING_PER_SERVING: usize = 2;

impl Pool<'_> {
    /// Reaps the workers that have ended, and reads from the scoreboard which have become ready or
    /// leave by themselves.
    ///
    /// # Errors
    /// No worker was ever ready, and [`STARTS_MAX`] have failed.
    pub(in crate::master) fn reap_workers(
        &mut self,
        listeners: &mut SharedListeners,
        now: Instant,
    ) -> io::Result<()> {
        while let Some((pid, status, worker)) = self.children.reap() {
            listeners.worker_ended(worker.assignment.slot);
            self.reaped(pid, status, worker, now)?;
        }
        self.note_ready();
        self.note_recycled();
        Ok(())
    }

    /// Workers that have reported themselves ready are serving from now on.
    pub(super) fn note_ready(&mut self) {
        for (pid, worker) in self.children.iter_mut() {
            if worker.stage == Stage::Starting && worker.is_ready(pid, self.scoreboard) {
                worker.stage = Stage::Serving;
                crate::log_debug!("worker ({pid}) in slot {} serves", worker.assignment.slot);
                self.ever_ready = true;
                self.is_proven |= worker.assignment.generation == self.generation;
            }
        }
    }

    /// Workers that have reported that they accept no connection any more (`--max-requests`) are
    /// replaced while they finish with their clients.
    ///
    /// Clients that never leave could fill the machine with such workers. So once there are as many
    /// of them as workers may serve, the rest is told not to begin. Those that had begun before
    /// they saw it are replaced all the same, since connections have to be accepted.
    ///
    /// A worker that a client has taken over can write into the record of any other that it leaves.
    /// So the master takes it at its word and tells it to leave, and believes only so many.
    fn note_recycled(&mut self) {
        let recycled = Stage::Retiring(Retirement::Recycled);
        let scoreboard = self.scoreboard;
        let serving = self.children.iter();
        let serving = serving.filter(|(_, it)| it.stage == Stage::Serving);
        let leaving = serving.filter(|(pid, it)| it.is_leaving(*pid, scoreboard));
        let mut leaving: Vec<Pid> = leaving.map(|(pid, _)| pid).collect();
        let before = self.select(|it| it.stage == recycled).len();
        leaving.truncate((LEAVING_PER_SERVING * self.sizer.limit()).saturating_sub(before));
        for &pid in &leaving {
            if let Some(worker) = self.children.get_mut(pid) {
                worker.stage = recycled;
            }
            self.release_index(pid);
            // Usually it has done so already.
            self.children.signal(pid, Signal::SIGUSR1);
            RECYCLED.log(format_args!(
                "worker ({pid}) has answered enough (--max-requests): it leaves and is replaced"
            ));
        }
        let is_crowded = before + leaving.len() >= self.sizer.limit();
        if is_crowded && !self.is_crowded {
            RECYCLED.log(format_args!(
                "pool: clients hold back as many workers that have done enough (--max-requests) as \
                 may serve, so the others go on"
            ));
        }
        self.is_crowded = is_crowded;
        self.scoreboard.note_crowd(is_crowded);
    }

    /// Frees the places of a worker that has ended, and counts and logs an end that the master did
    /// not want.
    fn reaped(
        &mut self,
        pid: Pid,
        status: WaitStatus,
        mut worker: WorkerState,
        now: Instant,
    ) -> io::Result<()> {
        let was_ready = worker.is_ready(pid, self.scoreboard);
        self.ever_ready |= was_ready;
        self.is_proven |= was_ready && worker.assignment.generation == self.generation;
        self.clear(worker.assignment.slot);
        // A retired worker has a successor already.
        let is_replaced = worker.holds_index && !self.sizer.is_on_demand() && !signal::stopping();
        if release(&mut worker, self.generation, &self.indices) {
            self.sizer.died();
        }
        let has_served = worker.has_served(self.scoreboard);
        let exit = worker.exit(status, was_ready, has_served, now);
        let pause = self.count_crash(exit, &worker, now);
        // The reason was logged when it was retired.
        let is_told = matches!(worker.stage, Stage::Retiring(_));
        if is_told && matches!(exit, Exit::Expected | Exit::Voluntary) {
            crate::log_debug!("worker ({pid}) has ended, as it was told");
            return Ok(());
        }
        if matches!(status, WaitStatus::Exited(_, 1)) {
            FAILED.note();
        }
        let (slot, what) = (worker.assignment.slot, describe(status));
        let then = match (is_replaced, pause.as_millis()) {
            (false, _) => String::new(),
            (true, 0) => "; replacing it".to_owned(),
            (true, ms) => format!("; replacing it in {ms} ms"),
        };
        ENDED.log(format_args!("worker in slot {slot} {what}{then}"));
        if !self.ever_ready && self.crashes.failures() >= STARTS_MAX {
            return Err(io::Error::other(format!(
                "no worker ever became ready; the last of them {what}"
            )));
        }
        Ok(())
    }

    /// Counts a crash. Returns how long its replacement has to wait, because of this crash or of
    /// earlier ones.
    fn count_crash(&mut self, exit: Exit, worker: &WorkerState, now: Instant) -> Duration {
        let Exit::Crashed { soon } = exit else {
            return Duration::ZERO;
        };
        self.scoreboard.note(PoolEvent::Crashed);
        // The crash of an old generation's worker says nothing about the current one.
        if soon && worker.assignment.generation == self.generation {
            return self.crashes.failed(worker.born, now);
        }
        self.respawns.count(now);
        self.backoff(now)
    }

    /// Frees the slots of a worker that has ended.
    pub(super) fn clear(&self, slot: usize) {
        for thread in 0..self.threads {
            self.scoreboard.vacate(slot + thread);
        }
        self.slots.give_back(slot / self.threads);
    }
}
