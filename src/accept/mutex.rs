//! The lock is a mutex in shared memory, as in UNP section 30.8.
//!
//! *What it costs*: nothing while no other worker wants it; otherwise a system call to wait and one
//! to wake the next (`futex(2)`). *When it breaks*: when the holder is stopped (SIGSTOP), because
//! then all workers wait for it. When the holder dies, the mutex is released only because it is a
//! robust one; see [`Kind`].

use std::io;

use super::locked::{Lock, Locked};
use super::one_queue::OneQueue;
use super::shared::SHARED;
use super::socket::TICK;
use super::strategy::Strategy;
use crate::sys::line_counts::Common;
use crate::sys::log::Level;
use crate::sys::mutex::{Kind, SharedMutex};
use crate::sys::quota::Quota;

/// `--accept mutex`.
pub const MUTEX: Strategy = Strategy {
    name: "mutex",
    summary: "the holder of a mutex accepts",
    options: &["plain-mutex"],
    open: |listener, options, _| {
        let kind = if options.plain_mutex {
            Kind::Plain
        } else {
            Kind::Robust
        };
        // In memory that all processes share that are forked from now on.
        let mutex = SharedMutex::new(kind)?;
        Ok(OneQueue::boxed(listener, |listener| {
            Ok(Box::new(Locked::new(listener, mutex)))
        }))
    },
    ..SHARED
};

/// A client may know a request that kills its worker.
static TAKEN_OVER: Quota = Quota::common(
    Level::Warn,
    "dead holders of the accept mutex",
    Common::AcceptMutex,
);

impl Lock for SharedMutex {
    // ANCHOR: turn
    fn turn(&self) -> io::Result<Option<impl Sized>> {
        let held = self.lock(TICK)?;
        if held.as_ref().is_some_and(|held| held.inherited) {
            TAKEN_OVER.log(format_args!(
                "the accept mutex is taken over from a dead worker"
            ));
        }
        Ok(held)
    }
    // ANCHOR_END: turn
}
