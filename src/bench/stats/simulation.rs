//! Calibration: tables of servers whose true costs are known, with the noise of a real machine.
//!
//! The noise follows what benches on a 2-core virtual machine showed: the windows of one contender
//! scatter by 3 %; a block as a whole moves by 10 %; one window in twenty is disturbed and costs up
//! to 40 % more. The seed is fixed, and no clock is read.

use fastrand::Rng;

use super::planning::{blocks_min, is_narrow};
use super::table::{Column, Table, Verdict};
use crate::bench::budget::blocks_default;

const SEED: u64 = 20_261_128;
const WINDOW_NOISE: f64 = 0.03;
const BLOCK_NOISE: f64 = 0.1;
const DISTURBED: f64 = 0.05;
const DISTURBANCE_MAX: f64 = 0.4;
const MARGIN: f64 = 0.02;

/// A machine with its moods.
struct Machine {
    random: Rng,
}

impl Machine {
    /// The sum of twelve uniform numbers less six: normal to well beyond what matters here.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.random.f64()).sum::<f64>() - 6.0
    }

    /// One more block: a window of each contender.
    fn block(&mut self, costs: &[f64], columns: &mut [Column]) {
        let mood = BLOCK_NOISE * self.normal();
        for (cost, column) in costs.iter().zip(columns) {
            let mut window = libm::log(*cost) + mood + WINDOW_NOISE * self.normal();
            if self.random.f64() < DISTURBED {
                window += DISTURBANCE_MAX * self.random.f64();
            }
            column.push(Some(libm::exp(window)));
        }
    }

    fn bench(&mut self, costs: &[f64], blocks: usize) -> Vec<Column> {
        let mut columns = vec![Column::new(); costs.len()];
        for _ in 0..blocks {
            self.block(costs, &mut columns);
        }
        columns
    }
}

fn machine() -> Machine {
    Machine {
        random: Rng::with_seed(SEED),
    }
}

/// The verdicts of all pairs.
fn verdicts(columns: &[Column]) -> Vec<Verdict> {
    let table = Table::of(columns, MARGIN);
    let pairs = (0..columns.len()).flat_map(|to| (to + 1..columns.len()).map(move |of| (of, to)));
    pairs
        .filter_map(|(of, to)| table.pair(of, to))
        .map(|it| it.verdict)
        .collect()
}

fn claims_a_difference(columns: &[Column]) -> bool {
    let claims = [Verdict::More, Verdict::Less, Verdict::DifferentButSmall];
    verdicts(columns).iter().any(|it| claims.contains(it))
}

/// The share of `runs` for which `event` comes true.
fn share(runs: usize, mut event: impl FnMut() -> bool) -> f64 {
    (0..runs).filter(|_| event()).count() as f64 / runs as f64
}

/// How many false alarms there may be among so many runs, if their true share is 5 %: three
/// standard deviations more.
fn bound(runs: usize) -> f64 {
    0.05 + 3.0 * (0.05 * 0.95 / runs as f64).sqrt()
}

#[test]
fn equal_servers_are_found_different_in_five_per_cent_of_tables_at_most() {
    for (contenders, runs) in [(2, 1000), (4, 300), (11, 60)] {
        for blocks in [blocks_min(contenders), blocks_default(contenders)] {
            let mut machine = machine();
            let costs = vec![10.0; contenders];
            let alarms = share(runs, || claims_a_difference(&machine.bench(&costs, blocks)));
            assert!(
                alarms <= bound(runs),
                "{contenders} contenders, {blocks} blocks: {alarms}"
            );
        }
    }
}

#[test]
fn too_few_blocks_claim_nothing_at_all() {
    for contenders in [2, 4, 11] {
        for blocks in 1..blocks_min(contenders) {
            let mut machine = machine();
            let costs: Vec<f64> = (1..=contenders).map(|n| n as f64).collect();
            let columns = machine.bench(&costs, blocks);
            assert!(
                !claims_a_difference(&columns),
                "{contenders}, {blocks} blocks"
            );
        }
    }
}

/// How often a server that costs `more` is found to cost more than its margin, beside equal ones.
fn power(contenders: usize, blocks: usize, more: f64, runs: usize) -> f64 {
    let mut machine = machine();
    let mut costs = vec![10.0; contenders];
    costs[1] *= 1.0 + more;
    share(runs, || {
        let table = Table::of(&machine.bench(&costs, blocks), MARGIN);
        table
            .pair(1, 0)
            .is_some_and(|it| it.verdict == Verdict::More)
    })
}

/// Up to four contenders the default's blocks find 10 %. Eleven contenders make 55 pairs: the
/// default's blocks find 40 %, and it takes three times as many to find 10 %.
#[test]
fn a_difference_of_ten_per_cent_is_found() {
    for (contenders, blocks, more, runs) in [
        (2, blocks_default(2), 0.10, 300),
        (3, blocks_default(3), 0.10, 300),
        (4, blocks_default(4), 0.10, 300),
        (11, blocks_default(11), 0.40, 60),
        (11, 3 * blocks_default(11), 0.10, 60),
    ] {
        let found = power(contenders, blocks, more, runs);
        assert!(
            found >= 0.95,
            "{contenders} contenders, {blocks} blocks: {found}"
        );
    }
}

#[test]
fn what_a_bench_says_it_could_have_shown_it_shows_in_four_of_five_runs() {
    for (contenders, blocks) in [(2, 8), (2, 20), (4, 12)] {
        let mut machine = machine();
        let mut shown = Vec::new();
        for _ in 0..40 {
            let table = Table::of(&machine.bench(&vec![10.0; contenders], blocks), MARGIN);
            shown.extend(table.pair(1, 0).and_then(|it| it.detectable));
        }
        shown.sort_by(f64::total_cmp);
        let median = shown[shown.len() / 2] - 1.0;
        let found = power(contenders, blocks, median, 200);
        assert!(
            (0.65..=0.95).contains(&found),
            "{contenders}, {blocks}: {median} is found in {found}"
        );
    }
}

/// Adds blocks until the interval is narrow, from the least number that can claim anything.
#[test]
fn stopping_at_a_width_makes_no_more_false_alarms() {
    let runs = 500;
    let (mut machine, mut blocks) = (machine(), 0);
    let alarms = share(runs, || {
        let mut columns = machine.bench(&[10.0, 10.0], blocks_min(2));
        while !is_narrow(&columns, 0.03) && columns[0].len() < 60 {
            machine.block(&[10.0, 10.0], &mut columns);
        }
        blocks += columns[0].len();
        claims_a_difference(&columns)
    });
    assert!(alarms <= bound(runs), "{alarms}");
    assert!(blocks / runs > blocks_min(2), "the noise must matter");
}
