//! The messages between master and worker: one byte each.

/// What a worker tells the master.
pub(super) mod report {
    /// Give me a client.
    pub(in crate::accept::pass) const IDLE: u8 = b'i';
    /// I was asked to stop. Give me a client if no other worker may take it, or let me go.
    pub(in crate::accept::pass) const LEAVING: u8 = b'l';
    /// Since I reported that I am idle, I was asked to stop.
    pub(in crate::accept::pass) const CHANGED_MY_MIND: u8 = b'c';
}

/// What the master tells a worker.
pub(super) mod order {
    /// Serve this client: its descriptor comes with the message.
    pub(in crate::accept::pass) const SERVE: u8 = b's';
    /// There is no client for you: go.
    pub(in crate::accept::pass) const GO: u8 = b'g';
}
