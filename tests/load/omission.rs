//! Coordinated omission: a closed and an open loop against a server whose truth is known.
//!
//! These are measurements and no tests: they take some minutes and want a quiet machine. The first
//! writes what the book shows; bench-results/reference/omission/README.md has the command.

use super::reference::{Behaviour, Reference};
use super::*;

use std::fs;
use std::path::Path;

use servers::load::{self, Amount, Outcome, Plan, Schedule, Target, Watch};
use servers::report::plot::{Axis, Line, Plot};

const RATE: f64 = 1000.0;
const RUN: Duration = Duration::from_secs(20);
const SEED: u64 = 1;
const WARM_UP: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);
/// The open loop begins this long after the beginning of a stall.
const PHASE: Duration = Duration::from_millis(500);
/// How far the open loop may be from the truth.
const TOLERANCE: f64 = 0.1;

/// One way to measure, with the response times that it saw, in ns.
struct Seen {
    name: &'static str,
    times: Vec<u64>,
}

impl Seen {
    /// Requests that were pending at the end count with their age.
    fn of(name: &'static str, outcome: &Outcome) -> Self {
        let mut times = outcome.latency.clone();
        times.add(&outcome.pending).unwrap();
        let recorded = times.iter_recorded();
        let times = recorded
            .flat_map(|it| (0..it.count_at_value()).map(move |_| it.value_iterated_to()))
            .collect();
        Self { name, times }
    }

    fn ms(&self, quantile: f64) -> f64 {
        let last = self.times.len() - 1;
        let index = (last as f64 * quantile).ceil() as usize;
        self.times[index.min(last)] as f64 / 1e6
    }
}

/// A closed and an open loop against this server, and its truth.
fn measure(behaviour: Behaviour) -> [Seen; 3] {
    let base = |server: &Reference| Plan {
        amount: Amount::Duration(RUN),
        warm_up: WARM_UP,
        seed: SEED,
        ..Plan::new(Target::at(server.address, "/"))
    };
    let closed = Plan {
        connections: 16,
        ..base(&Reference::start(behaviour))
    };
    let closed = load::run(&closed, &Watch::default()).unwrap();
    let server = Reference::start(behaviour);
    let open_plan = Plan {
        connections: 1000,
        schedule: Some(Schedule::poisson(RATE, RUN, SEED).unwrap()),
        ..base(&server)
    };
    // Not within a stall, so that the end, some whole periods later, is not in one either.
    server.wait_until_in_period(PHASE);
    let from = Instant::now() + open_plan.warm_up;
    let open = load::run(&open_plan, &Watch::default()).unwrap();
    println!(
        "{}",
        servers::report::load::table(&open_plan, &open, &[], 80)
    );
    assert!(closed.is_complete() && open.is_complete());
    [
        Seen {
            name: "truth",
            times: server.truth(from, from + RUN),
        },
        Seen::of("open loop", &open),
        Seen::of("closed loop", &closed),
    ]
}

fn table(seen: &[Seen]) -> String {
    let mut text = format!(
        "{:<14}{:>9}{:>11}{:>11}{:>11}{:>11}\n",
        "", "requests", "p50", "p90", "p99", "max"
    );
    for it in seen {
        let at = [0.5, 0.9, 0.99, 1.0].map(|quantile| format!("{:.1} ms", it.ms(quantile)));
        // The truth is computed, not sampled by requests.
        let count = match it.name {
            "truth" => "-".to_owned(),
            _ => it.times.len().to_string(),
        };
        text += &format!("{:<14}{count:>9}", it.name);
        text += &at.map(|cell| format!("{cell:>11}")).concat();
        text += "\n";
    }
    text
}

fn curves(seen: &[Seen]) -> String {
    let lines = seen.iter().map(|it| {
        let points = (0..=60).map(|step| f64::from(step) / 20.0);
        let points = points.map(|nines| (nines, it.ms(1.0 - 10f64.powf(-nines))));
        Line::new(it.name, points.collect())
    });
    let plot = Plot {
        title: "What each of them says of the same server",
        x: Axis::linear("percentile").with_format(|nines| match nines {
            0.0 => "min".to_owned(),
            1.0 => "p90".to_owned(),
            2.0 => "p99".to_owned(),
            3.0 => "p99.9".to_owned(),
            _ => String::new(),
        }),
        y: Axis::log("ms"),
        lines: lines.collect(),
    };
    plot.svg()
}

fn assert_agrees(seen: &[Seen; 3]) {
    let [truth, open, _] = seen;
    for quantile in [0.9, 0.99] {
        let ratio = open.ms(quantile) / truth.ms(quantile);
        assert!((ratio - 1.0).abs() <= TOLERANCE, "p{quantile}: {ratio}");
    }
}

#[test]
#[ignore = "a measurement of a minute, which writes bench-results/reference/omission"]
fn omission() {
    let stalls = Behaviour::Stalls {
        service: MS,
        stall: 300 * MS,
        period: 2000 * MS,
    };
    let seen = measure(stalls);
    println!("{}", table(&seen));
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("bench-results/reference/omission");
    fs::create_dir_all(&place).unwrap();
    fs::write(place.join("table.txt"), table(&seen)).unwrap();
    fs::write(place.join("curves.svg"), curves(&seen)).unwrap();
    assert_agrees(&seen);
}

#[test]
#[ignore = "a measurement of some minutes"]
fn the_open_loop_agrees_with_other_servers_too() {
    let behaviours = [
        Behaviour::Constant(5 * MS),
        Behaviour::Bimodal(5 * MS, 50 * MS),
        Behaviour::Freezes {
            service: 5 * MS,
            at: WARM_UP + RUN - 500 * MS,
        },
    ];
    // All are shown before one of them fails.
    let seen = behaviours.map(|behaviour| {
        let seen = measure(behaviour);
        println!("{behaviour:?}\n{}", table(&seen));
        seen
    });
    seen.iter().for_each(assert_agrees);
}
