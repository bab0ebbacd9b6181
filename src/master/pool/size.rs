//! How many workers there should be: decided on a tick, by waiting connections, or by hand.

use std::io;
use std::time::{Duration, Instant};

use super::Pool;
use crate::accept::SharedListeners;
use crate::master::lines::{self, RESIZED};
use crate::master::policy::sizing::{Census, Change};
use crate::scoreboard::{PoolEvent, SLOTS_MAX};

/// A connection that was seen in the accept queue may be on its way to an idle worker that is just
/// waking up. So long it does not count.
const DEMAND_PAUSE: Duration = Duration::from_millis(20);

impl Pool<'_> {
    /// Decides the size once a tick.
    ///
    /// # Errors
    /// The length of the accept queue cannot be read.
    pub(in crate::master) fn resize(
        &mut self,
        listeners: &SharedListeners,
        now: Instant,
    ) -> io::Result<()> {
        let is_due = self.sizing_interval.due(now).is_some();
        if is_due {
            lines::flush();
        }
        if is_due && self.is_at_target(now) {
            let census = self.census();
            let waiting = self.workers_for(listeners.waiting(0)?);
            let change = self.sizer.tick(&census, waiting, now);
            self.apply(change, &census);
        }
        Ok(())
    }

    /// How many workers there should be now.
    pub(super) fn target(&self) -> usize {
        match self.drained {
            true => 0,
            false => self.sizer.target(),
        }
    }

    /// True if the pool is at its target size and no back-off is running. Otherwise one shortage
    /// would be counted twice.
    fn is_at_target(&self, now: Instant) -> bool {
        !self.drained && self.backoff(now).is_zero() && self.missing() == 0
    }

    /// Whether a waiting connection may call for another worker.
    pub(in crate::master) fn awaits_demand(&self, now: Instant) -> bool {
        self.sizer.is_on_demand()
            && self.is_at_target(now)
            && self.census().current() < self.sizer.limit()
            && self.demand_pause(now).is_zero()
    }

    /// Grows the pool for the connections that wait in the accept queue.
    pub(in crate::master) fn demand(&mut self, waiting: u32, now: Instant) {
        let census = self.census();
        let mut wanted = self.workers_for(waiting);
        let workers = self.children.iter();
        let accepted = workers.map(|(_, it)| it.accepted(self.scoreboard));
        let accepted = accepted.fold(0, u64::wrapping_add);
        if census.starting == 0 && self.queue.is_stuck(accepted, now) {
            wanted = wanted.max(census.spare() + 1);
        }
        let change = self.sizer.demand(&census, wanted);
        self.apply(change, &census);
        self.seen_demand = Some(now);
    }

    /// One worker more or fewer, by hand (TTIN, TTOU).
    pub(in crate::master) fn adjust(&mut self, by: isize) {
        let before = self.sizer.limit();
        let limit = self.sizer.adjust(by, self.least, SLOTS_MAX / self.threads);
        let workers = if limit == 1 { "worker" } else { "workers" };
        let may_have = if self.sizer.is_static() {
            "has"
        } else {
            "may have"
        };
        let now = match limit == before {
            false => "now",
            true if by < 0 => "and cannot do with fewer",
            true => "and cannot do with more",
        };
        crate::log!("by hand: the pool {may_have} {limit} {workers} {now}");
        self.publish();
    }

    /// How many workers so many connections need: a worker takes as many as it has threads.
    fn workers_for(&self, waiting: u32) -> usize {
        (waiting as usize).div_ceil(self.threads)
    }

    /// How long the accept queue is not looked at.
    pub(super) fn demand_pause(&self, now: Instant) -> Duration {
        self.seen_demand.map_or(Duration::ZERO, |seen| {
            (seen + DEMAND_PAUSE).saturating_duration_since(now)
        })
    }

    /// Logs a change of size with its reason, and publishes the new target. The next
    /// `manage_workers` carries it out.
    fn apply(&self, change: Option<Change>, census: &Census) {
        let (busy, spare) = (census.busy, census.spare());
        let target = self.sizer.target();
        match change {
            None => return,
            Some(Change::Grow(count)) => {
                RESIZED.log(format_args!(
                    "pool: {busy} busy, {spare} spare: {count} more, {target} in all"
                ));
            }
            Some(Change::Shrink(count)) => {
                RESIZED.log(format_args!(
                    "pool: {busy} busy, {spare} spare: {count} fewer, {target} in all"
                ));
            }
            Some(Change::LimitReached) => {
                self.scoreboard.note(PoolEvent::LimitReached);
                // A static pool is always at its limit.
                if !self.sizer.is_static() {
                    let limit = self.sizer.limit();
                    RESIZED.log(format_args!(
                        "pool: all {limit} workers are busy, and --workers allows no more"
                    ));
                }
            }
        }
        self.publish();
    }

    /// Shows generation and size in the scoreboard.
    pub(super) fn publish(&self) {
        let (target, limit) = (self.target(), self.sizer.limit());
        self.scoreboard.note_pool(self.generation, target, limit);
    }
}
