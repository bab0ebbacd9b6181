use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::sizing::{Census, Change, Sizer};
use crate::server::Sizing;

const APACHE: Sizing = Sizing::Dynamic {
    spare_min: 5,
    spare_max: 10,
};
const IDLE: Duration = Duration::from_secs(10);
const ON_DEMAND: Sizing = Sizing::OnDemand { idle: IDLE };

fn census(starting: usize, idle: usize, busy: usize) -> Census {
    Census {
        starting,
        idle,
        vacant: idle,
        busy,
        old: 0,
        leaving: 0,
    }
}

/// What each tick adds while every worker is busy at once.
fn growth(sizer: &mut Sizer, ticks: usize) -> Vec<usize> {
    let mut workers = sizer.target();
    let mut growth = Vec::new();
    for _ in 0..ticks {
        let change = sizer.tick(&census(0, 0, workers), 0, Instant::now());
        growth.push(match change {
            Some(Change::Grow(count)) => count,
            _ => 0,
        });
        workers = sizer.target();
    }
    growth
}

#[test]
fn each_pool_begins_with_its_own_number() {
    let targets = [Sizing::Static, APACHE, ON_DEMAND].map(|it| Sizer::new(it, 20).target());
    assert_eq!(targets, [20, 5, 0]);
    assert_eq!(Sizer::new(APACHE, 3).target(), 3, "not beyond the limit");
}

#[test]
fn the_rate_doubles_from_1_to_32_as_in_apache() {
    let sizing = Sizing::Dynamic {
        spare_min: 100,
        spare_max: 200,
    };
    let mut sizer = Sizer::new(sizing, 1000);
    assert_eq!(growth(&mut sizer, 8), [1, 2, 4, 8, 16, 32, 32, 32]);
}

/// Apache's growth is not: it may add 32 where 5 are missing.
#[test]
fn growth_is_capped_by_what_is_missing_and_by_the_limit() {
    let mut sizer = Sizer::new(APACHE, 1000);
    assert_eq!(growth(&mut sizer, 6), [1, 2, 4, 5, 5, 5]);
    let mut sizer = Sizer::new(APACHE, 10);
    assert_eq!(growth(&mut sizer, 5), [1, 2, 2, 0, 0]);
}

#[test]
fn enough_spare_workers_reset_the_rate() {
    let mut sizer = Sizer::new(APACHE, 100);
    growth(&mut sizer, 4);
    assert_eq!(sizer.tick(&census(0, 5, 12), 0, Instant::now()), None);
    let change = sizer.tick(&census(0, 0, 17), 0, Instant::now());
    assert_eq!(change, Some(Change::Grow(1)));
}

#[test]
fn starting_workers_count_as_spare() {
    let mut sizer = Sizer::new(APACHE, 100);
    assert_eq!(sizer.tick(&census(3, 2, 50), 0, Instant::now()), None);
}

#[test]
fn one_a_tick_leaves_when_there_are_too_many() {
    let mut sizer = Sizer::new(APACHE, 100);
    let mut idle = 13;
    for _ in 0..10 {
        sizer.tick(&census(0, idle, 2), 0, Instant::now());
        idle = idle.min(sizer.target().saturating_sub(2).max(10));
    }
    assert_eq!(idle, 10);
    let change = sizer.tick(&census(0, 11, 0), 0, Instant::now());
    assert_eq!(change, Some(Change::Shrink(1)));
}

#[test]
fn the_limit_is_reported_once_each_time_it_is_reached() {
    for sizing in [APACHE, Sizing::Static, ON_DEMAND] {
        let mut sizer = Sizer::new(sizing, 5);
        let (full, free) = (census(0, 0, 5), census(0, 5, 0));
        let mut count = 0;
        for census in [full, full, free, full, full, full] {
            let change = sizer.tick(&census, 0, Instant::now());
            count += usize::from(change == Some(Change::LimitReached));
        }
        assert_eq!(count, 2, "{sizing:?}");
    }
}

/// Workers that are not spawned yet, or are retired, are not busy.
#[test]
fn no_limit_is_reached_while_none_is_busy_or_some_are_missing() {
    for sizing in [APACHE, Sizing::Static, ON_DEMAND] {
        let mut sizer = Sizer::new(sizing, 5);
        for census in [census(0, 0, 0), census(0, 0, 4)] {
            let change = sizer.tick(&census, 0, Instant::now());
            assert_ne!(change, Some(Change::LimitReached), "{sizing:?}");
        }
    }
}

