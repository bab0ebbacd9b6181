//! The time, as a connection needs it.

use std::cell::Cell;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::http::{Date, Now};

thread_local! {
    /// The date that was rendered last, and until when it is right. Rendering it costs more than
    /// all the rest of a response's head, and thousands of responses share a second.
    static RENDERED: Cell<Option<(Instant, Date)>> = const { Cell::new(None) };
}

/// This moment, on both clocks. The system's clock is read once a second. If an administrator sets
/// it, the date follows within a second. Neither reading is a system call on common hardware
/// (`vdso(7)`).
pub(super) fn now() -> Now {
    let instant = Instant::now();
    let date = match RENDERED.get() {
        Some((until, date)) if instant < until => date,
        _ => render(instant),
    };
    Now { instant, date }
}

fn render(now: Instant) -> Date {
    let time = SystemTime::now();
    // A clock that is set before 1970 counts as one at 1970.
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let begun = Duration::from_nanos(since.subsec_nanos().into());
    let date = Date::at(time);
    RENDERED.set(Some((now + (Duration::from_secs(1) - begun), date)));
    date
}
