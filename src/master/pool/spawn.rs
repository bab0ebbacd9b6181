//! Workers that are missing are forked.

use std::io;
use std::time::{Duration, Instant};

use nix::unistd::Pid;

use super::Pool;
use crate::accept::SharedListeners;
use crate::master::lines::NOT_FORKED;
use crate::master::policy::recycling::Allowance;
use crate::master::worker::{Assignment, WorkerContext};
use crate::master::worker_state::WorkerState;
use crate::scoreboard::PoolEvent;
use crate::sys::errors::plain;
use crate::sys::exit::leave_after;
use crate::sys::process::{self, Fork};

impl Pool<'_> {
    /// Retires the workers that are too many and spawns those that are
    /// missing, until a fork fails.
    // ANCHOR: manage_workers
    pub(in crate::master) fn manage_workers(
        &mut self,
        listeners: &mut SharedListeners,
        context: &WorkerContext<'_>,
    ) {
        let steps = self.steps(Instant::now());
        self.retire(&steps, Instant::now());
        for _ in 0..steps.spawn {
            let assignment = self.assign();
            match spawn_worker(assignment, listeners, context) {
                Ok(pid) => self.spawned(pid, assignment, Instant::now()),
                Err(error) => {
                    let pause = self.spawn_failed(assignment, Instant::now());
                    log_failed_fork(&error, pause);
                    return;
                }
            }
        }
    }
    // ANCHOR_END: manage_workers

    /// A stop may find workers missing while connections wait for them. Then a last worker is
    /// spawned for each such queue. It inherits the wish to stop, so it answers those connections
    /// and ends.
    pub(in crate::master) fn final_drain(
        &mut self,
        listeners: &mut SharedListeners,
        context: &WorkerContext<'_>,
    ) -> io::Result<()> {
        // SIGWINCH retires all workers, and may have left connections in the queue.
        self.resume();
        // SIGCHLD may still wait behind the signal that stops.
        self.reap_workers(listeners, Instant::now())?;
        self.demand(listeners.waiting(0)?, Instant::now());
        for _ in 0..self.missing() {
            let assignment = self.assign();
            if listeners.waiting(assignment.index)? == 0 {
                continue;
            }
            match spawn_worker(assignment, listeners, context) {
                Ok(pid) => self.spawned(pid, assignment, Instant::now()),
                Err(error) => crate::log_error!("connections are lost: fork: {}", plain(&error)),
            }
        }
        Ok(())
    }

    /// A free slot and index for a worker that is about to be spawned.
    fn assign(&self) -> Assignment {
        Assignment {
            slot: self.slots.take() * self.threads,
            index: self.indices.take(),
            generation: self.generation,
        }
    }

    /// To be called when a worker was forked.
    fn spawned(&mut self, pid: Pid, assignment: Assignment, now: Instant) {
        self.forks.succeeded();
        self.scoreboard.note(PoolEvent::Started);
        crate::log_debug!("worker ({pid}) in slot {} starts", assignment.slot);
        let mut worker = WorkerState::new(assignment, self.threads, self.scoreboard, now);
        worker.allowance = Allowance::draw(&self.recycling);
        self.children.add(pid, worker);
    }

    /// To be called when the fork has failed. Returns how long to wait before the next.
    fn spawn_failed(&mut self, assignment: Assignment, now: Instant) -> Duration {
        self.scoreboard.note(PoolEvent::ForkFailed);
        self.give_back(assignment);
        self.forks.failed(now, now)
    }

    /// Frees what was assigned to a worker that could not be forked.
    fn give_back(&self, assignment: Assignment) {
        self.clear(assignment.slot);
        self.indices.give_back(assignment.index);
    }
}

fn log_failed_fork(error: &io::Error, pause: Duration) {
    NOT_FORKED.log(format_args!("fork: {}; again in {pause:?}", plain(error)));
}

/// Forks a worker. The child never returns from here.
// ANCHOR: spawn_worker
fn spawn_worker(
    assignment: Assignment,
    listeners: &mut SharedListeners,
    context: &WorkerContext<'_>,
) -> io::Result<Pid> {
    let requests = context.draw_max_requests();
    listeners.prepare(assignment.slot)?;
    match process::fork()? {
        Fork::Parent(pid) => Ok(pid),
        Fork::Child => {
            let live = || context.run_worker(assignment, listeners, requests);
            leave_after(live)
        }
    }
}
// ANCHOR_END: spawn_worker
