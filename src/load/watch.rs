//! The line between a run and its observer: progress one way, the wish to stop the other.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64};

use super::series::Second;

/// Shared between a run and its observer.
#[derive(Debug, Default)]
pub struct Watch {
    /// Requests answered and verified so far.
    pub requests: AtomicU64,
    /// Requests failed so far, of any kind.
    pub failures: AtomicU64,
    /// Set it to end the run early; what was measured so far is returned.
    pub stop: AtomicBool,
    /// Where an observer put an empty list, each thread adds its part of each second that is
    /// over. Seconds of several threads have the same index; add them up.
    pub seconds: Mutex<Option<Vec<Second>>>,
}
