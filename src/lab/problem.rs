//! Why a lab could not run.

use std::io;

use crate::bench::failure::Failure;

/// Why there is no outcome.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// SIGINT or SIGTERM.
    #[error("interrupted")]
    Interrupted,
    /// A server did not start, died, or was not measured.
    #[error("{contender}: {failure}")]
    Failed {
        /// The row that it would have been.
        contender: String,
        /// What the bench says of it.
        failure: Failure,
    },
    /// A system call or a request failed.
    #[error("{doing}: {error}")]
    Io {
        /// What was being done.
        doing: String,
        /// What went wrong.
        error: io::Error,
    },
    /// Anything else, in a sentence.
    #[error("{0}")]
    Other(String),
}

impl Problem {
    /// For `map_err`: what was being done when the call failed.
    pub fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Problem {
        let doing = doing.into();
        move |error| Problem::Io { doing, error }
    }

    /// For `map_err`: which server failed.
    pub fn of(contender: &str) -> impl FnOnce(Failure) -> Problem {
        let contender = contender.to_owned();
        move |failure| Problem::Failed { contender, failure }
    }
}
