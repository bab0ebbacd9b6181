//! Values that are each fine, but not together.

use std::fmt::Display;

use clap::error::ErrorKind;

use super::wrong_call_error;

/// Options of `servers run` that do not go together.
#[derive(Debug)]
pub(super) struct Misfit {
    /// Whom it is between, by their long names. The first makes no sense beside the others.
    pub(super) between: &'static [&'static str],
    /// What is wrong.
    pub(super) message: String,
    kind: ErrorKind,
}

impl Misfit {
    /// Options that exclude each other.
    pub(super) fn conflict(between: &'static [&'static str], message: impl Display) -> Self {
        Self {
            between,
            message: message.to_string(),
            kind: ErrorKind::ArgumentConflict,
        }
    }

    /// A value that is none, as the others are.
    pub(super) fn value(between: &'static [&'static str], message: impl Display) -> Self {
        Self {
            kind: ErrorKind::ValueValidation,
            ..Self::conflict(between, message)
        }
    }
}

impl From<Misfit> for clap::Error {
    fn from(misfit: Misfit) -> Self {
        wrong_call_error("run", misfit.kind, misfit.message)
    }
}
