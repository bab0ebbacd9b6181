//! Why bytes are no answer.

/// The answer is not HTTP/1.x, its framing contradicts itself, or it is beyond a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed {
    /// What is wrong, in words.
    pub(super) reason: &'static str,
}
