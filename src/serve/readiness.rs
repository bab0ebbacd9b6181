//! What a connection waits for, and what the kernel reports of it.

/// What a connection that cannot proceed waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interest {
    /// Bytes from the client, or its end.
    Readable,
    /// Room for bytes to the client.
    Writable,
}

/// What the kernel has reported of a connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Readiness {
    /// A read will not wait.
    pub readable: bool,
    /// A write will not wait.
    pub writable: bool,
    /// The client sends no more, or the connection is broken: reading will come to an end.
    pub ended: bool,
}
