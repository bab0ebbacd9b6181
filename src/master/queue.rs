//! Whether anybody takes the connections that wait. Pure: counts and times in, a verdict out.

use std::time::{Duration, Instant};

/// An idle worker that has taken nobody for so long will not: it is stopped, or wedged.
const STUCK: Duration = Duration::from_millis(500);

/// An accept queue as the master finds it, each time that somebody waits there.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// Connections that workers had accepted at the last look.
    accepted: Option<u64>,
    /// When that number was first seen; `None` once it has been said that nothing happens.
    since: Option<Instant>,
}

impl Queue {
    /// Somebody waits, and the workers have accepted so many by now: whether it is time for
    /// somebody else to take care of it. That is said once: if it does not help, more will not.
    pub(super) fn is_stuck(&mut self, accepted: u64, now: Instant) -> bool {
        if self.accepted != Some(accepted) {
            *self = Self {
                accepted: Some(accepted),
                since: Some(now),
            };
        }
        // As long as nobody has been accepted, whoever was seen first still waits.
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
    fn one_that_does_not_is_and_that_is_said_once() {
        let (mut queue, start) = (Queue::default(), Instant::now());
        let tick = STUCK / 5;
        let said = (0..50).filter(|&nth| queue.is_stuck(7, start + tick * nth));
        assert_eq!(said.collect::<Vec<_>>(), [5]);
        assert!(!queue.is_stuck(8, start + STUCK * 100), "it moves again");
        assert!(queue.is_stuck(8, start + STUCK * 101));
    }
}
