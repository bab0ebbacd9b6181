//! What each worker does and has done, in memory that all processes of a server share.
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
//! successor in the slot counts on. Whoever buries it marks the slot as empty. Apache calls this
//! the scoreboard.
//!
//! Writing must cost next to nothing: no clock is read and no system call made for it. What would
//! need one (a worker's CPU time, a client's address, the accept queue) is found by whoever looks.
//!
//! What a driver has to tell: [`Scoreboard::accepted`] and [`Scoreboard::holds`] for connections,
//! [`Scoreboard::sent`] for octets, and [`Scoreboard::set`] whenever it is about to wait. The rest
//! is told where every driver has its requests answered, in `Server::respond`. In an event loop a
//! record stands for the loop with all its connections; it is [`State::Waiting`] while it waits for
//! anything to happen, and whatever `Server::respond` says until then.
//!
//! The memory has a name, so that another program (the bench, `servers top`) can find it from the
//! outside and read it without asking the server anything.

mod heartbeat;
mod last_request;
mod layout;
mod pool_facts;
mod slots;
mod state;
mod view;

use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::sys::clock;
use crate::sys::shared::SharedWords;
use crate::sys::slot;
use layout::{LAYOUT, RECORD, header, record};

pub use heartbeat::{Heartbeat, Held};
pub use last_request::{LINE_BYTES_MAX, LastRequest, printable};
pub use pool_facts::{PoolEvent, PoolFacts};
pub use slots::Slots;
pub use state::State;
pub use view::{Counts, Facts, Record, View, Wakes, running};

/// Slots that have a record of their own; those beyond share the last one.
pub const SLOTS_MAX: usize = 65_536;

/// The name by which `/proc/PID/fd` shows it.
const NAME: &std::ffi::CStr = c"servers-scoreboard";
/// Where the letter of a state is in its word.
const LETTER_SHIFT: u32 = 56;

/// The scoreboard of a running server. Forked children share it.
pub struct Scoreboard {
    words: Arc<SharedWords>,
    /// One moment on both the clock of `Instant`, which has no zero, and the system's.
    epoch: (Instant, u64),
}

/// What is known of a server before it serves.
#[derive(Debug, Clone)]
pub struct Description<'a> {
    /// The model's name.
    pub model: &'a str,
    /// The accept strategy's name.
    pub accept: &'a str,
    /// Where it listens.
    pub address: SocketAddr,
    /// Connections that may wait in the accept queue of one listener.
    pub queue_limit: u32,
}

