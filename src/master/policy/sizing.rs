//! How many workers there should be. Pure: counts in, a number and a reason out.

use std::time::{Duration, Instant};

use crate::server::Sizing;

/// The most that is added in one tick, as in Apache.
const RATE_MAX: usize = 32;

/// The workers, counted by what they do. Workers that leave without a deadline are in none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Census {
    /// Forked and not yet ready. They count as spare: soon they will be idle.
    pub(crate) starting: usize,
    /// Ready, and with room for a client.
    pub(crate) idle: usize,
    /// Those of the idle ones that have no client at all. A worker with several threads may have
    /// room and clients, and is not retired.
    pub(crate) vacant: usize,
    /// Ready, and without room.
    pub(crate) busy: usize,
    /// Ready, of an earlier generation, and to be replaced.
    pub(crate) old: usize,
    /// Retired with a deadline, and still there.
    pub(crate) leaving: usize,
}

impl Census {
    /// Workers of this generation.
    pub(crate) fn current(&self) -> usize {
        self.starting + self.idle + self.busy
    }

    /// Workers that can accept a connection, or soon will.
    pub(crate) fn spare(&self) -> usize {
        self.starting + self.idle
    }
}

/// Decides how many workers there should be.
#[derive(Debug)]
pub(crate) struct Sizer {
    sizing: Sizing,
    /// The most that there may be.
    limit: usize,
    /// As many as there should be now.
    target: usize,
    /// How many the next tick may add.
    rate: usize,
    is_at_limit: bool,
    /// The fewest vacant workers since the time beside it: so many were not needed.
    slack: Option<(usize, Instant)>,
}

/// A decision, for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// There are fewer spare workers than there should be, or connections wait: so many are added.
    Grow(usize),
    /// So many were not needed, and leave.
    Shrink(usize),
    /// More are needed than there may be. Decided once each time that this begins.
    LimitReached,
}

impl Sizer {
    /// For a pool of `limit` workers, or of at most so many where the number varies.
    pub(crate) fn new(sizing: Sizing, limit: usize) -> Self {
        let target = match sizing {
            Sizing::Static => limit,
            Sizing::Dynamic { spare_min, .. } => spare_min.clamp(1, limit),
            Sizing::OnDemand { .. } => 0,
        };
        Self {
            sizing,
            limit,
            target,
            rate: 1,
            is_at_limit: false,
            slack: None,
        }
    }

    /// Takes over new rules. The load has not changed, so the size stays as far as they allow.
    /// Changes by hand (TTIN, TTOU) are forgotten.
    pub(crate) fn reconfigure(&mut self, sizing: Sizing, limit: usize) {
        let fresh = Self::new(sizing, limit);
        let target = match sizing {
            Sizing::Static => fresh.target,
            _ => self.target.clamp(fresh.target, limit),
        };
        *self = Self {
            target,
            is_at_limit: self.is_at_limit,
            ..fresh
        };
    }

    /// As many as there should be now.
    pub(crate) fn target(&self) -> usize {
        self.target
    }

    /// The most that there may be.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// Whether only TTIN and TTOU change the number.
    pub(crate) fn is_static(&self) -> bool {
        matches!(self.sizing, Sizing::Static)
    }

    /// Whether the pool grows when a connection waits.
    pub(crate) fn is_on_demand(&self) -> bool {
        matches!(self.sizing, Sizing::OnDemand { .. })
    }

    /// One more or one fewer, by hand: in a static pool of the workers, in others of the limit,
    /// which stays between `least` and `most`.
    pub(crate) fn adjust(&mut self, by: isize, least: usize, most: usize) -> usize {
        let limit = self.limit.saturating_add_signed(by);
        self.limit = limit.clamp(least, most.max(least));
        self.target = match self.sizing {
            Sizing::Static => self.limit,
            _ => self.target.min(self.limit),
        };
        self.limit
    }

    /// A worker has died or leaves that was not retired. On demand, it is replaced only if a
    /// connection waits; otherwise always, since the target stays.
    pub(crate) fn died(&mut self) {
        if self.is_on_demand() {
            self.target = self.target.saturating_sub(1);
        }
    }

    /// To be called once a tick. The rule depends on the kind of pool.
    ///
    /// While one generation replaces another, the size stays as it is.
    /// The accept queue holds connections for `waiting` workers.
    pub(crate) fn tick(&mut self, census: &Census, waiting: usize, now: Instant) -> Option<Change> {
        if census.old > 0 {
            return None;
        }
        match self.sizing {
            Sizing::Static => self.note_limit(census),
            Sizing::Dynamic {
                spare_min,
                spare_max,
            } => self.keep_spare(census, waiting, spare_min, spare_max),
            Sizing::OnDemand { idle } => self.let_go(census, now, idle),
        }
    }

    /// The accept queue holds connections for `wanted` workers. While one generation replaces
    /// another, the size stays as it is: the old workers serve, but are not among the spare ones.
    pub(crate) fn demand(&mut self, census: &Census, wanted: usize) -> Option<Change> {
        let missing = wanted.saturating_sub(census.spare());
        if missing == 0 || census.old > 0 || !self.is_on_demand() {
            return None;
        }
        self.slack = None;
        self.grow(census, missing.min(RATE_MAX))
    }

    fn keep_spare(
        &mut self,
        census: &Census,
        waiting: usize,
        min: usize,
        max: usize,
    ) -> Option<Change> {
        // ANCHOR: keep_spare
        let spare = census.spare();
        if spare < min {
            // With no worker free, each connection that waits needs one.
            let waiting = if spare == 0 { waiting } else { 0 };
            let count = self.rate.min(min - spare + waiting);
            self.rate = (self.rate * 2).min(RATE_MAX);
            return self.grow(census, count);
        }
        self.rate = 1;
        self.is_at_limit = false;
        // One a second, as in Apache: the next burst may be near.
        (spare > max && census.vacant > 0).then(|| self.shrink(census, 1))
        // ANCHOR_END: keep_spare
    }

    /// Lets as many workers go as were always vacant during `idle`. Where workers take turns, none
    /// of them is idle for long, so the idle time of each worker would keep all of them.
    fn let_go(&mut self, census: &Census, now: Instant, idle: Duration) -> Option<Change> {
        let limit = self.note_limit(census);
        let (fewest, since) = self.slack.unwrap_or((census.vacant, now));
        let fewest = fewest.min(census.vacant);
        self.slack = Some((fewest, since));
        if now < since + idle {
            return limit;
        }
        self.slack = None;
        (fewest > 0).then(|| self.shrink(census, fewest)).or(limit)
    }

    fn grow(&mut self, census: &Census, count: usize) -> Option<Change> {
        let room = self.limit.saturating_sub(census.current());
        if room == 0 {
            self.rate = 1;
            return self.note_limit(census);
        }
        let count = count.min(room);
        self.target = census.current() + count;
        Some(Change::Grow(count))
    }

    fn shrink(&mut self, census: &Census, count: usize) -> Change {
        self.target = census.current().saturating_sub(count);
        Change::Shrink(count)
    }

    /// `LimitReached` when the pool has its most workers and all become busy; not again while that
    /// lasts.
    fn note_limit(&mut self, census: &Census) -> Option<Change> {
        let is_any_busy = census.busy > 0 && census.spare() == 0;
        let is_at_limit = is_any_busy && census.current() >= self.limit;
        let begins = is_at_limit && !self.is_at_limit;
        self.is_at_limit = is_at_limit;
        begins.then_some(Change::LimitReached)
    }
}
