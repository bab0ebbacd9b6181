//! All workers call `accept` on one listener, with nothing between them and the kernel.
//!
//! *What it costs*: nothing. The kernel keeps the processes that wait in a queue and wakes the
//! first of them for each connection. *When it breaks*: not by itself. Kernels of the 1990s woke
//! all of them, which the other strategies were invented for (UNP section 30.6).

use super::one_queue::OneQueue;
use super::strategy::Strategy;

/// `--accept shared`.
pub const SHARED: Strategy = Strategy {
    name: "shared",
    summary: "all accept from one listener",
    has_queue_per_worker: false,
    master_accepts: false,
    options: &[],
    open: |listener, _, _| Ok(OneQueue::boxed(listener, |it| Ok(Box::new(it)))),
};
