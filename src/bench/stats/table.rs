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
mod tests {
    use super::*;

    fn column(values: &[f64]) -> Column {
        values.iter().copied().map(Some).collect()
    }

    const STEADY: [f64; 8] = [10.0, 10.1, 9.9, 10.05, 9.95, 10.02, 9.98, 10.01];

    fn scaled(factor: f64) -> Column {
        // Turned by one, so that the ratios are not all alike.
        let turned = STEADY.iter().cycle().skip(1).take(STEADY.len());
        turned.map(|it| Some(it * factor)).collect()
    }

    #[test]
    fn the_four_verdicts() {
        let base = column(&STEADY);
        for (factor, verdict) in [
            (1.2, Verdict::More),
            (0.8, Verdict::Less),
            (1.02, Verdict::DifferentButSmall),
            (1.0, Verdict::Same),
        ] {
            let it = single(&scaled(factor), &base, 0.02).unwrap();
            assert_eq!(it.verdict, verdict, "{factor}: {it:?}");
            assert!((it.ratio / factor - 1.0).abs() < 0.005, "{it:?}");
        }
        let noisy = column(&[10.0, 13.0, 8.0, 11.0, 7.0, 12.0, 9.0, 10.0]);
        let it = single(&noisy, &base, 0.02).unwrap();
        assert_eq!(it.verdict, Verdict::CannotTell);
        assert!(it.detectable.unwrap() > 1.2, "{it:?}");
    }

    #[test]
    fn below_six_blocks_nothing_is_claimed_but_the_ratio_is_there() {
        let base = column(&STEADY[..5]);
        let it = single(&column(&[20.0; 5]), &base, 0.02).unwrap();
        assert_eq!((it.verdict, it.interval), (Verdict::CannotTell, None));
        assert!(it.ratio > 1.9 && it.detectable.is_none(), "{it:?}");
    }

    #[test]
    fn a_block_without_one_of_the_two_is_left_out() {
        let mut gappy = scaled(1.5);
        gappy[3] = None;
        gappy.push(Some(99.0));
        let it = single(&gappy, &column(&STEADY), 0.02).unwrap();
        assert_eq!((it.blocks, it.higher_in), (7, 7));
        assert_eq!(it.verdict, Verdict::More);
        assert_eq!(single(&vec![None; 8], &column(&STEADY), 0.02), None);
        // A figure of zero has no ratio.
        assert_eq!(single(&column(&[0.0; 8]), &column(&STEADY), 0.02), None);
    }

    #[test]
    fn a_pair_reads_the_same_from_both_sides() {
        let table = Table::of(&[column(&STEADY), scaled(1.3), scaled(2.0)], 0.02);
        assert_eq!(table.family(), 3);
        for (of, to) in [(1, 0), (2, 0), (2, 1)] {
            let (one, other) = (table.pair(of, to).unwrap(), table.pair(to, of).unwrap());
            assert_eq!((one.verdict, other.verdict), (Verdict::More, Verdict::Less));
            assert!((one.ratio * other.ratio - 1.0).abs() < 1e-12);
            assert_eq!(one.higher_in + other.higher_in, one.blocks);
            let (low, high) = other.interval.unwrap();
            assert!(low <= other.ratio && other.ratio <= high);
        }
        assert_eq!(table.pair(1, 1), None);
    }

    #[test]
    fn the_margin_is_what_equal_servers_seem_to_differ_by() {
        let of = |factor| margin(single(&scaled(factor), &column(&STEADY), 0.02).as_ref());
        assert_eq!(margin(None), 0.02);
        assert_eq!(of(1.01), 0.02);
        assert!((of(1.05) - 0.05).abs() < 0.005);
        assert!((of(1.0 / 1.05) - 0.05).abs() < 0.005);
    }
}
