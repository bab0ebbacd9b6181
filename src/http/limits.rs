//! What a client may cost: every bound of the protocol, with its default.

use std::time::Duration;

/// Bounds on one connection. Each is an option of `servers run`.
///
/// Memory per connection is bounded by them: see [`Limits::memory_max`]. Large answers are sent
/// from where they are and never collected.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bytes of the request line; beyond it 414. RFC 9112 §3 recommends at least 8000.
    pub request_line: usize,
    /// Bytes of one field line; beyond it 431.
    pub field_line: usize,
    /// Bytes of all field lines together; beyond it 431.
    pub fields_total: usize,
    /// Number of field lines, at most [`Limits::FIELDS_CEILING`]; beyond it 431.
    pub fields: usize,
    /// Bytes of a request body, decoded; beyond it 413.
    pub body: u64,
    /// Time for a whole head, from its first byte, or from the connection's start for the first
    /// request; beyond it 408, or a plain close when nothing at all had arrived.
    pub head_time: Duration,
    /// Time for a whole body, extended by what `body_rate` grants; beyond it 408.
    pub body_time: Duration,
    /// Bytes per second at which a body earns more time.
    pub body_rate: u64,
    /// Time without any progress while sending; beyond it the connection closes.
    pub send_time: Duration,
    /// Time between requests; beyond it the connection closes.
    pub idle_time: Duration,
    /// Requests on one connection; the last is answered with `Connection: close`.
    pub requests: u64,
    /// Time to drain what a refused client still sends, so that it can read the answer.
    pub linger_time: Duration,
    /// Bytes to drain for the same purpose.
    pub linger_bytes: u64,
}

impl Limits {
    /// The head parser's table on the stack has this many rows.
    pub const FIELDS_CEILING: usize = 256;

    /// Bytes that the buffers of one connection hold at most, whatever its client sends: a request
    /// body; its head twice, once as it arrives and once parsed, each in a buffer that has grown by
    /// doubling; the table of its fields; the head of an answer with the 16 KiB of content that are
    /// copied behind it.
    ///
    /// What a handler makes for its answer comes on top (a copy of the body, if it echoes). While a
    /// buffer grows, the old one lives until it is copied.
    pub fn memory_max(&self) -> usize {
        let body = usize::try_from(self.body).unwrap_or(usize::MAX);
        // An incomplete line of a chunked body waits in the same buffer as a head.
        let head = self.request_line.saturating_add(self.fields_total);
        let unread = head.max(self.field_line).max(1024).saturating_add(8);
        let table = Self::FIELDS_CEILING * 32;
        body.saturating_add(unread.saturating_mul(4))
            .saturating_add(table)
            .saturating_add(32 * 1024)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request_line: 8 * 1024,
            field_line: 8 * 1024,
            fields_total: 32 * 1024,
            fields: 100,
            body: 1024 * 1024,
            head_time: Duration::from_secs(10),
            body_time: Duration::from_secs(20),
            body_rate: 500,
            send_time: Duration::from_secs(30),
            idle_time: Duration::from_secs(5),
            requests: 1000,
            linger_time: Duration::from_secs(2),
            linger_bytes: 64 * 1024,
        }
    }
}
