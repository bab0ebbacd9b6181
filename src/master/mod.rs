//! The pre-fork machinery.
