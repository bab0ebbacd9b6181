//! Values that are each right, but not together.

use std::fmt::Display;

use clap::error::ErrorKind;

use super::wrong_call_error;

/// Options of `servers run` that do not go together.
#[derive(Debug)]
pub(super) struct OptionConflict {
    /// The long names of the options. The first makes no sense beside the others.
    pub(super) options: &'static [&'static str],
    /// What is wrong, for the user.
    pub(super) message: String,
    kind: ErrorKind,
}

impl OptionConflict {
    /// These options exclude each other.
    pub(super) fn between(options: &'static [&'static str], message: impl Display) -> Self {
        Self {
            options,
            message: message.to_string(),
            kind: ErrorKind::ArgumentConflict,
        }
    }

    /// The value of the first option is wrong beside the values of the others.
    pub(super) fn value(options: &'static [&'static str], message: impl Display) -> Self {
        Self {
            kind: ErrorKind::ValueValidation,
            ..Self::between(options, message)
        }
    }
}

impl From<OptionConflict> for clap::Error {
    fn from(conflict: OptionConflict) -> Self {
        wrong_call_error("run", conflict.kind, conflict.message)
    }
}
