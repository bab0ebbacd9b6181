//! Every bound on what one client may cost, with its default.

use std::time::Duration;

/// Bounds on one connection. Each is an option of `servers run`.
///
/// Together they bound the memory of a connection: see [`Limits::memory_max`]. Large answers are
/// sent from where they lie and never copied into a buffer as a whole.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bytes of the request line; a longer one gets 414. RFC 9112 §3 recommends at least 8000.
    pub request_line: usize,
    /// Bytes of one field line; a longer one gets 431.
    pub field_line: usize,
    /// Bytes of all field lines together; more get 431.
    pub fields_total: usize,
    /// Number of field lines, at most [`Limits::FIELDS_CEILING`]; more get 431.
    pub fields: usize,
    /// Bytes of a request body after decoding; more get 413.
    pub body: u64,
    /// Time for a complete head, counted from its first byte, or, for the first request, from the
    /// start of the connection. A late head gets 408; a connection that sent no byte is closed.
    pub head_time: Duration,
    /// Time for a complete body, extended by what `body_rate` grants; a late body gets 408.
    pub body_time: Duration,
    /// A body gets one more second for each `body_rate` bytes that arrive; 0 for none.
    pub body_rate: u64,
    /// Time without progress while sending; after it the connection closes.
    pub send_time: Duration,
    /// Time between two requests; after it the connection closes.
    pub idle_time: Duration,
    /// Requests on one connection; the answer to the last says `Connection: close`.
    pub requests: u64,
    /// Time for which a closing connection reads and drops what the client still sends, so that
    /// the client can read the answer. It ends earlier when the client closes.
    pub linger_time: Duration,
    /// A client that goes on sending gets one more second for each `linger_rate` bytes; 0 for
    /// none.
    pub linger_rate: u64,
    /// The most time that a closing connection gets, however much its client sends.
    pub linger_max: Duration,
    /// A connection begins with a header of the PROXY protocol, in the time for a head. One that
    /// does not is closed without an answer.
    pub proxy_header: bool,
}

impl Limits {
    /// Rows of the head parser's table, which lies on the stack.
    pub const FIELDS_CEILING: usize = 256;

    /// The most bytes that the buffers of one connection hold, whatever its client sends:
    ///
    /// - a request body;
    /// - its head twice, as it arrived and as parsed, each in a buffer that doubled as it grew;
    /// - the table of its fields;
    /// - the head of an answer, with the 16 KiB of content that may be copied behind it.
    ///
    /// The memory of a handler's answer comes on top (`/echo` makes a copy of the body). While a
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
            linger_rate: 16 * 1024,
            linger_max: Duration::from_secs(30),
            proxy_header: false,
        }
    }
}
