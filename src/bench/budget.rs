//! How long a window may be, so that the whole ends in time. Pure.

use std::time::Duration;

/// Starting a server, stopping it, and looking whether it left anything: what a run takes beyond
/// its warm-up and its window.
pub(super) const OVERHEAD: Duration = Duration::from_millis(100);
/// A longer window buys less than another block would.
const WINDOW_MAX: Duration = Duration::from_millis(1000);
/// Below this a window holds too few requests to say anything.
const WINDOW_MIN: Duration = Duration::from_millis(80);
const WARM_UP_MAX: Duration = Duration::from_secs(1);
const WARM_UP_MIN: Duration = Duration::from_millis(20);

/// How much time the whole may take: so much, and more for each contender beyond
/// `BASE_CONTENDERS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    base: Duration,
    each_further: Duration,
}

const BASE_CONTENDERS: usize = 4;

impl Budget {
    /// Under 2 minutes, with however many contenders.
    pub const FULL: Budget = Budget {
        base: Duration::from_secs(108),
        each_further: Duration::ZERO,
    };
    /// Under 30 seconds for four models, under 1 minute for eleven.
    pub const QUICK: Budget = Budget {
        base: Duration::from_secs(25),
        each_further: Duration::from_secs(4),
    };

    /// The window that lets `runs` runs of `contenders` contenders end in time, if they take
    /// `extra` beside starts, windows and stops.
    pub fn window(self, contenders: usize, runs: usize, extra: Duration) -> Duration {
        let further = contenders.saturating_sub(BASE_CONTENDERS);
        let total = self.base.as_secs_f64() + self.each_further.as_secs_f64() * further as f64;
        let left = (total - extra.as_secs_f64()).max(0.0);
        let slot = left / runs.max(1) as f64 - OVERHEAD.as_secs_f64();
        let window = slot / (1.0 + WARM_UP_SHARE);
        let coarse_ms = (window * 100.0).floor().max(0.0) * 10.0;
        Duration::from_millis(coarse_ms as u64).clamp(WINDOW_MIN, WINDOW_MAX)
    }
}

/// Blocks of a bench of so many contenders, unless another number is asked for.
pub fn blocks_default(contenders: usize) -> usize {
    match contenders {
        0..=3 => 20,
        4..=8 => 24,
        _ => 12,
    }
}

/// The warm-up's length as a part of the window's.
const WARM_UP_SHARE: f64 = 0.25;

/// Repetitions of Stevens' tables.
pub const UNP_BLOCKS: usize = 5;
/// Repetitions at each value of a sweep: in full, and where it is to be quick.
pub const SWEEP_BLOCKS: [usize; 2] = [3, 1];
/// The window at each value of a sweep, at the least.
pub const SWEEP_WINDOW: Duration = Duration::from_millis(750);
/// A window has this long for each connection, so that a server which is up to it can answer all of
/// them: a connection that is not answered then has been passed over.
const WINDOW_PER_CONNECTION: Duration = Duration::from_micros(250);

/// The window of so many connections.
pub(super) fn window_for(window: Duration, connections: usize) -> Duration {
    window.max(WINDOW_PER_CONNECTION.mul_f64(connections as f64))
}

/// The warm-up that goes with a window.
pub fn warm_up_for(window: Duration) -> Duration {
    window
        .mul_f64(WARM_UP_SHARE)
        .clamp(WARM_UP_MIN, WARM_UP_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::plan::tests::plan;
    use crate::bench::stats::planning::blocks_min;
    use crate::bench::workload::Workload;

    #[test]
    fn the_default_plans_keep_their_promises() {
        let promise = [
            (Budget::FULL, 4, blocks_default(4), 120),
            (Budget::FULL, 11, blocks_default(11), 120),
            (Budget::QUICK, 4, blocks_min(4), 30),
            (Budget::QUICK, 11, blocks_min(11), 60),
        ];
        for (budget, contenders, blocks, seconds) in promise {
            let mut plan = plan(contenders, blocks, 0);
            if budget == Budget::FULL {
                let is_new = |it: &Workload| plan.workload(&it.name).is_none();
                plan.looks = Workload::all().into_iter().filter(is_new).collect();
                assert!(
                    plan.extra() > Duration::from_secs(1),
                    "idle clients cost time"
                );
            }
            plan.window = budget.window(contenders, plan.runs(), plan.extra());
            plan.warm_up = warm_up_for(plan.window);
            assert!(plan.window >= WINDOW_MIN, "{plan}");
            assert!(plan.estimate() < Duration::from_secs(seconds), "{plan}");
        }
    }
}
