//! What each word of the header and of a record means.
//!
//! From word 15 of the header and word 24 of a record on, the words are messages between a master
//! and its workers.

use crate::sys::line_counts;

/// A reader of another version would misread the memory, so it compares this first.
pub(super) const LAYOUT: u64 = 4;
/// Slots with a record of their own; all slots beyond share the last one.
pub const SLOTS_MAX: usize = 65_536;
/// Words of a record, and of the header: four cache lines, so that no two workers write to the
/// same one.
pub(super) const RECORD: usize = 32;

/// Words of the header.
pub(super) mod header {
    use std::ops::Range;

    pub(in super::super) const LAYOUT: usize = 0;
    /// One more than the highest slot that a worker has ever entered.
    pub(in super::super) const SLOTS: usize = 1;
    /// When the server started, in milliseconds since 1970.
    pub(in super::super) const STARTED_MS: usize = 2;
    /// The process ID of the main process, in its own PID namespace.
    pub(in super::super) const MAIN_PID: usize = 3;
    pub(in super::super) const MODEL: Range<usize> = 4..6;
    /// The name of the accept strategy.
    pub(in super::super) const ACCEPT: Range<usize> = 6..8;
    // Words 8 to 10 are free.
    /// Connections that may wait in the accept queue of one listener.
    pub(in super::super) const QUEUE_LIMIT: usize = 11;
    /// Clients that were rejected with a 503.
    pub(in super::super) const REJECTED: usize = 12;
    /// The highest CPU time of the whole server that a reader has computed, in microseconds.
    pub(in super::super) const CPU_US: usize = 13;
    /// When the server started, on the monotonic clock in microseconds.
    pub(in super::super) const STARTED_US: usize = 14;

    // From here on only the master writes.
    /// Not 0 while no worker may leave because of `--max-requests`.
    pub(in super::super) const CROWDED: usize = 15;
    /// The generation of workers that serves, from 1.
    pub(in super::super) const GENERATION: usize = 16;
    /// The pool's target size.
    pub(in super::super) const TARGET: usize = 17;
    /// The pool's maximum size.
    pub(in super::super) const LIMIT: usize = 18;
    /// One count for each kind of `PoolEvent`, in its order.
    pub(in super::super) const EVENTS: usize = 19;
    /// Not 0 while a stop is put off, so that load balancers send clients elsewhere.
    pub(in super::super) const DRAINING: usize = 25;
}

/// The addresses where the server listens, each with a line feed behind it. They have the room of
/// two records, behind all records. Addresses that do not fit are left out.
pub(super) const ADDRESSES: std::ops::Range<usize> = LINE_COUNTS - 2 * RECORD..LINE_COUNTS;
/// The first word of the counts that limit log lines. They are in this memory because each further
/// mapping makes every fork dearer.
pub(super) const LINE_COUNTS: usize = WORDS - RECORD;
/// All words: the header, the records, the addresses, the counts of log lines.
pub(super) const WORDS: usize = RECORD * (1 + SLOTS_MAX + 2 + 1);

const _: () = assert!(line_counts::WORDS <= RECORD);

/// Words of a record.
pub(super) mod record {
    /// The process that has the slot, or had it last.
    pub(in super::super) const PID: usize = 0;
    /// Requests answered in this slot, by all its workers so far.
    pub(in super::super) const REQUESTS: usize = 1;
    /// The state's letter in the topmost byte; below it the time when the state began, on the
    /// monotonic clock in microseconds. In one word, the two always belong together.
    pub(in super::super) const STATE: usize = 2;
    /// The thread that has the slot, or had it last.
    pub(in super::super) const TID: usize = 3;
    /// Bytes sent.
    pub(in super::super) const BYTES: usize = 4;
    /// Connections accepted.
    pub(in super::super) const CONNECTIONS: usize = 5;
    /// How often an event loop was woken for a connection that another one had accepted by then.
    pub(in super::super) const IN_VAIN: usize = 6;
    /// Sum of the times between a request's arrival and its answer, in microseconds.
    pub(in super::super) const HANDLING_US: usize = 7;
    /// Requests that took longer than `--slow-ms`.
    pub(in super::super) const SLOW: usize = 8;
    // Word 9 is free; the last request begins at word 10, see `last_request`.

    // The heartbeat, for the master.
    /// Counts up at every tick of a worker that does not hang.
    pub(in super::super) const BEAT: usize = 24;
    /// The number of the request that the handler is answering, from 1; 0 between requests.
    pub(in super::super) const HANDLING: usize = 25;
    /// Connections that the worker holds.
    pub(in super::super) const CLIENTS: usize = 26;
    /// The process that has reported itself ready to serve in this slot.
    pub(in super::super) const READY: usize = 27;
    /// The generation that it belongs to.
    pub(in super::super) const GENERATION: usize = 28;
    /// The process that has reported in this slot that it accepts no connection any more.
    pub(in super::super) const LEAVING: usize = 29;
}