impl Scoreboard {
    /// An empty one. Memory is used for the slots that are taken, not for those that could be.
    ///
    /// # Errors
    /// No memory or no descriptor is to be had.
    pub fn create() -> nix::Result<Self> {
        let words = SharedWords::create(NAME, RECORD * (1 + SLOTS_MAX))?;
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

    /// Notes for readers what kind of server this is.
    pub fn describe(&self, what: &Description<'_>) {
        self.store_text(header::MODEL, what.model.as_bytes());
        self.store_text(header::ACCEPT, what.accept.as_bytes());
        let address = match what.address.ip() {
            IpAddr::V4(address) => address.to_ipv6_mapped(),
            IpAddr::V6(address) => address,
        };
        self.store_text(header::ADDRESS, &address.octets());
        self.words[header::PORT].store(what.address.port().into(), Relaxed);
        self.words[header::QUEUE_LIMIT].store(what.queue_limit.into(), Relaxed);
    }

    /// From now on the current thread serves in `slot` and waits for its first connection. A forked
    /// child inherits the slot of the thread that forked, but not its process ID: it has to enter a
    /// slot itself.
    pub fn enter(&self, slot: usize) {
        slot::set(slot);
        self.words[header::SLOTS].fetch_max(slot as u64 + 1, Relaxed);
        let tid = nix::unistd::gettid().as_raw();
        self.word(slot, record::PID)
            .store(std::process::id().into(), Relaxed);
        self.word(slot, record::TID).store(tid as u64, Relaxed);
        // A predecessor that was killed may have left these.
        self.word(slot, record::HANDLING).store(0, Relaxed);
        self.word(slot, record::CLIENTS).store(0, Relaxed);
        last_request::mend(self.line(slot));
        // The clock is not read: that it waits says enough.
        self.put(slot, State::Waiting, self.epoch.0);
    }

    /// Whoever had `slot` has gone. Called by whoever knows for sure, who need not be its owner.
    pub fn vacate(&self, slot: usize) {
        self.word(slot, record::STATE).store(0, Relaxed);
    }

    /// The current thread has taken on a connection.
    pub fn accepted(&self) {
        self.add(record::CONNECTIONS, 1);
    }

    /// The current thread, an event loop, was woken for a connection and found none.
    pub fn woken_in_vain(&self) {
        self.add(record::IN_VAIN, 1);
    }

    /// What the current slot has come to: connections accepted, and wake-ups in vain.
    pub fn wakes(&self) -> Wakes {
        Wakes {
            accepted: self.own(record::CONNECTIONS).load(Relaxed),
            in_vain: self.own(record::IN_VAIN).load(Relaxed),
        }
    }

    /// What the current thread does, since when. If it has done so before, that moment stays.
    // ANCHOR: set
    pub fn set(&self, state: State, since: Instant) {
        let before = self.own(record::STATE).load(Relaxed) >> LETTER_SHIFT;
        if before != state.letter() as u64 {
            self.put(slot::get(), state, since);
        }
    }
    // ANCHOR_END: set

    /// What whoever has `slot` does, since when; for a master that has told it to leave.
    pub fn put(&self, slot: usize, state: State, since: Instant) {
        let (instant, us) = self.epoch;
        let after = since.saturating_duration_since(instant);
        let since_us = us + after.as_secs() * 1_000_000 + u64::from(after.subsec_micros());
        let word = (state.letter() as u64) << LETTER_SHIFT | since_us;
        self.word(slot, record::STATE).store(word, Relaxed);
    }

    /// The current thread is about to answer the request that begins with `line` and has been
    /// there since `since`.
    pub fn responding(&self, line: &[u8], client: &impl AsFd, since: Instant) {
        let slot = slot::get();
        self.answering();
        self.put(slot, State::Responding, since);
        // A record that several threads may share must not vouch for a line.
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

    /// It took that long.
    pub fn took(&self, time: Duration) {
        self.add(record::HANDLING_US, time.as_micros() as u64);
    }

    /// It took longer than it should have.
    pub fn was_slow(&self) {
        self.add(record::SLOW, 1);
    }

    /// The current thread has sent so many octets.
    pub fn sent(&self, octets: usize) {
        self.add(record::BYTES, octets as u64);
    }

    /// A client was told 503, since there are too many connections.
    pub fn rejected(&self) {
        self.words[header::TURNED_AWAY].fetch_add(1, Relaxed);
    }

    fn store_text(&self, range: Range<usize>, text: &[u8]) {
        let mut octets = text.iter().copied().chain(std::iter::repeat(0));
        for word in &self.words[range] {
            let word_octets = std::array::from_fn(|_| octets.next().unwrap_or(0));
            word.store(u64::from_ne_bytes(word_octets), Relaxed);
        }
    }

    /// Adds to a count of the current thread's record. Nobody else writes there (but in the record
    /// that the slots beyond the last share), so the two halves need not be one.
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
        let seen = View::of(&scoreboard).counts();
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
        let seen = View::of(&scoreboard).counts();
        assert_eq!(seen.len(), SLOTS_MAX);
        assert_eq!(seen[SLOTS_MAX - 1].requests, 3);
    }

    #[test]
    fn a_record_tells_what_its_worker_does_and_who_asks() {
        let scoreboard = Scoreboard::create().unwrap();
        let view = View::of(&scoreboard);
        let client = std::io::stdin();
        scoreboard.enter(1);
        scoreboard.accepted();
        scoreboard.holds(1);
        let began = Instant::now();
        scoreboard.set(State::Reading, began);
        let reading = view.record(1);
        assert_eq!((reading.state, reading.open), (State::Reading, 1));
        scoreboard.set(State::Reading, began + Duration::from_secs(9));
        assert_eq!(view.record(1).since_us, reading.since_us, "it reads on");
        let later = began + Duration::from_millis(5);
        scoreboard.responding(b"GET / HTTP/1.1", &client, later);
        scoreboard.answered();
        scoreboard.took(Duration::from_micros(70));
        scoreboard.sent(131);
        let record = view.record(1);
        assert_eq!(record.since_us - reading.since_us, 5000);
        assert_eq!(record.state, State::Responding);
        assert_eq!(
            (record.requests, record.bytes, record.handling_us),
            (1, 131, 70)
        );
        let (line, client) = (b"GET / HTTP/1.1".to_vec(), Some(0));
        assert_eq!(record.last_request, LastRequest::Request { line, client });
        scoreboard.holds(0);
        scoreboard.vacate(1);
        let gone = view.record(1);
        assert_eq!((gone.state, gone.open, gone.requests), (State::Empty, 0, 1));
    }

    #[test]
    fn the_header_says_what_kind_of_server_it_is() {
        let scoreboard = Scoreboard::create().unwrap();
        for address in ["127.0.0.1:8080", "[2001:db8::1]:443"] {
            scoreboard.describe(&Description {
                model: "prethreaded",
                accept: "reuseport",
                address: address.parse().unwrap(),
                queue_limit: 511,
            });
            let facts = View::of(&scoreboard).facts();
            assert_eq!(facts.model, "prethreaded");
            assert_eq!(facts.accept, "reuseport");
            assert_eq!(facts.address.to_string(), address);
            assert_eq!((facts.queue_limit, facts.pid), (511, std::process::id()));
        }
    }
}
