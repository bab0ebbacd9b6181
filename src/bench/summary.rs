//! From the raw figures to the rows of the tables and their comparisons; computed on reading, never
//! stored. Pure.

use serde::Serialize;

use super::ladder::{Ladder, ladders};
use super::results::Results;
use super::rows::rows;
pub use super::rows::{FailureCount, Row, Struck};
use super::stats::{self, Comparison, Spread, Table, Verdict};
use super::workload::Workload;

/// Everything that the tables and sentences say.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    /// One for each workload of the blocks.
    pub rankings: Vec<Ranking>,
    /// One for each workload that was looked at: rows without a comparison.
    pub looks: Vec<Look>,
    /// One for each workload that was measured at the same rates for all; then there are no
    /// rankings.
    pub ladders: Vec<Ladder>,
}

/// A workload that was measured in blocks.
#[derive(Debug, Clone, Serialize)]
pub struct Ranking {
    /// What was asked.
    pub workload: Workload,
    /// In the order of the plan.
    pub rows: Vec<Row>,
    /// The reference against itself (A/A): what equal servers seem to differ by here.
    pub noise: Option<Comparison>,
    /// Differences up to this are small: 0.02 for 2 %.
    pub margin: f64,
    /// Every contender against the reference, by the workload's metric.
    pub against_reference: Vec<Against>,
    /// The contenders that no other is shown to be better than, failed ones aside.
    pub best: Vec<String>,
    #[serde(skip)]
    table: Table,
}

/// One contender against the reference.
#[derive(Debug, Clone, Serialize)]
pub struct Against {
    /// Its name.
    pub contender: String,
    /// Its figure in terms of the reference's.
    pub comparison: Comparison,
}

/// A workload that was looked at.
#[derive(Debug, Clone, Serialize)]
pub struct Look {
    /// What was asked.
    pub workload: Workload,
    /// In the order of the plan.
    pub rows: Vec<Row>,
}

impl Ranking {
    /// Contender `of` in terms of contender `to`, by their places in the plan.
    pub fn pair(&self, of: usize, to: usize) -> Option<Comparison> {
        self.table.pair(of, to)
    }

    /// A verdict as good or bad for a contender: whether its figure is the better one.
    pub fn is_better(&self, verdict: Verdict) -> Option<bool> {
        let lower_is_better = self.workload.metric.lower_is_better();
        match verdict {
            Verdict::Less => Some(lower_is_better),
            Verdict::More => Some(!lower_is_better),
            _ => None,
        }
    }

    /// The smallest difference that this run could have shown, as the median over the comparisons
    /// with the reference.
    pub fn detectable(&self) -> Option<f64> {
        let all = self.against_reference.iter();
        Spread::of(all.filter_map(|it| it.comparison.detectable)).map(|it| it.median - 1.0)
    }
}

/// All of it.
pub fn summarise(results: &Results) -> Summary {
    let plan = &results.plan;
    let compared = plan.workloads.iter().filter(|_| plan.rates.is_empty());
    Summary {
        rankings: compared.map(|it| ranking(results, it)).collect(),
        ladders: ladders(results),
        looks: plan
            .looks
            .iter()
            .map(|it| Look {
                workload: it.clone(),
                rows: rows(results, it),
            })
            .collect(),
    }
}

/// The reference against its twin.
pub fn noise(results: &Results, workload: &Workload) -> Option<Comparison> {
    let entrants = results.plan.entrants();
    let twin = entrants.get(results.plan.contenders.len())?;
    let reference = entrants.get(results.plan.reference)?;
    let column = |name: &str| results.column(name, workload);
    stats::table::single(
        &column(&twin.name),
        &column(&reference.name),
        stats::MARGIN_MIN,
    )
}

fn ranking(results: &Results, workload: &Workload) -> Ranking {
    let contenders = &results.plan.contenders;
    let noise = noise(results, workload);
    let margin = stats::table::margin(noise.as_ref());
    let columns: Vec<_> = contenders
        .iter()
        .map(|it| results.column(&it.name, workload))
        .collect();
    let table = Table::of(&columns, margin);
    let against = contenders.iter().enumerate().filter_map(|(index, it)| {
        Some(Against {
            contender: it.name.clone(),
            comparison: table.pair(index, results.plan.reference)?,
        })
    });
    let mut ranking = Ranking {
        workload: workload.clone(),
        rows: rows(results, workload),
        noise,
        margin,
        against_reference: against.collect(),
        best: Vec::new(),
        table,
    };
    ranking.best = best(&ranking);
    ranking
}

/// The sound contenders that no sound one is shown to beat; none where no pair is told apart, for
/// then there is nothing to be best at.
fn best(ranking: &Ranking) -> Vec<String> {
    let sound: Vec<usize> = (0..ranking.rows.len())
        .filter(|&index| ranking.rows[index].is_sound())
        .collect();
    let is_beaten = |of: usize| {
        sound.iter().any(|&by| {
            let pair = ranking.pair(of, by);
            pair.is_some_and(|it| ranking.is_better(it.verdict) == Some(false))
        })
    };
    let best: Vec<usize> = sound.iter().copied().filter(|&it| !is_beaten(it)).collect();
    if best.len() == sound.len() {
        return Vec::new();
    }
    let names = best.into_iter();
    names
        .map(|index| ranking.rows[index].contender.clone())
        .collect()
}

#[cfg(test)]
#[path = "summary_tests.rs"]
mod tests;
