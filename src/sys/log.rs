//! The log: lines on standard error.

use std::fmt::Arguments;
use std::io::{Write, stderr};
use std::sync::OnceLock;

use nix::sys::stat::fstat;

/// Whether standard error leads to the journal; empty until the first look.
static IS_JOURNAL: OnceLock<bool> = OnceLock::new();

/// Writes one line in one system call, so that lines of several processes do not mix.
///
/// A server must not fail because its log does (a full disk, a closed pipe): errors are dropped.
pub fn log(message: Arguments<'_>) {
    let line = match look_for_journal() {
        // The journal puts the same before each line.
        true => format!("{message}\n"),
        false => format!("servers[{}]: {message}\n", std::process::id()),
    };
    let _ = stderr().write_all(line.as_bytes());
}

/// Whether the journal puts a name before each line. The first call finds it out.
pub(super) fn look_for_journal() -> bool {
    *IS_JOURNAL.get_or_init(is_journal)
}

/// The same for a signal handler, which may only load an atomic: false if it is not known yet.
pub(super) fn is_known_journal() -> bool {
    IS_JOURNAL.get() == Some(&true)
}

/// Whether standard error leads to systemd's journal. JOURNAL_STREAM alone does not tell: a process
/// whose standard error was redirected has inherited the variable as well (`systemd.exec(5)`).
fn is_journal() -> bool {
    let journal = std::env::var("JOURNAL_STREAM").ok();
    let own = fstat(stderr()).map(|own| format!("{}:{}", own.st_dev, own.st_ino));
    journal.is_some_and(|journal| own == Ok(journal))
}

/// [`log()`] with a format string.
#[macro_export]
macro_rules! log {
    ($($argument:tt)*) => { $crate::sys::log::log(format_args!($($argument)*)) };
}
