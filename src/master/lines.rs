//! Log lines of a master that clients or faults can cause, each kind within a quota.

use crate::server::SLOW;
use crate::sys::log::Level;
use crate::sys::panics::PANICS;
use crate::sys::quota::Quota;

/// By a signal, by an error, or in good order without having been told to.
pub(super) static ENDED: Quota = Quota::new(Level::Warn, "ends of workers");
/// Workers that have done enough, by their requests, their memory or their age.
pub(super) static RECYCLED: Quota = Quota::new(Level::Info, "recycled workers");
/// Workers that hang, and requests that take too long.
pub(super) static KILLED: Quota = Quota::new(Level::Warn, "workers that hang");
/// Workers that cannot be forked. Where processes are scarce, every second fork may fail.
pub(super) static NOT_FORKED: Quota = Quota::new(Level::Warn, "failed forks");
/// A busy pool of varying size changes it every second.
pub(super) static RESIZED: Quota = Quota::new(Level::Info, "sizes of the pool");

/// Workers that end with an error, which they log themselves. The master notes each, so that its
/// next workers know how many there were.
pub(super) static FAILED: Quota = Quota::new(Level::Error, "errors of workers");

/// Logs how many lines were left out, where a minute is over. Workers may write lines as well.
pub(super) fn flush() {
    let of_master = [&ENDED, &RECYCLED, &KILLED, &NOT_FORKED, &RESIZED, &FAILED];
    let of_workers = [&SLOW, &PANICS];
    for quota in of_master.into_iter().chain(of_workers) {
        quota.flush();
    }
}
