//! The monotonic clock as a number.

use nix::time::{ClockId, clock_gettime};

/// Microseconds on the clock that never goes backward and that all processes of the machine
/// share (`CLOCK_MONOTONIC`, which is also that of `Instant`). Only differences mean something.
pub fn monotonic_us() -> u64 {
    monotonic_ns() / 1000
}

/// The same in nanoseconds.
pub fn monotonic_ns() -> u64 {
    // The clock exists on every Linux, so the call does not fail.
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC);
    now.map_or(0, |now| {
        now.tv_sec() as u64 * 1_000_000_000 + now.tv_nsec() as u64
    })
}
