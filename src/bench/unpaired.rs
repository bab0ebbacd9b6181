//! Two results compared with each other: a warning, no proof. Pure.
//!
//! The runs of two results are not paired: between them the machine may have changed in a way that
//! no block shares. So nothing here says that one is better.

use super::results::Results;
use super::stats::spread::Spread;
use super::workload::Workload;

/// A contender under a workload, then and now.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Its name.
    pub contender: String,
    /// What was asked.
    pub workload: Workload,
    /// The median then.
    pub old: f64,
    /// The median now.
    pub new: f64,
    /// Whether the middle halves of the blocks lie apart: worth a bench of its own.
    pub stands_out: bool,
}

/// Compares contenders of the same name under the same workload.
///
/// # Errors
/// The machines or the plans differ: in what.
pub fn compare(old: &Results, new: &Results) -> Result<Vec<Change>, String> {
    let differ = |what: &str| Err(format!("{what}: the two cannot be compared"));
    let (then, now) = (&old.environment, &new.environment);
    if (&then.cpu_model, then.cpus, then.memory_kib) != (&now.cpu_model, now.cpus, now.memory_kib) {
        return differ("the machines differ");
    }
    if then.layout != now.layout || then.build != now.build {
        return differ("processors were divided differently, or one build is a debug build");
    }
    let (a, b) = (&old.plan, &new.plan);
    if (a.window, a.warm_up, a.requests) != (b.window, b.warm_up, b.requests) {
        return differ("the windows differ");
    }
    if a.workloads != b.workloads {
        return differ("the workloads differ");
    }
    let changes: Vec<Change> = a
        .workloads
        .iter()
        .flat_map(|workload| {
            let both = a.contenders.iter().filter(|it| b.contenders.contains(it));
            both.filter_map(|it| change(old, new, &it.name, workload))
        })
        .collect();
    match changes.is_empty() {
        true => differ("no contender is in both with the same command line"),
        false => Ok(changes),
    }
}

fn change(old: &Results, new: &Results, contender: &str, workload: &Workload) -> Option<Change> {
    let figures = |results: &Results| -> Vec<f64> {
        let column = results.column(contender, workload);
        column.into_iter().flatten().collect()
    };
    let (then, now) = (middle(figures(old))?, middle(figures(new))?);
    Some(Change {
        contender: contender.to_owned(),
        workload: workload.clone(),
        old: then.median,
        new: now.median,
        stands_out: then.max < now.min || now.max < then.min,
    })
}

/// The median with the quartiles in place of the extremes.
fn middle(mut figures: Vec<f64>) -> Option<Spread> {
    figures.sort_by(f64::total_cmp);
    let quarter = figures.len() / 4;
    let half = figures.get(quarter..figures.len() - quarter)?;
    Spread::of(half.iter().copied())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::results::tests::{fill, results};

    fn costing(cost: f64) -> Results {
        let mut results = results(&["fork", "epoll"], 8);
        fill(&mut results, |_, block| cost + 0.1 * block as f64);
        results
    }

    #[test]
    fn a_change_stands_out_where_the_middle_halves_lie_apart() {
        let changes = compare(&costing(10.0), &costing(20.0)).unwrap();
        assert_eq!(changes.len(), 2);
        assert!(changes.iter().all(|it| it.stands_out && it.new > it.old));
        let changes = compare(&costing(10.0), &costing(10.1)).unwrap();
        assert!(changes.iter().all(|it| !it.stands_out));
    }

    #[test]
    fn other_machines_and_other_plans_are_refused() {
        let old = costing(10.0);
        let mut new = costing(10.0);
        new.environment.cpus += 1;
        assert!(compare(&old, &new).unwrap_err().contains("machines"));
        let mut new = costing(10.0);
        new.plan.window *= 2;
        assert!(compare(&old, &new).unwrap_err().contains("windows"));
        let mut new = costing(10.0);
        new.plan.workloads[0].connections = 99;
        assert!(compare(&old, &new).unwrap_err().contains("workloads"));
        let mut new = costing(10.0);
        for contender in &mut new.plan.contenders {
            contender.arguments.push("--workers=2".to_owned());
        }
        assert!(compare(&old, &new).unwrap_err().contains("no contender"));
    }
}
