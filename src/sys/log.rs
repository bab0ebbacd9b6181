//! What a server says on standard error.

use std::fmt::Arguments;
use std::io::Write;

/// Writes one line in one system call, so that lines of several processes do not mix.
///
/// A server must not fail because its log does (a full disk, a closed pipe): errors are dropped.
pub fn log(message: Arguments<'_>) {
    let line = format!("servers[{}]: {message}\n", std::process::id());
    let _ = std::io::stderr().write_all(line.as_bytes());
}

/// [`log()`] with a format string.
#[macro_export]
macro_rules! log {
    ($($argument:tt)*) => { $crate::sys::log::log(format_args!($($argument)*)) };
}
