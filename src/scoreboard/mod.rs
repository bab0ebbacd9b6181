//! What each worker does and has done, in memory that all processes of a server share.
//!
//! ```text
//!   word    0        1                 a record of 32 words (256 bytes) for each slot
//!         ┌────────┬────────┬─ … ─┐  ┌─────┬──────────┬─ … ─┐  ┌─────┬──────────┬─ … ─┐
//!         │ layout │ slots  │     │  │ pid │ requests │     │  │ pid │ requests │     │  …
//!         └────────┴────────┴─ … ─┘  └─────┴──────────┴─ … ─┘  └─────┴──────────┴─ … ─┘
//!          the header                 slot 0                    slot 1
//! ```
//!
//! A worker writes only to its own record and never takes a lock, so that a worker that is killed
//! while it writes blocks no other process. Its counts stay when it dies, and the next worker in
//! the slot counts on. The process that reaps it marks the slot as empty. Apache calls this the
//! scoreboard.
//!
//! Writing must cost next to nothing: no clock is read and no system call made for it. A reader
//! finds what would need one (a worker's CPU time, a client's address, the accept queue).
//!
//! A driver calls [`Scoreboard::accepted`] and [`Scoreboard::holds`] for connections,
//! [`Scoreboard::sent`] for bytes, and [`Scoreboard::set`] whenever it is about to wait. The rest
//! is written by `Server::respond`, through which every driver answers. In an event loop a record
//! stands for the loop with all its connections: [`State::Waiting`] while it waits for an event,
//! and what `Server::respond` has set until then.
//!
//! The memory has a name, so that another program (the bench, `servers top`) finds it in `/proc`
//! and reads it without asking the server.

mod heartbeat;
mod last_request;
mod layout;
mod pool_facts;
pub mod slot;
mod slots;
mod state;
mod view;

use std::ops::Range;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::sys::address::Address;
use crate::sys::shared::SharedWords;
use crate::sys::{clock, line_counts};
use layout::{ADDRESSES, LAYOUT, LINE_COUNTS, RECORD, WORDS, header, record};

pub use heartbeat::{Heartbeat, Held};
pub use last_request::{LINE_BYTES_MAX, LastRequest, printable};
pub use layout::SLOTS_MAX;
pub use pool_facts::{PoolEvent, PoolFacts};
pub use slots::Slots;
pub use state::State;
pub use view::{Counts, Facts, Record, View, Wakes, running};

/// The name by which `/proc/PID/fd` shows it.
const NAME: &std::ffi::CStr = c"servers-scoreboard";
/// The position of the letter in the word of the state.
const LETTER_SHIFT: u32 = 56;

/// The scoreboard of a running server. Forked children share it.
pub struct Scoreboard {
    words: Arc<SharedWords>,
    /// One moment on both the clock of `Instant`, which has no zero, and the system's.
    epoch: (Instant, u64),
}

/// What the header says about a server.
#[derive(Debug, Clone)]
pub struct Description<'a> {
    /// The name in `servers list`.
    pub model: &'a str,
    /// The value of `--accept`.
    pub accept: &'a str,
    /// Where it listens, with the ports that were picked.
    pub addresses: &'a [Address],
    /// Connections that may wait in the accept queue of one listener.
    pub queue_limit: u32,
}

impl Scoreboard {
    /// An empty scoreboard. Only the records that are written use memory.
    ///
    /// # Errors
    /// ENOMEM, EMFILE or ENFILE.
    pub fn create() -> nix::Result<Self> {
        let words = SharedWords::create(NAME, WORDS)?;
        words[header::LAYOUT].store(LAYOUT, Relaxed);
        let started = SystemTime::now().duration_since(UNIX_EPOCH);
        let started_ms = started.unwrap_or_default().as_millis() as u64;
        words[header::STARTED_MS].store(started_ms, Relaxed);
        let epoch = (Instant::now(), clock::monotonic_us());
        words[header::STARTED_US].store(epoch.1, Relaxed);
        words[header::MAIN_PID].store(std::process::id().into(), Relaxed);
        Ok(Self {
            words: Arc::new(words),
            epoch,
        })
    }

    /// Whether another program finds it in `/proc`.
    pub fn is_visible(&self) -> bool {
        self.words.has_name()
    }

    /// From now on all processes of the server count their log lines together, in this memory.
    pub fn limit_log_lines(&self) {
        line_counts::share(Arc::clone(&self.words), LINE_COUNTS);
    }

    /// Fills the header.
    pub fn describe(&self, what: &Description<'_>) {
        self.store_text(header::MODEL, what.model.as_bytes());
        self.store_text(header::ACCEPT, what.accept.as_bytes());
        let room = ADDRESSES.len() * size_of::<u64>();
        let mut text = String::new();
        for address in what.addresses.iter().map(|it| format!("{it}\n")) {
            if text.len() + address.len() <= room {
                text.push_str(&address);
            }
        }
        self.store_text(ADDRESSES, text.as_bytes());
        self.words[header::QUEUE_LIMIT].store(what.queue_limit.into(), Relaxed);
    }

