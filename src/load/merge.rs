//! Results of several generators, added. Pure.
//!
//! Histograms with the same bounds are added bucket by bucket, so a percentile of the sum is the
//! one that a single generator would have recorded. Percentiles themselves cannot be added.

mod part;
mod remark;
mod sum;

use std::time::Duration;

use hdrhistogram::Histogram;

pub use self::part::{Generator, Part};
pub use self::remark::{Remark, Unmergeable};
use super::histogram::histogram;
use super::{Outcome, Plan, Rank, Schedule, Stage};

/// Generators whose beginnings lie further apart are marked. Clocks that NTP keeps are closer.
const SKEW_MAX: Duration = Duration::from_millis(100);
/// The share of the longest window in which all generators should have been at work.
const OVERLAP_MIN: f64 = 0.95;

/// The sum of several results.
#[derive(Debug, Clone)]
pub struct Merged {
    /// The plan of all together.
    pub plan: Plan,
    /// The sum.
    pub outcome: Outcome,
    /// Those that measured, by rank.
    pub generators: Vec<Generator>,
    /// From the first beginning of a measurement to the last one.
    pub skew: Duration,
    /// The share of the longest window in which all were at work.
    pub overlap: f64,
    /// What a reader must know of the sum, besides the marks of the outcome.
    pub remarks: Vec<Remark>,
}

/// Whether a histogram has the bounds of a run's, so that it can be added.
pub fn fits(candidate: &Histogram<u64>) -> bool {
    let ours = histogram();
    (ours.low(), ours.high(), ours.sigfig())
        == (candidate.low(), candidate.high(), candidate.sigfig())
}

/// Adds results. Those that could not be read are told of.
///
/// # Errors
/// Results that are not of one run.
pub fn merge(parts: &[Part], unusable: &[(String, String)]) -> Result<Merged, Unmergeable> {
    let first = parts.first().ok_or(Unmergeable::Nothing)?;
    let mut generators: Vec<Generator> =
        parts.iter().flat_map(|it| it.generators.clone()).collect();
    generators.sort_by_key(|it| (it.rank.map(|rank| rank.index), it.began));
    refuse_doubles(&generators)?;
    for part in parts {
        refuse_other_plan(first, part)?;
    }
    let (skew, overlap) = common_time(&generators)?;
    let plan = common_plan(parts, &generators);
    let outcomes: Vec<&Outcome> = parts.iter().map(|it| &it.outcome).collect();
    let outcome = sum::of(&plan, &outcomes);
    let mut remarks = missing(&plan, &generators);
    remarks.extend(unusable.iter().map(|(name, reason)| Remark::Unusable {
        name: name.clone(),
        reason: reason.clone(),
    }));
    let early = generators.iter().filter(|it| !it.is_whole());
    remarks.extend(early.map(|it| Remark::EndedEarly {
        name: it.name.clone(),
        ended: it.ended.clone(),
    }));
    let mut urls: Vec<String> = parts.iter().map(|it| it.plan.target.to_string()).collect();
    urls.sort();
    urls.dedup();
    let about_all = [
        (skew > SKEW_MAX, Remark::Skew(skew)),
        (overlap < OVERLAP_MIN, Remark::PartialOverlap(overlap)),
        (urls.len() > 1, Remark::SeveralUrls(urls.len())),
    ];
    remarks.extend(
        about_all
            .into_iter()
            .filter_map(|(is, it)| is.then_some(it)),
    );
    Ok(Merged {
        plan,
        outcome,
        generators,
        skew,
        overlap,
        remarks,
    })
}

fn refuse_doubles(generators: &[Generator]) -> Result<(), Unmergeable> {
    for (index, one) in generators.iter().enumerate() {
        for other in &generators[index + 1..] {
            let names = || (one.name.clone(), other.name.clone());
            let is_same = |it: &Generator| (it.host.clone(), it.process, it.began);
            if is_same(one) == is_same(other) {
                let (one, other) = names();
                return Err(Unmergeable::Twice(one, other));
            }
            if let Some(rank) = one.rank.filter(|_| one.rank == other.rank) {
                let (one, other) = names();
                return Err(Unmergeable::SameRank(one, other, rank.index));
            }
            let ranks = |it: &Generator| it.rank.map(|rank| rank.count);
            if ranks(one) != ranks(other) {
                let (one, other) = names();
                return Err(Unmergeable::OtherPlan(one, other, "their numbers of ranks"));
            }
        }
    }
    Ok(())
}

/// Ranks share one schedule. Generators without a rank may each have their own.
fn refuse_other_plan(first: &Part, other: &Part) -> Result<(), Unmergeable> {
    let differ = |what| {
        let (one, other) = (first.name.clone(), other.name.clone());
        Err(Unmergeable::OtherPlan(one, other, what))
    };
    if first.outcome.is_open_loop != other.outcome.is_open_loop {
        return differ("an open loop and a closed one");
    }
    if first.generators.iter().all(|it| it.rank.is_none()) {
        return Ok(());
    }
    let planned = |part: &Part| part.plan.schedule.as_ref().map(Schedule::planned);
    let arrivals = |part: &Part| part.plan.schedule.as_ref().map(Schedule::arrivals);
    if !are_same(&stages(first), &stages(other)) || planned(first) != planned(other) {
        differ("their rates or durations")
    } else if arrivals(first) != arrivals(other) || first.plan.seed != other.plan.seed {
        differ("their arrivals or seeds")
    } else {
        Ok(())
    }
}

