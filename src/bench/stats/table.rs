//! All pairs of a table: who differs from whom, by how much, and how sure that is.

use std::collections::BTreeMap;

use serde::Serialize;

use super::signed_rank::{Distribution, SignedRank};
use super::{FALSE_ALARMS_MAX, MARGIN_MIN, holm};

/// What a comparison of one contender with another comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Its figure is higher, by more than the margin.
    More,
    /// Its figure is lower, by more than the margin.
    Less,
    /// There is a difference, but it is not shown to exceed the margin.
    DifferentButSmall,
    /// Any difference is within the margin.
    Same,
    /// The windows allow no statement.
    CannotTell,
}

/// One contender's figure in terms of another's.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Comparison {
    /// The estimate: 1.10 is 10 % more.
    pub ratio: f64,
    /// The interval about it, at the level at which the pair was tested. None where there are too
    /// few blocks for any.
    pub interval: Option<(f64, f64)>,
    /// Blocks in which both have a figure.
    pub blocks: usize,
    /// In how many of these its figure was the higher one.
    pub higher_in: usize,
    /// What this comes to.
    pub verdict: Verdict,
    /// The smallest ratio above 1 that a bench like this one shows in four of five runs.
    pub detectable: Option<f64>,
}

impl Comparison {
    /// The same seen from the other side.
    fn inverted(self) -> Comparison {
        Comparison {
            ratio: 1.0 / self.ratio,
            interval: self.interval.map(|(low, high)| (1.0 / high, 1.0 / low)),
            higher_in: self.blocks - self.higher_in,
            verdict: match self.verdict {
                Verdict::More => Verdict::Less,
                Verdict::Less => Verdict::More,
                other => other,
            },
            ..self
        }
    }
}

/// The comparisons of every contender with every other.
#[derive(Debug, Clone, Default)]
pub struct Table {
    pairs: BTreeMap<(usize, usize), Comparison>,
    /// How many pairs share the bound on false alarms.
    family: usize,
}

/// The figures of one contender, block by block; none where a block has no usable window.
pub type Column = Vec<Option<f64>>;

impl Table {
    /// Compares all `columns` with each other. `margin` is the difference that is called small:
    /// 0.02 for 2 %.
    pub fn of(columns: &[Column], margin: f64) -> Table {
        let keys: Vec<(usize, usize)> = (0..columns.len())
            .flat_map(|to| (to + 1..columns.len()).map(move |of| (of, to)))
            .collect();
        let differences: Vec<Vec<f64>> = keys
            .iter()
            .map(|&(of, to)| log_ratios(&columns[of], &columns[to]))
            .collect();
        let distributions: BTreeMap<usize, Distribution> = differences
            .iter()
            .map(|it| (it.len(), Distribution::of(it.len())))
            .collect();
        let ranks: Vec<SignedRank<'_>> = differences
            .iter()
            .map(|it| SignedRank::of(it, &distributions[&it.len()]))
            .collect();
        let verdicts = Verdicts::of(&ranks, libm::log1p(margin));
        let mut pairs = BTreeMap::new();
        for (index, &key) in keys.iter().enumerate() {
            let about = (&ranks[index], differences[index].as_slice());
            let level = verdicts.difference_levels[index];
            let comparison = comparison(about, verdicts.verdict(index), level, margin);
            pairs.extend(comparison.map(|it| (key, it)));
        }
        Table {
            pairs,
            family: keys.len(),
        }
    }

    /// The figure of contender `of` in terms of that of `to`; none where no block has both.
    pub fn pair(&self, of: usize, to: usize) -> Option<Comparison> {
        match self.pairs.get(&(of, to)) {
            Some(comparison) => Some(*comparison),
            None => Some(self.pairs.get(&(to, of))?.inverted()),
        }
    }

    /// How many pairs share the bound on false alarms.
    pub fn family(&self) -> usize {
        self.family
    }
}

/// The margin of a bench: 2 %, or what two equal servers seem to differ by, where that is more.
pub fn margin(same_against_same: Option<&Comparison>) -> f64 {
    same_against_same.map_or(MARGIN_MIN, |it| {
        MARGIN_MIN.max(it.ratio.max(1.0 / it.ratio) - 1.0)
    })
}

