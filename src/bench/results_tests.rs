use super::*;

use crate::bench::contender::Contender;
use crate::bench::layout::Layout;
use crate::bench::plan::tests::plan;
use crate::load::Errors;

/// A quiet window of `hello` in which a request cost so much CPU.
pub(crate) fn run(contender: &str, block: usize, cpu_us: f64) -> Run {
    Run {
        block,
        contender: contender.to_owned(),
        workload: "hello".to_owned(),
        attempt: 1,
        failure: None,
        measurement: Some(window(cpu_us)),
    }
}

fn window(cpu_us: f64) -> Measurement {
    Measurement {
        duration_s: 1.0,
        requests: 1000,
        attempted: 1000,
        errors: Errors::default(),
        in_flight_at_stop: 0,
        never_answered: 0,
        bystanders: None,
        connections_opened: 16,
        bytes: 100_000,
        requests_per_s: 1000.0,
        latency: Latency {
            mean_us: 100.0,
            p50_us: Some(100.0),
            p90_us: Some(120.0),
            p99_us: Some(150.0),
            p999_us: None,
            max_us: Some(400.0),
            buckets_ns: vec![(100_000, 900), (150_000, 99), (400_000, 1)],
        },
        open_loop: None,
        workers: None,
        request_counts: None,
        server: ServerUse {
            cpu_s: cpu_us / 1000.0,
            cpu_us_per_request: Some(cpu_us),
            peak_pss_kib: 2048,
            peak_processes: 1,
            peak_threads: 1,
            lifetime: Lifetime::default(),
        },
        generator: GeneratorUse {
            threads: 1,
            cpu_s: 0.5,
            cpu_share: 0.5,
        },
        littles_law_gap: 0.0,
        steal_share: 0.0,
        others_share: 0.01,
        marks: Vec::new(),
    }
}

/// Results of `hello` with these contenders, of which the first is the reference and has a twin.
pub(crate) fn results(names: &[&str], blocks: usize) -> Results {
    let mut plan = plan(0, blocks, 7);
    plan.contenders = names
        .iter()
        .map(|name| Contender::new(&name.split(' ').collect::<Vec<_>>()))
        .collect();
    plan.workloads.retain(|workload| workload.name == "hello");
    Results {
        schema: SCHEMA,
        interrupted: false,
        environment: Environment::look(Layout::of_this_machine().unwrap()),
        plan,
        lacks: Vec::new(),
        runs: Vec::new(),
    }
}

/// Fills the blocks: `cost` tells what a request costs the entrant of this index in this block.
pub(crate) fn fill(results: &mut Results, cost: impl Fn(usize, usize) -> f64) {
    for block in 1..=results.plan.blocks {
        for (index, entrant) in results.plan.entrants().iter().enumerate() {
            results
                .runs
                .push(run(&entrant.name, block, cost(index, block)));
        }
    }
}

#[test]
fn of_each_block_the_least_disturbed_attempt_counts() {
    let mut results = results(&["fork"], 1);
    let mut disturbed = run("fork", 1, 99.0);
    disturbed.measurement.as_mut().unwrap().others_share = 0.4;
    let mut empty = run("fork", 1, 1.0);
    empty.measurement.as_mut().unwrap().requests = 0;
    let quiet = Run {
        attempt: 3,
        ..run("fork", 1, 10.0)
    };
    results.runs = vec![disturbed.clone(), quiet, empty];
    let hello = Workload::named("hello").unwrap();
    assert_eq!(results.column("fork", &hello), [Some(10.0)]);
    results.runs.remove(1);
    assert_eq!(results.column("fork", &hello), [Some(99.0)]);
}

#[test]
fn a_block_without_a_window_leaves_a_gap() {
    let mut results = results(&["fork"], 3);
    let mut died = run("fork", 2, 10.0);
    died.failure = Some(Failure::Died {
        how: "signal 9".to_owned(),
    });
    results.runs = vec![run("fork", 1, 10.0), died, run("fork", 3, 12.0)];
    let hello = Workload::named("hello").unwrap();
    assert_eq!(
        results.column("fork", &hello),
        [Some(10.0), None, Some(12.0)]
    );
}

#[test]
fn nothing_that_can_be_computed_is_stored_and_nothing_is_lost() {
    let directory = tempfile::tempdir().unwrap();
    let mut results = results(&["fork", "prefork"], 2);
    fill(&mut results, |index, _| 10.0 + index as f64);
    results.write(directory.path()).unwrap();
    let path = directory.path().join(FILE_NAME);
    assert_eq!(Results::read(&path).unwrap(), results);
    let text = fs::read_to_string(&path).unwrap();
    assert!(!text.contains("\"summary\""));
    fs::write(&path, text.replacen("\"schema\": 2", "\"schema\": 1", 1)).unwrap();
    let why = Results::read(&path).unwrap_err().to_string();
    assert!(why.contains("schema 1 where 2"), "{why}");
}