    /// The current thread takes `slot` and waits for its first connection. A forked child inherits
    /// the slot of the thread that forked, but has another process ID: it has to enter a slot
    /// itself.
    pub fn enter(&self, slot: usize) {
        slot::set(slot);
        self.words[header::SLOTS].fetch_max(slot as u64 + 1, Relaxed);
        let tid = nix::unistd::gettid().as_raw();
        self.word(slot, record::PID)
            .store(std::process::id().into(), Relaxed);
        self.word(slot, record::TID).store(tid as u64, Relaxed);
        // The last worker in the slot may have been killed before it cleared these.
        self.word(slot, record::HANDLING).store(0, Relaxed);
        self.word(slot, record::CLIENTS).store(0, Relaxed);
        last_request::mend(self.line(slot));
        // No clock is read, since the age of this state is of no interest.
        self.put(slot, State::Waiting, self.epoch.0);
    }

    /// Marks `slot` as empty. To be called by the process that has reaped its worker, or by the
    /// thread that leaves it.
    pub fn vacate(&self, slot: usize) {
        self.word(slot, record::STATE).store(0, Relaxed);
    }

    /// The current thread has accepted a connection.
    pub fn accepted(&self) {
        self.add(record::CONNECTIONS, 1);
    }

    /// The current thread, an event loop, was woken for a connection and found none.
    pub fn woken_in_vain(&self) {
        self.add(record::IN_VAIN, 1);
    }

    /// The current slot's connections accepted and wake-ups in vain.
    pub fn wakes(&self) -> Wakes {
        Wakes {
            accepted: self.own(record::CONNECTIONS).load(Relaxed),
            in_vain: self.own(record::IN_VAIN).load(Relaxed),
        }
    }

    /// The current thread is in `state` since that time. If it was before, the earlier time stays.
    // ANCHOR: set
    pub fn set(&self, state: State, since: Instant) {
        let before = self.own(record::STATE).load(Relaxed) >> LETTER_SHIFT;
        if before != state.letter() as u64 {
            self.put(slot::get(), state, since);
        }
    }
    // ANCHOR_END: set

    /// [`Scoreboard::set`] for any slot, for a master that has retired its worker.
    pub fn put(&self, slot: usize, state: State, since: Instant) {
        let (instant, us) = self.epoch;
        let after = since.saturating_duration_since(instant);
        let since_us = us + after.as_secs() * 1_000_000 + u64::from(after.subsec_micros());
        let word = (state.letter() as u64) << LETTER_SHIFT | since_us;
        self.word(slot, record::STATE).store(word, Relaxed);
    }

    /// The current thread is about to answer the request with that line. It was whole at `since`.
    pub fn responding(&self, line: &[u8], client: &impl AsFd, since: Instant) {
        let slot = slot::get();
        self.answering();
        self.put(slot, State::Responding, since);
        // Several threads may share the last record, and a line has only one writer.
        if slot < SLOTS_MAX - 1 {
            let client = client.as_fd().as_raw_fd();
            last_request::write(self.line(slot), line, Some(client));
        }
    }

    /// The current thread has answered a request.
    pub fn answered(&self) {
        self.add(record::REQUESTS, 1);
        self.own(record::HANDLING).store(0, Relaxed);
    }

    /// Adds the time that the answer took.
    pub fn took(&self, time: Duration) {
        self.add(record::HANDLING_US, time.as_micros() as u64);
    }

    /// Counts a request that took longer than `--slow-ms`.
    pub fn was_slow(&self) {
        self.add(record::SLOW, 1);
    }

    /// The current thread has sent so many bytes.
    pub fn sent(&self, bytes: usize) {
        self.add(record::BYTES, bytes as u64);
    }

    /// A client was told 503, since there are too many connections.
    pub fn rejected(&self) {
        self.words[header::REJECTED].fetch_add(1, Relaxed);
    }

    fn store_text(&self, range: Range<usize>, text: &[u8]) {
        let mut bytes = text.iter().copied().chain(std::iter::repeat(0));
        for word in &self.words[range] {
            let word_bytes = std::array::from_fn(|_| bytes.next().unwrap_or(0));
            word.store(u64::from_ne_bytes(word_bytes), Relaxed);
        }
    }

    /// Adds to a count of the current thread's record. Only this thread writes there, so a load and
    /// a store do, without an atomic addition. (The record that slots beyond the last share may
    /// lose counts.)
    fn add(&self, field: usize, more: u64) {
        let word = self.own(field);
        word.store(word.load(Relaxed).wrapping_add(more), Relaxed);
    }

    /// A field of the current thread's record.
    fn own(&self, field: usize) -> &AtomicU64 {
        self.word(slot::get(), field)
    }

    fn word(&self, slot: usize, field: usize) -> &AtomicU64 {
        &self.words[index(slot, field)]
    }

    fn line(&self, slot: usize) -> &[AtomicU64] {
        &self.words[index(slot, last_request::START)..][..last_request::WORDS]
    }
}

/// The index of a field of a slot's record.
fn index(slot: usize, field: usize) -> usize {
    (1 + slot.min(SLOTS_MAX - 1)) * RECORD + field
}

#[cfg(test)]
mod tests;
