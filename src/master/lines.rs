//! Log lines of a master that clients or faults can cause, each kind within a quota.

use crate::sys::log::Level;
use crate::sys::quota::Quota;

/// By a signal, by an error, or in good order without having been told to.
pub(super) static ENDED: Quota = Quota::new(Level::Warn, "ends of workers");
/// Workers that have done enough, by their requests, their memory or their age.
pub(super) static RECYCLED: Quota = Quota::new(Level::Info, "recycled workers");
/// Workers that hang, and requests that take too long.
pub(super) static KILLED: Quota = Quota::new(Level::Warn, "workers that hang");
/// A busy pool of varying size changes it every second.
pub(super) static RESIZED: Quota = Quota::new(Level::Info, "sizes of the pool");

/// Workers that end with an error, which they log themselves. The master notes each, so that its
/// next workers know how many there were.
pub(super) static FAILED: Quota = Quota::new(Level::Error, "errors of workers");

/// Logs how many lines were left out, where a minute is over.
pub(super) fn flush() {
    for quota in [&ENDED, &RECYCLED, &KILLED, &RESIZED, &FAILED] {
        quota.flush();
    }
}
