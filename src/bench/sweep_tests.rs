use super::*;
use crate::bench::budget::{SWEEP_BLOCKS, SWEEP_WINDOW};
use crate::bench::contender::Contender;
use crate::bench::plan::tests::plan;

#[test]
fn a_sweep_is_read_as_it_is_typed() {
    let sweep: Sweep = "connections=20,200,15000".parse().unwrap();
    assert_eq!(sweep.parameter, Parameter::Connections);
    assert_eq!(sweep.values, [20, 200, 15_000]);
    assert_eq!(sweep.connections_max(&plan(2, 1, 0)), 15_000);
    for (wrong, words) in [
        ("connections", "should be like"),
        ("colours=3", "connections, workers, threads, cores can"),
        ("workers=0", "from 1 to 4096"),
        ("workers=1,,2", "'' is no number"),
        ("connections=20001", "from 1 to 20000"),
        ("connections=20,7,20", "20 is there twice"),
    ] {
        let why = wrong.parse::<Sweep>().unwrap_err();
        assert!(why.contains(words), "{wrong}: {why}");
    }
}

/// Six values with eleven models: under 8 minutes, or 3 where it is to be quick.
#[test]
fn a_sweep_keeps_its_promise() {
    let sweep: Sweep = "connections=20,200,1000,3000,8000,15000".parse().unwrap();
    for (blocks, seconds) in SWEEP_BLOCKS.into_iter().zip([480, 180]) {
        let mut plan = plan(11, blocks, 0);
        plan.workloads.truncate(1);
        plan.twin = false;
        plan.window = SWEEP_WINDOW;
        let estimate = sweep.estimate(&plan);
        assert!(estimate < Duration::from_secs(seconds), "{estimate:?}");
        assert_eq!(sweep.plan_at(20, &plan).window, SWEEP_WINDOW);
        assert!(sweep.plan_at(15_000, &plan).window > SWEEP_WINDOW);
    }
}

#[test]
fn what_a_contender_has_already_it_keeps() {
    let mut plan = plan(1, 1, 0);
    plan.contenders = vec![
        Contender::new(&["prefork", "--workers=3"]),
        Contender::new(&["prefork"]),
    ];
    let sweep: Sweep = "workers=8".parse().unwrap();
    let at = sweep.plan_at(8, &plan);
    assert_eq!(at.contenders[0].arguments, ["prefork", "--workers=3"]);
    assert_eq!(at.contenders[1].arguments, ["prefork", "--workers", "8"]);
    assert_eq!(at.connections_max(), plan.connections_max());
}
