//! The end of a forked child.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs the child's work and leaves with its exit code; a panic is code 101, as elsewhere in Rust.
pub fn leave_after(work: impl FnOnce() -> i32) -> ! {
    leave(catch_unwind(AssertUnwindSafe(work)).unwrap_or(101))
}

/// `_exit(2)`: leaves without running the parent's exit handlers or flushing its buffers twice.
pub fn leave(code: i32) -> ! {
    // SAFETY: _exit has no precondition; it does not return.
    unsafe { libc::_exit(code) }
}
