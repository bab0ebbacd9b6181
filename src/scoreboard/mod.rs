//! What each worker has done, in memory that all processes of a server share.
//!
//! ```text
//!   word    0        1                 a record of 32 words (256 octets) for each slot
//!         ┌────────┬────────┬─ … ─┐  ┌─────┬──────────┬─ … ─┐  ┌─────┬──────────┬─ … ─┐
//!         │ layout │ slots  │     │  │ pid │ requests │     │  │ pid │ requests │     │  …
//!         └────────┴────────┴─ … ─┘  └─────┴──────────┴─ … ─┘  └─────┴──────────┴─ … ─┘
//!          the header                 slot 0                    slot 1
//! ```
//!
//! A worker writes to its own record and to no other, and never takes a lock: a worker that is
//! killed in the middle of it holds up nobody. What it has counted stays when it dies, and its
//! successor in the slot counts on. Apache calls this the scoreboard.
//!
//! The memory has a name, so that another program (the bench) can find it from the outside and
//! read it without asking the server anything.

mod pool;
mod slots;
mod view;
mod vitals;

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::sys::shared::SharedWords;
use crate::sys::slot;

pub use pool::{Event, PoolFacts};
pub use slots::Slots;
pub use view::{Counts, View};
pub use vitals::Vitals;

/// Slots that have a record of their own; those beyond share the last one.
pub const SLOTS_MAX: usize = 65_536;

/// The name by which `/proc/PID/fd` shows it.
const NAME: &std::ffi::CStr = c"servers-scoreboard";
/// Tells readers of another version that they would misread it.
const LAYOUT: u64 = 1;
/// Words of a record, and of the header: four cache lines, so that no two workers share one.
const RECORD: usize = 32;

/// Words of the header.
mod header {
    pub(super) const LAYOUT: usize = 0;
    /// One more than the highest slot that was ever taken.
    pub(super) const SLOTS: usize = 1;

    // From here on the master alone writes.
    /// The generation of workers that serves, from 1.
    pub(super) const GENERATION: usize = 16;
    /// Workers that there should be now.
    pub(super) const TARGET: usize = 17;
    /// Workers that there may be at most.
    pub(super) const LIMIT: usize = 18;
    /// One count for each kind of [`super::Event`], in its order.
    pub(super) const EVENTS: usize = 19;
}

/// Words of a record.
mod record {
    /// The process that has the slot.
    pub(super) const PID: usize = 0;
    /// Requests answered in this slot, by all who have had it.
    pub(super) const REQUESTS: usize = 1;

    // What a master wants to know of its workers.
    /// Counts up for as long as the worker is alive and gets on.
    pub(super) const BEAT: usize = 24;
    /// The number of the request that the handler is at work on, from 1; 0 if it has none.
    pub(super) const HANDLING: usize = 25;
    /// Connections that the worker holds.
    pub(super) const CLIENTS: usize = 26;
    /// The process that has reported itself ready to serve in this slot.
    pub(super) const READY: usize = 27;
    /// The generation that it belongs to.
    pub(super) const GENERATION: usize = 28;
}

/// The scoreboard of a running server. Forked children share it.
pub struct Scoreboard {
    words: SharedWords,
}

impl Scoreboard {
    /// An empty one. Memory is used for the slots that are taken, not for those that could be.
    ///
    /// # Errors
    /// No memory or no descriptor is to be had.
    pub fn create() -> nix::Result<Self> {
        let words = SharedWords::create(NAME, RECORD * (1 + SLOTS_MAX))?;
        words[header::LAYOUT].store(LAYOUT, Relaxed);
        Ok(Self { words })
    }

    /// From now on the current thread serves in `slot`. A forked child inherits the slot of the
    /// thread that forked, but not its process ID: it has to enter a slot itself.
    pub fn enter(&self, slot: usize) {
        slot::set(slot);
        self.words[header::SLOTS].fetch_max(slot as u64 + 1, Relaxed);
        let pid = u64::from(std::process::id());
        self.word(slot, record::PID).store(pid, Relaxed);
        // A predecessor that was killed may have left these.
        self.word(slot, record::HANDLING).store(0, Relaxed);
        self.word(slot, record::CLIENTS).store(0, Relaxed);
    }

    /// The current thread has answered a request.
    pub fn answered(&self) {
        let slot = slot::get();
        self.word(slot, record::REQUESTS).fetch_add(1, Relaxed);
        self.word(slot, record::HANDLING).store(0, Relaxed);
    }

    fn word(&self, slot: usize, field: usize) -> &AtomicU64 {
        &self.words[index(slot, field)]
    }
}

/// Where in the memory a field of a slot is.
fn index(slot: usize, field: usize) -> usize {
    (1 + slot.min(SLOTS_MAX - 1)) * RECORD + field
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_can_be_seen_from_the_outside() {
        let scoreboard = Scoreboard::create().unwrap();
        scoreboard.enter(2);
        scoreboard.answered();
        scoreboard.answered();
        scoreboard.enter(0);
        scoreboard.answered();
        let seen = View::of(&scoreboard).unwrap().counts();
        let pid = std::process::id();
        let requests: Vec<u64> = seen.iter().map(|counts| counts.requests).collect();
        assert_eq!(requests, [1, 0, 2]);
        assert_eq!((seen[0].pid, seen[1].pid, seen[2].pid), (pid, 0, pid));
    }

    #[test]
    fn slots_beyond_the_last_share_its_record() {
        let scoreboard = Scoreboard::create().unwrap();
        for slot in [SLOTS_MAX - 1, SLOTS_MAX, usize::MAX / 2] {
            scoreboard.enter(slot);
            scoreboard.answered();
        }
        let seen = View::of(&scoreboard).unwrap().counts();
        assert_eq!(seen.len(), SLOTS_MAX);
        assert_eq!(seen[SLOTS_MAX - 1].requests, 3);
    }
}
