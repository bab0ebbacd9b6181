//! The time, as a connection needs it.

use std::cell::Cell;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::http::{Date, Now};

thread_local! {
    /// The second that was rendered last, and its text. Rendering a date costs more than all the
    /// rest of a response's head, and thousands of responses share a second.
    static RENDERED: Cell<Option<(u64, Date)>> = const { Cell::new(None) };
}

/// This moment, on both clocks. Neither is a system call on common hardware (`vdso(7)`).
pub(super) fn now() -> Now {
    let time = SystemTime::now();
    // A clock before 1970 is as good as one at 1970.
    let second = time
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    let date = match RENDERED.get() {
        Some((rendered, date)) if rendered == second => date,
        _ => {
            let date = Date::at(time);
            RENDERED.set(Some((second, date)));
            date
        }
    };
    Now {
        instant: Instant::now(),
        date,
    }
}
