//! Which word means what.
//!
//! From word 15 of the header and word 24 of a record on, they are what a master and its workers
//! tell each other.

/// Tells readers of another version that they would misread it.
pub(super) const LAYOUT: u64 = 3;
/// Words of a record, and of the header: four cache lines, so that no two workers share one.
pub(super) const RECORD: usize = 32;

/// Words of the header.
pub(super) mod header {
    use std::ops::Range;

    pub(in super::super) const LAYOUT: usize = 0;
    /// One more than the highest slot that was ever taken.
    pub(in super::super) const SLOTS: usize = 1;
    /// When the server started, in milliseconds since 1970.
    pub(in super::super) const STARTED_MS: usize = 2;
    /// The process that the others descend from, as it sees itself.
    pub(in super::super) const MAIN_PID: usize = 3;
    /// The model's name.
    pub(in super::super) const MODEL: Range<usize> = 4..6;
    /// The accept strategy's name.
    pub(in super::super) const ACCEPT: Range<usize> = 6..8;
    /// Where it listens: an IPv6 address, or an IPv4 address mapped into one.
    pub(in super::super) const ADDRESS: Range<usize> = 8..10;
    pub(in super::super) const PORT: usize = 10;
    /// Connections that may wait in the accept queue of one listener.
    pub(in super::super) const QUEUE_LIMIT: usize = 11;
    /// Clients that were turned away with a 503.
    pub(in super::super) const TURNED_AWAY: usize = 12;
    /// The most CPU time that anybody has read out for the whole server, in microseconds.
    pub(in super::super) const CPU_US: usize = 13;
    /// When the server started, on the monotonic clock in microseconds.
    pub(in super::super) const STARTED_US: usize = 14;

    // From here on the master alone writes.
    /// Not 0 if no worker is to leave because it has done enough.
    pub(in super::super) const CROWDED: usize = 15;
    /// The generation of workers that serves, from 1.
    pub(in super::super) const GENERATION: usize = 16;
    /// Workers that there should be now.
    pub(in super::super) const TARGET: usize = 17;
    /// Workers that there may be at most.
    pub(in super::super) const LIMIT: usize = 18;
    /// One count for each kind of `Event`, in its order.
    pub(in super::super) const EVENTS: usize = 19;
}

/// Words of a record.
pub(super) mod record {
    /// The process that has the slot.
    pub(in super::super) const PID: usize = 0;
    /// Requests answered in this slot, by all who have had it.
    pub(in super::super) const REQUESTS: usize = 1;
    /// The state's letter in the topmost octet; below it when that began, on the monotonic clock in
    /// microseconds. One word, so that the two always belong together.
    pub(in super::super) const STATE: usize = 2;
    /// The thread that has the slot.
    pub(in super::super) const TID: usize = 3;
    /// Octets sent.
    pub(in super::super) const BYTES: usize = 4;
    /// Connections that were begun.
    pub(in super::super) const CONNECTIONS: usize = 5;
    /// How often an event loop was woken for a connection that somebody else had taken by then.
    pub(in super::super) const IN_VAIN: usize = 6;
    /// Time between a request's arrival and its answer, summed up, in microseconds.
    pub(in super::super) const HANDLING_US: usize = 7;
    /// Requests that took longer than `--slow-ms`.
    pub(in super::super) const SLOW: usize = 8;
    // Word 9 is free; the request line begins at word 10, see `line`.

    // What a master wants to know of its workers.
    /// Counts up for as long as the worker is alive and gets on.
    pub(in super::super) const BEAT: usize = 24;
    /// The number of the request that the handler is at work on, from 1; 0 if it has none.
    pub(in super::super) const HANDLING: usize = 25;
    /// Connections that the worker holds.
    pub(in super::super) const CLIENTS: usize = 26;
    /// The process that has reported itself ready to serve in this slot.
    pub(in super::super) const READY: usize = 27;
    /// The generation that it belongs to.
    pub(in super::super) const GENERATION: usize = 28;
    /// The process that accepts nobody any more in this slot.
    pub(in super::super) const LEAVING: usize = 29;
}
