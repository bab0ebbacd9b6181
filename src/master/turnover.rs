//! What is to be done to get from the workers that there are to those that there should be. Pure.
//!
//! A pool is made of *generations*. Usually there is one. After a reload there are two for a while:
//! the new one grows, and only for each of its workers that is *ready* an old one is told to leave.

use super::sizing::Census;

/// The next steps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Steps {
    /// Workers of the current generation to start.
    pub(super) start: usize,
    /// Workers of earlier generations to tell to leave.
    pub(super) retire_old: usize,
    /// Workers of the current generation to tell to leave.
    pub(super) retire: usize,
}

/// How many workers there may be beyond the target while generations change: a few at a time, so
/// that a reload does not double the load of the machine.
fn surplus(target: usize) -> usize {
    (target / 4).max(1)
}

/// How many there may be with those who still have clients to finish with: a reload that comes
/// before the last one is over waits for them, or each would add another pool.
fn most(target: usize) -> usize {
    2 * target + surplus(target)
}

/// The steps towards `target` workers, all of the current generation.
// ANCHOR: steps
pub(super) fn steps(census: &Census, target: usize) -> Steps {
    let (current, old) = (census.current(), census.old);
    let missing = target.saturating_sub(current);
    let room = match old {
        0 => missing,
        _ => (target + surplus(target))
            .min(most(target).saturating_sub(census.leaving))
            .saturating_sub(current + old),
    };
    let serving = census.idle + census.busy + old;
    Steps {
        start: missing.min(room),
        // Never fewer that serve than there should be.
        retire_old: serving.saturating_sub(target).min(old),
        retire: match old {
            0 => current.saturating_sub(target),
            _ => 0,
        },
    }
}
// ANCHOR_END: steps

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn census(starting: usize, idle: usize, busy: usize, old: usize) -> Census {
        Census {
            starting,
            idle,
            busy,
            old,
            ..Census::default()
        }
    }

    #[test]
    fn a_pool_is_filled_at_once_and_cut_to_size() {
        assert_eq!(steps(&census(0, 0, 0, 0), 5).start, 5);
        assert_eq!(steps(&census(1, 1, 1, 0), 5).start, 2);
        assert_eq!(steps(&census(0, 3, 2, 0), 5), Steps::default());
        assert_eq!(steps(&census(0, 3, 2, 0), 2).retire, 3);
    }

    /// Four workers, reloaded: one new, ready, one old gone, and so on.
    #[test]
    fn a_generation_replaces_another_a_few_at_a_time() {
        let mut now = census(0, 0, 0, 4);
        let mut most = 0;
        for _ in 0..50 {
            let next = steps(&now, 4);
            now.old -= next.retire_old;
            // What was started last time is ready by now.
            now.idle += now.starting;
            now.starting = next.start;
            most = most.max(now.current() + now.old);
            assert!(now.idle + now.old >= 4, "{now:?}");
        }
        assert_eq!((now, most), (census(0, 4, 0, 0), 5));
    }

    /// New workers that never get ready change nothing for the old ones.
    #[test]
    fn the_old_stay_until_the_new_are_ready() {
        assert_eq!(steps(&census(1, 0, 0, 4), 4), Steps::default());
        assert_eq!(steps(&census(1, 0, 0, 0), 0).retire_old, 0);
    }

    /// Clients who take their time hold back those who were told to leave.
    #[test]
    fn reload_after_reload_does_not_fill_the_machine() {
        let mut now = census(0, 4, 0, 0);
        for _ in 0..20 {
            now.old += std::mem::take(&mut now.idle);
            for _ in 0..20 {
                let next = steps(&now, 4);
                now.old -= next.retire_old;
                now.leaving += next.retire_old;
                now.idle += std::mem::replace(&mut now.starting, next.start);
                assert!(now.current() + now.old + now.leaving <= most(4), "{now:?}");
                assert!(now.idle + now.old >= 4, "{now:?}");
            }
        }
        now.leaving = 0;
        assert!(steps(&now, 4).start > 0, "it goes on when they have gone");
    }

    /// The last old one goes although it serves, as soon as enough others do.
    #[test]
    fn a_smaller_pool_after_a_reload_is_reached_too() {
        assert_eq!(steps(&census(0, 1, 0, 4), 2).retire_old, 3);
        assert_eq!(steps(&census(0, 0, 0, 4), 0).retire_old, 4);
    }

    proptest! {
        /// From wherever it starts, the pool gets to its target, never falls below it once it is
        /// there, and never exceeds what it may.
        #[test]
        fn every_pool_gets_where_it_should(
            starting in 0usize..20, idle in 0usize..20, busy in 0usize..20,
            old in 0usize..20, target in 0usize..30,
        ) {
            let mut now = census(starting, idle, busy, old);
            let most = (now.current() + old).max(target + surplus(target));
            let mut serving = idle + busy + old;
            for _ in 0..200 {
                let next = steps(&now, target);
                prop_assert!(next.start == 0 || next.retire == 0);
                now.old -= next.retire_old;
                now.idle += now.starting;
                now.starting = next.start;
                let from_idle = next.retire.min(now.idle);
                now.idle -= from_idle;
                now.busy -= next.retire - from_idle;
                prop_assert!(now.current() + now.old <= most);
                let served = now.idle + now.busy + now.old;
                prop_assert!(served >= serving.min(target));
                serving = served;
            }
            prop_assert_eq!((now.current(), now.old), (target, 0));
        }
    }
}
