//! How one generation of workers replaces another, and how a pool gets to its size. Pure.
//!
//! Usually all workers are of one *generation*. A reload begins another. Its workers are spawned a
//! few at a time, and one old worker is retired for each new one that is *ready*.

use super::sizing::Census;

/// How a generation that replaces another is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rollout {
    /// No worker has become ready yet.
    Pending,
    /// A worker was ready: the configuration works.
    Proven,
    /// The workers fail to start.
    Failed,
}

/// What the master does next.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Steps {
    /// Workers of the current generation to spawn.
    pub(crate) spawn: usize,
    /// Workers of earlier generations to retire.
    pub(crate) retire_old: usize,
    /// Workers of the current generation to retire.
    pub(crate) retire: usize,
}

/// How many workers there may be beyond the target during a rollout: a quarter, so that a reload
/// does not double the load of the machine.
pub(crate) fn surplus(target: usize) -> usize {
    (target / 4).max(1)
}

/// How many there may be together with retired workers that still have clients. A reload waits for
/// those of the last one; otherwise each reload would add another pool.
fn most(target: usize) -> usize {
    2 * target + surplus(target)
}

/// The steps towards `target` workers, all of the current generation.
// ANCHOR: steps
pub(crate) fn steps(census: &Census, target: usize) -> Steps {
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
        spawn: missing.min(room),
        // Never fewer that serve than the target.
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
        assert_eq!(steps(&census(0, 0, 0, 0), 5).spawn, 5);
        assert_eq!(steps(&census(1, 1, 1, 0), 5).spawn, 2);
        assert_eq!(steps(&census(0, 3, 2, 0), 5), Steps::default());
        assert_eq!(steps(&census(0, 3, 2, 0), 2).retire, 3);
    }

    /// Four workers, reloaded: one new worker becomes ready, one old is retired, and so on.
    #[test]
    fn a_generation_replaces_another_a_few_at_a_time() {
        let mut now = census(0, 0, 0, 4);
        let mut most = 0;
        for _ in 0..50 {
            let next = steps(&now, 4);
            now.old -= next.retire_old;
            // Workers that were spawned in the last round are ready by now.
            now.idle += now.starting;
            now.starting = next.spawn;
            most = most.max(now.current() + now.old);
            assert!(now.idle + now.old >= 4, "{now:?}");
        }
        assert_eq!((now, most), (census(0, 4, 0, 0), 5));
    }

    /// If no new worker becomes ready, no old one is retired.
    #[test]
    fn the_old_stay_until_the_new_are_ready() {
        assert_eq!(steps(&census(1, 0, 0, 4), 4), Steps::default());
        assert_eq!(steps(&census(1, 0, 0, 0), 0).retire_old, 0);
    }

    /// Slow clients keep retired workers alive.
    #[test]
    fn reload_after_reload_does_not_fill_the_machine() {
        let mut now = census(0, 4, 0, 0);
        for _ in 0..20 {
            now.old += std::mem::take(&mut now.idle);
            for _ in 0..20 {
                let next = steps(&now, 4);
                now.old -= next.retire_old;
                now.leaving += next.retire_old;
                now.idle += std::mem::replace(&mut now.starting, next.spawn);
                assert!(now.current() + now.old + now.leaving <= most(4), "{now:?}");
                assert!(now.idle + now.old >= 4, "{now:?}");
            }
        }
        now.leaving = 0;
        assert!(steps(&now, 4).spawn > 0, "it goes on when they have ended");
    }

    /// The last old worker is retired as soon as enough new ones serve.
    #[test]
    fn a_smaller_pool_after_a_reload_is_reached_too() {
        assert_eq!(steps(&census(0, 1, 0, 4), 2).retire_old, 3);
        assert_eq!(steps(&census(0, 0, 0, 4), 0).retire_old, 4);
    }

    proptest! {
        /// From any state, the pool gets to its target, does not fall below it once it is there,
        /// and never exceeds its maximum.
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
                prop_assert!(next.spawn == 0 || next.retire == 0);
                now.old -= next.retire_old;
                now.idle += now.starting;
                now.starting = next.spawn;
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
