//! When to look at whom, without a look at anybody else.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

/// An alarm clock for each place.
///
/// A deadline moves with every request, nearly always further away; to move an alarm each time
/// would cost more than the alarm ever brings. So one that rings too early is the rule: whoever is
/// woken looks at the deadline as it is by then, and sets the alarm again. An alarm belongs to its
/// place and not to the client there: it rings for whoever has the place at that time. A client
/// that comes and goes within seconds finds an alarm set, leaves it set, and costs nothing at all.
#[derive(Debug, Default)]
pub(super) struct Alarms {
    queue: BinaryHeap<Reverse<(Instant, usize)>>,
    /// For each place, the alarm that counts. Others of that place, set before, ring for nobody.
    set: Vec<Option<Instant>>,
}

impl Alarms {
    /// Whoever is at `place` is to be looked at by `moment`, or before.
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

    /// A place whose alarm has rung by `now`.
    // ANCHOR: rung
    pub(super) fn rung(&mut self, now: Instant) -> Option<usize> {
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
    // ANCHOR_END: rung
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn all(alarms: &mut Alarms, now: Instant) -> Vec<usize> {
        std::iter::from_fn(|| alarms.rung(now)).collect()
    }

    #[test]
    fn each_place_rings_once_and_not_before_its_time() {
        let start = Instant::now();
        let after = |ms| start + Duration::from_millis(ms);
        let mut alarms = Alarms::default();
        alarms.set(0, after(30));
        alarms.set(7, after(10));
        assert!(all(&mut alarms, after(9)).is_empty());
        assert_eq!(all(&mut alarms, after(30)), [7, 0]);
        assert!(all(&mut alarms, after(1000)).is_empty());
    }

    #[test]
    fn the_earliest_counts_and_a_later_one_is_not_even_stored() {
        let start = Instant::now();
        let after = |ms| start + Duration::from_millis(ms);
        let mut alarms = Alarms::default();
        alarms.set(0, after(20));
        for ms in 20..1000 {
            alarms.set(0, after(ms));
        }
        assert_eq!(alarms.queue.len(), 1);
        alarms.set(0, after(10));
        assert_eq!(all(&mut alarms, after(10)), [0]);
        alarms.set(0, after(50));
        assert!(
            all(&mut alarms, after(20)).is_empty(),
            "the one at 20 ms is none"
        );
        assert_eq!(all(&mut alarms, after(50)), [0]);
    }
}
