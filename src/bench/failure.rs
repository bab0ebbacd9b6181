//! How a server under test can fail. A failure is a row of the table, never a missing one.

use serde::{Deserialize, Serialize};

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Failure {
    /// It ended, or said nothing, before it listened.
    #[error("did not start: {reason}")]
    DidNotStart {
        /// Its last words, or the deadline that passed.
        reason: String,
    },
    /// It ended while it was under load.
    #[error("died under load: {how}")]
    Died {
        /// Its exit code or signal, and its last words.
        how: String,
    },
    /// The generator could not do its work.
    #[error("not measured: {reason}")]
    NotMeasured {
        /// What the generator said.
        reason: String,
    },
    /// It was still there this long after SIGTERM and had to be killed.
    #[error("did not stop in {deadline_s} s after SIGTERM")]
    DidNotStop {
        /// How long it had.
        deadline_s: u64,
    },
    /// It stopped after SIGTERM, but not with exit code 0.
    #[error("stopped badly: {how}")]
    StoppedBadly {
        /// Its exit code or signal, and its last words.
        how: String,
    },
    /// It stopped and left this behind.
    #[error("left behind: {what}")]
    LeftBehind {
        /// Processes, or its port.
        what: String,
    },
}

impl Failure {
    /// Two or three words for the table.
    pub fn label(&self) -> &'static str {
        match self {
            Failure::DidNotStart { .. } => "did not start",
            Failure::Died { .. } => "died",
            Failure::NotMeasured { .. } => "not measured",
            Failure::DidNotStop { .. } => "did not stop",
            Failure::StoppedBadly { .. } => "stopped badly",
            Failure::LeftBehind { .. } => "left a mess",
        }
    }

    /// Whether the figures of a window before it still count: a server that answered everything
    /// and then stopped badly was measured all the same.
    pub fn spares_the_window(&self) -> bool {
        matches!(
            self,
            Failure::DidNotStop { .. } | Failure::StoppedBadly { .. } | Failure::LeftBehind { .. }
        )
    }
}
