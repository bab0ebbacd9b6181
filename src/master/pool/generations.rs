//! One generation of workers replaces another: a reload begins it, and may be rolled back.

use std::time::Instant;

use super::{Pool, STARTS_MAX};
use crate::master::policy::backoff::Backoff;
use crate::master::policy::rollout::Rollout;
use crate::master::worker_state::{Retirement, Stage};
use crate::scoreboard::Slots;

impl Pool<'_> {
    /// The current generation's number, from 1, and how many workers it has.
    pub(in crate::master) fn generation(&self) -> (u64, usize) {
        (self.generation, self.census().current())
    }

    /// True if the pool is at its size and every worker is ready and of the current generation.
    pub(in crate::master) fn is_settled(&self) -> bool {
        let census = self.census();
        let is_filled = census.starting == 0 && census.current() >= self.target();
        !self.drained && census.old == 0 && is_filled
    }

    /// Begins a generation that is to replace the workers that there are.
    pub(in crate::master) fn begin_generation(&mut self, now: Instant) {
        self.resume();
        if self.is_proven {
            self.proven_generation = self.generation;
        }
        self.last_generation += 1;
        self.generation = self.last_generation;
        self.is_proven = false;
        let generation = self.generation;
        crate::log!("generation {generation} is to take over, a few at a time");
        self.indices = Slots::default();
        // The old generation may have crashed for a reason that the reload removes.
        self.crashes = Backoff::forgiving(1);
        self.publish();
        // Workers that have become ready meanwhile serve until they are replaced. Those that are
        // still starting serve no client, so they can go now.
        self.note_ready();
        let starting = self.select(|it| it.stage == Stage::Starting);
        let deadline = Retirement::Deadline(self.lived(now));
        for pid in starting {
            self.retire_worker(pid, deadline, now);
        }
    }

    /// What has become of the current generation so far.
    pub(in crate::master) fn rollout(&self) -> Rollout {
        match self.is_proven {
            true => Rollout::Proven,
            false if self.ever_ready && self.crashes.failures() >= STARTS_MAX => Rollout::Failed,
            false => Rollout::Pending,
        }
    }

    /// Gives up a generation of which no worker has become ready. Its predecessor, which still
    /// serves, is the current generation again, and its workers are replaced when they end.
    pub(in crate::master) fn roll_back(&mut self, now: Instant) {
        let failed = std::mem::replace(&mut self.generation, self.proven_generation);
        self.is_proven = true;
        self.crashes = Backoff::forgiving(1);
        let generation = self.generation;
        let workers = self.children.iter().map(|(_, it)| it);
        let held = workers.filter(|it| it.holds_index && it.assignment.generation == generation);
        self.indices = Slots::taken_by(held.map(|it| it.assignment.index).collect());
        let failed = self.select(|it| it.assignment.generation == failed && it.stays());
        let deadline = Retirement::Deadline(self.lived(now));
        for pid in failed {
            self.retire_worker(pid, deadline, now);
        }
        self.publish();
    }
}