/// Compares two columns alone: the reference with itself.
pub fn single(of: &Column, to: &Column, margin: f64) -> Option<Comparison> {
    Table::of(&[to.clone(), of.clone()], margin).pair(1, 0)
}

/// Logarithms of the ratios of `of` to `to`, of the blocks that have both.
pub(super) fn log_ratios(of: &Column, to: &Column) -> Vec<f64> {
    let pairs = of.iter().zip(to);
    pairs
        .filter_map(|(of, to)| Some(libm::log((*of)? / (*to)?)))
        .filter(|it| it.is_finite())
        .collect()
}

/// Three families of tests, each with Holm's bound: that there is a difference, that it exceeds the
/// margin, and that it is within the margin. What exceeds the margin passes the first as well, so
/// the first two together have the bound of one.
struct Verdicts {
    beyond_margin: Vec<Option<Verdict>>,
    is_within: Vec<bool>,
    is_different: Vec<bool>,
    difference_levels: Vec<f64>,
}

impl Verdicts {
    fn of(ranks: &[SignedRank<'_>], margin: f64) -> Verdicts {
        let of_all = |p: &dyn Fn(&SignedRank<'_>) -> f64| ranks.iter().map(p).collect::<Vec<_>>();
        let beyond = of_all(&|rank| rank.p_beyond(margin));
        let within = of_all(&|rank| rank.p_within(margin));
        let different = of_all(&|rank| rank.p_beyond(0.0));
        let direction = |rank: &SignedRank<'_>| match rank.estimate() {
            Some(estimate) if estimate > 0.0 => Verdict::More,
            _ => Verdict::Less,
        };
        let passed = passed(&beyond).into_iter().zip(ranks);
        Verdicts {
            beyond_margin: passed
                .map(|(passed, rank)| passed.then(|| direction(rank)))
                .collect(),
            is_within: self::passed(&within),
            is_different: self::passed(&different),
            difference_levels: holm::levels(&different, FALSE_ALARMS_MAX),
        }
    }

    fn verdict(&self, index: usize) -> Verdict {
        match (
            self.beyond_margin[index],
            self.is_different[index],
            self.is_within[index],
        ) {
            (Some(direction), ..) => direction,
            (None, true, _) => Verdict::DifferentButSmall,
            (None, false, true) => Verdict::Same,
            (None, false, false) => Verdict::CannotTell,
        }
    }
}

fn passed(p_values: &[f64]) -> Vec<bool> {
    let levels = holm::levels(p_values, FALSE_ALARMS_MAX);
    let pairs = p_values.iter().zip(levels);
    pairs.map(|(p, level)| *p <= level).collect()
}

/// 80 % of a normal distribution lie below so many standard deviations.
const POWER_Z: f64 = 0.84;

fn comparison(
    (rank, differences): (&SignedRank<'_>, &[f64]),
    verdict: Verdict,
    level: f64,
    margin: f64,
) -> Option<Comparison> {
    let interval = rank.interval(level);
    let detectable = interval.map(|(low, high)| {
        let half_width = (high - low) / 2.0;
        // How far the interval's end itself moves from run to run: like a mean where many blocks
        // lie beyond it, like an extreme where none does.
        let standard_error = deviation(differences) / (differences.len() as f64).sqrt();
        let end_moves = standard_error.max(half_width / 3.0);
        libm::exp(libm::log1p(margin) + half_width + POWER_Z * end_moves)
    });
    Some(Comparison {
        ratio: libm::exp(rank.estimate()?),
        interval: interval.map(|(low, high)| (libm::exp(low), libm::exp(high))),
        blocks: differences.len(),
        higher_in: differences.iter().filter(|it| **it > 0.0).count(),
        verdict,
        detectable,
    })
}

/// The sample's standard deviation.
pub(super) fn deviation(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|it| (it - mean).powi(2)).sum();
    (squares / (n - 1.0).max(1.0)).sqrt()
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
