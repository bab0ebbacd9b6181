//! Requests that are refused before a handler sees them.

use super::status::Status;

/// Why a request is refused before the handler sees it: a status and one sentence for the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: Status,
    pub(crate) reason: &'static str,
}

impl Refusal {
    pub(crate) const fn new(status: Status, reason: &'static str) -> Self {
        Self { status, reason }
    }

    /// 400: the request does not follow the grammar.
    pub(crate) const fn bad(reason: &'static str) -> Self {
        Self::new(Status::BAD_REQUEST, reason)
    }
}
