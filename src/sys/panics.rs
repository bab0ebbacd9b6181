//! The message of a panic, as a line of the log.
//!
//! By default it is written to standard error with calls that may block. A worker that panics would
//! then wait for the reader of a full pipe instead of ending, and a master would, too.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::{self, PanicHookInfo};

use super::line_counts::Common;
use super::log::Level;
use super::quota::Quota;

/// A client may know a request that makes the handler panic.
pub static PANICS: Quota = Quota::common(Level::Error, "panics", Common::Panics);

/// From now on panics of this process are logged. With RUST_BACKTRACE=1 a backtrace follows.
pub fn log_panics() {
    panic::set_hook(Box::new(|info| {
        let place = info.location().map_or("?".to_owned(), ToString::to_string);
        let message = message(info);
        let backtrace = Backtrace::capture();
        match backtrace.status() {
            BacktraceStatus::Captured => {
                PANICS.log(format_args!("panicked at {place}: {message}\n{backtrace}"));
            }
            _ => PANICS.log(format_args!("panicked at {place}: {message}")),
        }
    }));
}

fn message<'a>(info: &'a PanicHookInfo<'_>) -> &'a str {
    let payload = info.payload();
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}