/// The limit is below spare-min. That is not reported while no worker is busy.
#[test]
fn a_limit_below_the_spare_workers_is_met_when_all_are_busy() {
    let mut sizer = Sizer::new(APACHE, 3);
    assert_eq!(sizer.tick(&census(0, 3, 0), 0, Instant::now()), None);
    assert_eq!(sizer.tick(&census(0, 1, 2), 0, Instant::now()), None);
    let change = sizer.tick(&census(0, 0, 3), 0, Instant::now());
    assert_eq!(change, Some(Change::LimitReached));
}

#[test]
fn on_demand_there_are_as_many_workers_as_connections() {
    let mut sizer = Sizer::new(ON_DEMAND, 50);
    assert_eq!(sizer.demand(&census(0, 0, 0), 0), None);
    assert_eq!(sizer.demand(&census(0, 0, 0), 1), Some(Change::Grow(1)));
    // A worker that starts counts as spare.
    assert_eq!(sizer.demand(&census(1, 0, 0), 1), None);
    assert_eq!(sizer.demand(&census(0, 0, 1), 3), Some(Change::Grow(3)));
    assert_eq!(sizer.target(), 4);
    assert_eq!(sizer.demand(&census(0, 0, 4), 500), Some(Change::Grow(32)));
    assert_eq!(
        sizer.demand(&census(0, 0, 50), 1),
        Some(Change::LimitReached)
    );
}

/// Each worker has a client, and room for more. They keep the pool from growing, and none of them
/// is retired.
#[test]
fn a_worker_with_a_client_and_room_is_not_retired() {
    for sizing in [APACHE, ON_DEMAND] {
        let mut sizer = Sizer::new(sizing, 100);
        let start = Instant::now();
        let shared = Census {
            vacant: 0,
            ..census(0, 30, 0)
        };
        for tick in 0..30 {
            let now = start + Duration::from_secs(1) * tick;
            assert_eq!(sizer.tick(&shared, 0, now), None, "{sizing:?}");
        }
    }
}

/// Ten workers take turns. At least seven are always idle.
#[test]
fn on_demand_workers_leave_that_were_never_needed() {
    let mut sizer = Sizer::new(ON_DEMAND, 50);
    let start = Instant::now();
    sizer.demand(&census(0, 0, 0), 10);
    let second = Duration::from_secs(1);
    let mut changes = Vec::new();
    for (tick, busy) in [1, 3, 0, 2, 1, 1, 2, 3, 1, 0, 1].into_iter().enumerate() {
        let now = start + second * tick as u32;
        changes.extend(sizer.tick(&census(0, 10 - busy, busy), 0, now));
    }
    assert_eq!(changes, [Change::Shrink(7)]);
    assert_eq!(sizer.target(), 3);
}

#[test]
fn on_demand_the_last_worker_leaves_too() {
    let mut sizer = Sizer::new(ON_DEMAND, 50);
    let start = Instant::now();
    sizer.demand(&census(0, 0, 0), 1);
    assert_eq!(sizer.tick(&census(0, 1, 0), 0, start), None);
    let change = sizer.tick(&census(0, 1, 0), 0, start + IDLE);
    assert_eq!((change, sizer.target()), (Some(Change::Shrink(1)), 0));
}

#[test]
fn by_hand_the_number_or_the_limit_changes() {
    let mut fixed = Sizer::new(Sizing::Static, 2);
    assert_eq!((fixed.adjust(1, 1, 100), fixed.target()), (3, 3));
    for _ in 0..5 {
        fixed.adjust(-1, 1, 100);
    }
    assert_eq!(fixed.target(), 1, "one always remains");
    assert_eq!(fixed.adjust(5, 1, 4), 4);
    let mut dynamic = Sizer::new(APACHE, 6);
    assert_eq!((dynamic.adjust(1, 1, 100), dynamic.target()), (7, 5));
    assert_eq!((dynamic.adjust(-3, 1, 100), dynamic.target()), (4, 4));
}

