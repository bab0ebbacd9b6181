use super::*;

use std::collections::BTreeMap;

use crate::bench::contender::{Foreign, Ready};
use proptest::prelude::*;

pub(crate) fn plan(contenders: usize, blocks: usize, seed: u64) -> Plan {
    Plan {
        contenders: (0..contenders)
            .map(|n| Contender::new(&[&n.to_string()]))
            .collect(),
        reference: 0,
        twin: true,
        options: Vec::new(),
        workloads: ["close", "hello"]
            .map(|it| Workload::named(it).unwrap())
            .to_vec(),
        looks: Vec::new(),
        rates: Vec::new(),
        expect: Vec::new(),
        server_cores: None,
        generator_cores: None,
        blocks,
        until: None,
        max_time: Duration::from_secs(600),
        warm_up: Duration::from_millis(375),
        window: Duration::from_millis(1500),
        requests: None,
        seed,
    }
}

proptest! {
    #[test]
    fn every_block_has_every_entrant_once(
        contenders in 1usize..12, blocks in 1usize..9, seed: u64,
    ) {
        for mut order in plan(contenders, blocks, seed).orders().take(blocks) {
            order.sort_unstable();
            prop_assert_eq!(order, (0..=contenders).collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_orders(seed: u64) {
        let orders = || plan(5, 5, seed).orders().take(5).collect::<Vec<_>>();
        prop_assert_eq!(orders(), orders());
    }
}

#[test]
fn the_order_differs_from_block_to_block() {
    let orders: Vec<_> = plan(11, 5, 7).orders().take(5).collect();
    assert!(orders.iter().any(|order| *order != orders[0]));
}

#[test]
fn the_reference_runs_twice_under_two_names() {
    let mut plan = plan(2, 1, 0);
    plan.reference = 1;
    let names: Vec<String> = plan.entrants().into_iter().map(|it| it.name).collect();
    assert_eq!(names, ["0", "1", "1 (again)"]);
    assert_eq!(plan.runs(), 6);
    plan.twin = false;
    assert_eq!((plan.entrants().len(), plan.runs()), (2, 4));
}

#[test]
fn a_plan_is_a_file() {
    let mut plan = plan(2, 6, 7);
    plan.workloads = Workload::all();
    plan.until = Some(0.05);
    plan.contenders[1].foreign = Some(Foreign {
        command: ["python3", "server.py", "{port}"]
            .map(str::to_owned)
            .to_vec(),
        ready: Ready::Path("/health".to_owned()),
        stop: "SIGINT".to_owned(),
        files: BTreeMap::from([("app.py".to_owned(), "def app():\n    pass\n".to_owned())]),
    });
    let text = plan.to_toml().unwrap();
    assert_eq!(toml::from_str::<Plan>(&text).unwrap(), plan);
}

#[test]
fn a_plan_says_what_it_will_do() {
    let mut plan = plan(4, 5, 0);
    assert_eq!(
        plan.to_string(),
        "4 servers + 1 again × 2 workloads × 5 blocks × 1.5 s, about 99 s"
    );
    plan.until = Some(0.05);
    assert!(
        plan.to_string()
            .ends_with("within ±5 %, at most 10 min 0 s"),
        "{plan}"
    );
    assert_eq!(Clock(Duration::from_secs(100)).to_string(), "1 min 40 s");
}
