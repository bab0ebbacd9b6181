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