/// A reload does not change the load.
#[test]
fn new_rules_begin_with_the_current_size() {
    let mut sizer = Sizer::new(APACHE, 100);
    growth(&mut sizer, 8);
    let grown = sizer.target();
    assert!(grown > 30, "{grown}");
    let bounded = |sizing, limit| {
        let mut sizer = Sizer::new(APACHE, 100);
        growth(&mut sizer, 8);
        sizer.reconfigure(sizing, limit);
        (sizer.target(), sizer.limit())
    };
    assert_eq!(bounded(APACHE, 100), (grown, 100));
    assert_eq!(bounded(APACHE, 20), (20, 20));
    assert_eq!(bounded(ON_DEMAND, 100), (grown, 100));
    assert_eq!(bounded(Sizing::Static, 7), (7, 7));
    let mut sizer = Sizer::new(ON_DEMAND, 100);
    sizer.reconfigure(APACHE, 100);
    assert_eq!(sizer.target(), 5, "some to spare");
    sizer.reconfigure(APACHE, 3);
    assert_eq!(sizer.target(), 3);
}

/// Workers of the old generation still serve, and are not counted as spare. So the number of
/// waiting connections must not become the target.
#[test]
fn demand_does_not_shrink_a_pool_during_a_rollout() {
    let mut sizer = Sizer::new(ON_DEMAND, 100);
    sizer.demand(&census(0, 0, 0), 30);
    let mixed = Census {
        old: 25,
        ..census(5, 0, 0)
    };
    assert_eq!(sizer.demand(&mixed, 8), None);
    assert_eq!(sizer.target(), 30);
}

#[test]
fn dead_workers_are_replaced_unless_demand_decides() {
    for (sizing, expected) in [(Sizing::Static, 5), (APACHE, 5), (ON_DEMAND, 2)] {
        let mut sizer = Sizer::new(sizing, 5);
        if sizer.is_on_demand() {
            sizer.demand(&census(0, 0, 0), 3);
        }
        sizer.died();
        assert_eq!(sizer.target(), expected, "{sizing:?}");
    }
}

#[test]
fn the_size_stays_during_a_rollout() {
    let mut sizer = Sizer::new(APACHE, 100);
    let mixed = Census {
        old: 1,
        ..census(0, 0, 50)
    };
    assert_eq!(sizer.tick(&mixed, 0, Instant::now()), None);
}

proptest! {
    /// Under any load the pool stays within its bounds, and no busy worker is retired.
    #[test]
    fn targets_stay_within_bounds(
        loads in proptest::collection::vec(0usize..60, 1..80),
        limit in 1usize..40,
        spare_min in 1usize..10,
        more in 0usize..10,
        kind in 0usize..3,
    ) {
        let spare_max = spare_min + more;
        let sizing = [Sizing::Static, Sizing::Dynamic { spare_min, spare_max }, ON_DEMAND][kind];
        let mut sizer = Sizer::new(sizing, limit);
        let mut workers = sizer.target();
        let mut now = Instant::now();
        for load in loads {
            now += Duration::from_secs(1);
            let busy = load.min(workers);
            let census = census(0, workers - busy, busy);
            sizer.tick(&census, 0, now);
            if sizer.is_on_demand() {
                sizer.demand(&census, load - busy);
            }
            prop_assert!(sizer.target() <= limit);
            prop_assert!(sizer.target() >= busy);
            workers = sizer.target();
        }
    }

    /// Under a constant load a dynamic pool settles with spare workers between the two bounds.
    #[test]
    fn a_constant_load_is_met(load in 0usize..100, start in 1usize..150) {
        let mut sizer = Sizer::new(APACHE, 200);
        let mut workers = start;
        for _ in 0..200 {
            let busy = load.min(workers);
            if sizer.tick(&census(0, workers - busy, busy), 0, Instant::now()).is_some() {
                workers = sizer.target();
            }
        }
        prop_assert!((5..=10).contains(&(workers - load)), "{workers} for {load}");
    }
}

/// Clients that wait while no worker is free: Apache's growth, which `spare_min` does not cap.
#[test]
fn the_rate_is_not_capped_while_connections_wait() {
    let sizing = Sizing::Dynamic {
        spare_min: 5,
        spare_max: 10,
    };
    let (mut sizer, mut workers) = (Sizer::new(sizing, 256), 5);
    let mut added = Vec::new();
    for _ in 0..7 {
        let change = sizer.tick(&census(0, 0, workers), 150, Instant::now());
        let Some(Change::Grow(count)) = change else {
            panic!("{change:?}");
        };
        added.push(count);
        workers += count;
    }
    assert_eq!(added, [1, 2, 4, 8, 16, 32, 32]);
}
