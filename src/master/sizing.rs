//! How many workers there should be. Pure: a census in, a number and a reason out.

use std::time::{Duration, Instant};

use crate::serve::Sizing;

/// The most that is added in one tick, as in Apache.
const RATE_MAX: usize = 32;

/// The workers as the master finds them, apart from those that it has told to leave.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Census {
    /// Made and not yet ready. They count as idle: soon they will be.
    pub(super) starting: usize,
    /// Ready, and with room for a client.
    pub(super) idle: usize,
    /// Those of them that have no client at all. Where a worker has several threads, the others
    /// have some, and are not to be sent away.
    pub(super) vacant: usize,
    /// Ready, and without room.
    pub(super) busy: usize,
    /// Ready, of an earlier generation, and to be replaced.
    pub(super) old: usize,
    /// Told to leave by a certain time, and still there.
    pub(super) leaving: usize,
}

impl Census {
    /// Workers of this generation.
    pub(super) fn current(&self) -> usize {
        self.starting + self.idle + self.busy
    }

    /// Those who could take somebody on, or soon will.
    pub(super) fn spare(&self) -> usize {
        self.starting + self.idle
    }
}

/// How many workers there should be, and how that changes.
#[derive(Debug)]
pub(super) struct Sizer {
    sizing: Sizing,
    /// There should never be more.
    limit: usize,
    /// There should be so many now.
    target: usize,
    /// How many the next tick may add.
    rate: usize,
    is_at_limit: bool,
    /// The fewest workers without a client since the time beside it: so many were not needed.
    slack: Option<(usize, Instant)>,
}

/// What a look at the pool has led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// There are fewer spare workers than there should be, or clients wait: so many are added.
    Grow(usize),
    /// So many were not needed.
    Shrink(usize),
    /// More are needed, and there may be none. Said once each time that it comes to this.
    LimitReached,
}

impl Sizer {
    /// For a pool of `limit` workers, or of up to so many where the number varies.
    pub(super) fn new(sizing: Sizing, limit: usize) -> Self {
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

    /// From now on these rules hold. The load is what it was, so the size stays as far as they
    /// allow; what was done by hand is forgotten.
    pub(super) fn reconfigure(&mut self, sizing: Sizing, limit: usize) {
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

    /// How many there should be.
    pub(super) fn target(&self) -> usize {
        self.target
    }

    /// How many there may be.
    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// Whether the number is fixed, but for what is done by hand.
    pub(super) fn is_static(&self) -> bool {
        matches!(self.sizing, Sizing::Static)
    }

    /// Whether a waiting connection is what makes the pool grow.
    pub(super) fn is_on_demand(&self) -> bool {
        matches!(self.sizing, Sizing::OnDemand { .. })
    }

    /// One more or one fewer, by hand: of the workers in a static pool, of the limit in others.
    /// Never are there fewer than `least`, nor more than `most`.
    pub(super) fn adjust(&mut self, by: isize, least: usize, most: usize) -> usize {
        let limit = self.limit.saturating_add_signed(by);
        self.limit = limit.clamp(least, most.max(least));
        self.target = match self.sizing {
            Sizing::Static => self.limit,
            _ => self.target.min(self.limit),
        };
        self.limit
    }

    /// A worker has died that nobody had told to leave. Where workers are made on demand, demand
    /// will show whether it is missed; elsewhere it is replaced.
    pub(super) fn died(&mut self) {
        if self.is_on_demand() {
            self.target = self.target.saturating_sub(1);
        }
    }

    /// Once a tick: Apache's spare-worker rule, or what was not needed for a while.
    ///
    /// While generations change (`old` ones are there), the size stays as it is.
    pub(super) fn tick(&mut self, census: &Census, now: Instant) -> Option<Change> {
        if census.old > 0 {
            return None;
        }
        match self.sizing {
            Sizing::Static => self.note_limit(census),
            Sizing::Dynamic {
                spare_min,
                spare_max,
            } => self.keep_spare(census, spare_min, spare_max),
            Sizing::OnDemand { idle } => self.let_go(census, now, idle),
        }
    }

    /// The accept queue holds enough connections for `wanted` workers. This, too, waits until there
    /// is but one generation: those of the last are not counted, and serve.
    pub(super) fn demand(&mut self, census: &Census, wanted: usize) -> Option<Change> {
        let missing = wanted.saturating_sub(census.spare());
        if missing == 0 || census.old > 0 || !self.is_on_demand() {
            return None;
        }
        self.slack = None;
        self.grow(census, missing.min(RATE_MAX))
    }

    fn keep_spare(&mut self, census: &Census, min: usize, max: usize) -> Option<Change> {
        // ANCHOR: keep_spare
        let spare = census.spare();
        if spare < min {
            let count = self.rate.min(min - spare);
            self.rate = (self.rate * 2).min(RATE_MAX);
            return self.grow(census, count);
        }
        self.rate = 1;
        self.is_at_limit = false;
        // Apache stops one a second: a burst may be followed by another.
        (spare > max && census.vacant > 0).then(|| self.shrink(census, 1))
        // ANCHOR_END: keep_spare
    }

    /// Those go that had nobody all the time, even when the fewest had. In a pool whose workers
    /// take turns no single one is idle for long, so asking each of them would keep them all.
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

    /// All that there may be are busy: says it when it begins, and not again while it lasts.
    fn note_limit(&mut self, census: &Census) -> Option<Change> {
        let is_any_busy = census.busy > 0 && census.spare() == 0;
        let is_at_limit = is_any_busy && census.current() >= self.limit;
        let begins = is_at_limit && !self.is_at_limit;
        self.is_at_limit = is_at_limit;
        begins.then_some(Change::LimitReached)
    }
}
