//! Looks at a server's memory, processes and threads a few times while it is under load.

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::accounting::{Census, ProcessTree};

/// Samples in a window: enough to see a pool that grows, few enough not to be part of the load.
const SAMPLES: u32 = 4;

/// A thread that takes [`SAMPLES`] samples, spread evenly over a window.
pub(super) struct Sampler {
    /// Dropping it ends the thread.
    stop: Sender<()>,
    thread: JoinHandle<Census>,
}

impl Sampler {
    /// Starts looking at `processes`. The first sample comes after half an interval, so that none
    /// falls together with the start or the end of the window.
    pub(super) fn start(processes: ProcessTree, window: Duration) -> Sampler {
        let interval = window / SAMPLES;
        let (stop, stopped) = mpsc::channel();
        let thread = thread::spawn(move || {
            let mut peak = Census::default();
            let mut wait = interval / 2;
            for _ in 0..SAMPLES {
                let is_over = stopped.recv_timeout(wait) != Err(RecvTimeoutError::Timeout);
                // A number of requests may be done before the first sample is due.
                if !is_over || peak == Census::default() {
                    peak = peak.peak(processes.census().unwrap_or_default());
                }
                if is_over {
                    break;
                }
                wait = interval;
            }
            peak
        });
        Sampler { stop, thread }
    }

    /// Ends it; the largest of each figure.
    pub(super) fn finish(self) -> Census {
        drop(self.stop);
        self.thread.join().unwrap_or_default()
    }
}
