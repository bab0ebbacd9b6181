//! Whether the workers accept the connections that wait. Pure: counts and times in, an answer out.

use std::time::{Duration, Instant};

/// An idle worker that has accepted no waiting connection for so long is stopped or hangs.
const STUCK: Duration = Duration::from_millis(500);

/// An accept queue, as the master finds it each time that a connection waits there.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    /// Connections that workers had accepted at the last look.
    accepted: Option<u64>,
    /// When that number was first seen; `None` after `is_stuck` was true for it.
    since: Option<Instant>,
}

impl Queue {
    /// To be asked while a connection waits, with the number of connections that the workers have
    /// accepted so far. True once if that number stands still: another worker is needed. If one
    /// more does not help, a second will not.
    pub(crate) fn is_stuck(&mut self, accepted: u64, now: Instant) -> bool {
        if self.accepted != Some(accepted) {
            *self = Self {
                accepted: Some(accepted),
                since: Some(now),
            };
        }
        // While none is accepted, the connection that was seen first still waits.
        let is_stuck = self.since.is_some_and(|since| now >= since + STUCK);
        if is_stuck {
            self.since = None;
        }
        is_stuck
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_that_moves_is_not_stuck() {
        let (mut queue, start) = (Queue::default(), Instant::now());
        for accepted in 0..100 {
            let now = start + STUCK * accepted as u32;
            assert!(!queue.is_stuck(accepted, now));
        }
    }

    #[test]
    fn a_queue_that_stands_still_is_stuck_once() {
        let (mut queue, start) = (Queue::default(), Instant::now());
        let tick = STUCK / 5;
        let said = (0..50).filter(|&nth| queue.is_stuck(7, start + tick * nth));
        assert_eq!(said.collect::<Vec<_>>(), [5]);
        assert!(!queue.is_stuck(8, start + STUCK * 100), "it moves again");
        assert!(queue.is_stuck(8, start + STUCK * 101));
    }
}
