//! Which connections have a deadline that may be over, without a look at the others.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

/// A timer for each place of a loop.
///
/// A deadline moves with every request, nearly always further away. To move a timer each time would
/// cost more than the timer ever saves. So a timer that expires too early is normal: the loop then
/// looks at the connection's deadline and sets the timer again. A timer belongs to its place and
/// not to the client there: when it expires, the loop looks at the client that has the place at
/// that time. A client that comes and goes within seconds finds a timer set and leaves it set,
/// which costs nothing.
#[derive(Debug, Default)]
pub(super) struct Timers {
    queue: BinaryHeap<Reverse<(Instant, usize)>>,
    /// For each place, the timer that counts. Older timers of the place are ignored.
    set: Vec<Option<Instant>>,
}

impl Timers {
    /// The client at `place` is to be looked at by `moment`, or before.
    // ANCHOR: set
    pub(super) fn set(&mut self, place: usize, moment: Instant) {
        if place >= self.set.len() {
            self.set.resize(place + 1, None);
        }
        let is_early_enough = |set: Instant| set <= moment;
        if !self.set[place].is_some_and(is_early_enough) {
            self.set[place] = Some(moment);
            self.queue.push(Reverse((moment, place)));
        }
    }
    // ANCHOR_END: set

    /// A place whose timer has expired by `now`.
    // ANCHOR: pop_expired
    pub(super) fn pop_expired(&mut self, now: Instant) -> Option<usize> {
        while let Some(&Reverse((moment, place))) = self.queue.peek() {
            if moment > now {
                return None;
            }
            self.queue.pop();
            if self.set[place] == Some(moment) {
                self.set[place] = None;
                return Some(place);
            }
        }
        None
    }
    // ANCHOR_END: pop_expired
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn all(timers: &mut Timers, now: Instant) -> Vec<usize> {
        std::iter::from_fn(|| timers.pop_expired(now)).collect()
    }

    #[test]
    fn each_timer_expires_once_and_not_before_its_time() {
        let start = Instant::now();
        let after = |ms| start + Duration::from_millis(ms);
        let mut timers = Timers::default();
        timers.set(0, after(30));
        timers.set(7, after(10));
        assert!(all(&mut timers, after(9)).is_empty());
        assert_eq!(all(&mut timers, after(30)), [7, 0]);
        assert!(all(&mut timers, after(1000)).is_empty());
    }

    #[test]
    fn the_earliest_counts_and_a_later_one_is_not_even_stored() {
        let start = Instant::now();
        let after = |ms| start + Duration::from_millis(ms);
        let mut timers = Timers::default();
        timers.set(0, after(20));
        for ms in 20..1000 {
            timers.set(0, after(ms));
        }
        assert_eq!(timers.queue.len(), 1);
        timers.set(0, after(10));
        assert_eq!(all(&mut timers, after(10)), [0]);
        timers.set(0, after(50));
        assert!(
            all(&mut timers, after(20)).is_empty(),
            "the one at 20 ms was replaced"
        );
        assert_eq!(all(&mut timers, after(50)), [0]);
    }
}