/// Rates that were written as decimal numbers may come back with another last bit.
fn are_same(ones: &[Stage], others: &[Stage]) -> bool {
    let is_near = |one: f64, other: f64| (one - other).abs() <= one.abs() * 1e-9;
    ones.len() == others.len()
        && ones.iter().zip(others).all(|(one, other)| {
            one.duration == other.duration
                && is_near(one.from, other.from)
                && is_near(one.to, other.to)
        })
}

fn stages(part: &Part) -> Vec<Stage> {
    let schedule = part.plan.schedule.iter();
    schedule.flat_map(Schedule::stages).collect()
}

/// How far the beginnings lie apart, and the share of the longest window that is common to all.
fn common_time(generators: &[Generator]) -> Result<(Duration, f64), Unmergeable> {
    // One that was stopped before it began has no window.
    let mut begun: Vec<&Generator> = generators.iter().filter(|it| it.attempted > 0).collect();
    begun.sort_by_key(|it| it.began);
    let (Some(first), Some(last)) = (begun.first(), begun.last()) else {
        return Ok((Duration::ZERO, 1.0));
    };
    let ended = begun.iter().min_by_key(|it| it.end()).unwrap_or(first);
    let skew = last.began.duration_since(first.began).unwrap_or_default();
    let Ok(common) = ended.end().duration_since(last.began) else {
        return Err(Unmergeable::Apart(ended.name.clone(), last.name.clone()));
    };
    let longest = begun.iter().map(|it| it.duration).max().unwrap_or_default();
    let overlap = common.as_secs_f64() / longest.as_secs_f64().max(f64::MIN_POSITIVE);
    Ok((skew, overlap.min(1.0)))
}

fn common_plan(parts: &[Part], generators: &[Generator]) -> Plan {
    let first = &parts[0].plan;
    let plans = || parts.iter().map(|it| &it.plan);
    let is_ranked = generators.iter().any(|it| it.rank.is_some());
    Plan {
        rank: None,
        start_at: None,
        schedule: match is_ranked {
            true => first.schedule.clone(),
            false => added_schedules(parts),
        },
        connections: plans().map(|it| it.connections).sum(),
        threads: plans().map(|it| it.threads).sum(),
        timer_slack: plans().map(|it| it.timer_slack).max().unwrap_or_default(),
        warm_up: plans().map(|it| it.warm_up).max().unwrap_or_default(),
        spin: plans().any(|it| it.spin),
        ..first.clone()
    }
}

/// Schedules of the same durations, rate by rate; of others, the mean rate over the longest.
fn added_schedules(parts: &[Part]) -> Option<Schedule> {
    let schedules = || parts.iter().filter_map(|it| it.plan.schedule.as_ref());
    let first = schedules().next()?;
    let planned = schedules().map(Schedule::planned).sum();
    let durations = |it: &Schedule| it.stages().map(|stage| stage.duration).collect::<Vec<_>>();
    let stages = match schedules().all(|it| durations(it) == durations(first)) {
        true => (first.stages().enumerate())
            .map(|(index, stage)| {
                let same = || schedules().filter_map(|it| it.stages().nth(index));
                Stage {
                    duration: stage.duration,
                    from: same().map(|it| it.from).sum(),
                    to: same().map(|it| it.to).sum(),
                }
            })
            .collect(),
        false => {
            let longest = schedules()
                .map(Schedule::duration)
                .max()
                .unwrap_or_default();
            vec![Stage::hold(planned as f64 / longest.as_secs_f64(), longest)]
        }
    };
    Some(Schedule::described(&stages, first.arrivals(), planned))
}

fn missing(plan: &Plan, generators: &[Generator]) -> Vec<Remark> {
    let ranks: Vec<Rank> = generators.iter().filter_map(|it| it.rank).collect();
    let Some(Rank { count, .. }) = ranks.first().copied() else {
        return Vec::new();
    };
    let is_there = |index| ranks.iter().any(|it| it.index == index);
    let missing: Vec<u32> = (0..count).filter(|&index| !is_there(index)).collect();
    if missing.is_empty() {
        return Vec::new();
    }
    let planned = plan.schedule.as_ref().map_or(0, Schedule::planned);
    let theirs = missing.iter().map(|&index| Rank { index, count });
    vec![Remark::MissingRanks {
        requests: theirs.map(|it| it.share(planned)).sum(),
        ranks: missing,
        of: count,
    }]
}

#[cfg(test)]
#[path = "merge_tests.rs"]
mod tests;
