//! Schedules, number by number, without any clock.

use super::*;
use proptest::prelude::*;

const SECOND: Duration = Duration::from_secs(1);

fn times(schedule: &Schedule) -> Vec<u64> {
    (0..schedule.planned()).map(|k| schedule.at(k)).collect()
}

#[test]
fn constant_arrivals_are_multiples_of_the_interval() {
    let schedule = Schedule::constant(4.0, 2 * SECOND).unwrap();
    let expected: Vec<u64> = (0..8).map(|k| k * 250_000_000).collect();
    assert_eq!(times(&schedule), expected);
    // A rate whose interval is no whole number of ns: each time is rounded, none adds up.
    let schedule = Schedule::constant(3.0, 100_000 * SECOND).unwrap();
    assert_eq!(schedule.planned(), 300_000);
    assert_eq!(schedule.at(1), 333_333_333);
    assert_eq!(schedule.at(299_999), 99_999_666_666_667);
}

#[test]
fn a_ramp_sends_evenly_more() {
    // From 0 to 100 a second in 2 s: the count after t is 25·t².
    let stage = Stage {
        duration: 2 * SECOND,
        from: 0.0,
        to: 100.0,
    };
    let schedule = Schedule::new(&[stage], Arrivals::Constant, 0).unwrap();
    assert_eq!(schedule.planned(), 100);
    assert_eq!(schedule.at(0), 0);
    assert_eq!(schedule.at(25), 1_000_000_000);
    assert_eq!(schedule.at(64), 1_600_000_000);
}

#[test]
fn stages_follow_each_other_and_a_pause_plans_nothing() {
    let stages = [
        Stage::hold(10.0, SECOND),
        Stage::hold(0.0, 3 * SECOND),
        Stage {
            duration: SECOND,
            from: 20.0,
            to: 0.0,
        },
    ];
    let schedule = Schedule::new(&stages, Arrivals::Constant, 0).unwrap();
    assert_eq!(schedule.planned(), 20);
    assert_eq!(schedule.at(9), 900_000_000);
    // The count 10 is reached at 1 s, and stays 10 until the pause is over.
    assert_eq!(schedule.at(10), 4_000_000_000);
    assert!(schedule.at(19) < 5_000_000_000, "{}", schedule.at(19));
    assert_eq!(schedule.duration(), 5 * SECOND);
}

#[test]
fn a_fraction_of_a_request_is_sent_and_rounding_adds_none() {
    for (rate, duration, planned) in [
        (1000.0, SECOND, 1000),
        (0.1, 30 * SECOND, 3),
        (1.5, SECOND, 2),
        (0.3, SECOND, 1),
        (333.3, 10 * SECOND, 3333),
    ] {
        let schedule = Schedule::constant(rate, duration).unwrap();
        assert_eq!(schedule.planned(), planned, "{rate} for {duration:?}");
        let last = schedule.at(planned - 1);
        assert!(u128::from(last) < duration.as_nanos(), "{rate}: {last}");
    }
}

#[test]
fn poisson_arrivals_look_like_it() {
    let schedule = Schedule::poisson(1000.0, 100 * SECOND, 7).unwrap();
    let times = times(&schedule);
    let gaps: Vec<f64> = times.windows(2).map(|it| (it[1] - it[0]) as f64).collect();
    let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
    assert!((mean / 1e6 - 1.0).abs() < 0.01, "{mean}");
    // Exponential gaps are over their mean in 1/e of all cases, over 3 times it in e^-3.
    for multiple in [1.0, 3.0f64] {
        let over = gaps.iter().filter(|gap| **gap > multiple * 1e6).count();
        let share = over as f64 / gaps.len() as f64;
        let expected = (-multiple).exp();
        assert!((share - expected).abs() < 0.01, "{multiple}: {share}");
    }
}

#[test]
fn plans_without_sense_are_refused_by_name() {
    for (rate, words) in [
        (0.0, "plans no request"),
        (-1.0, "no rate"),
        (f64::NAN, "no rate"),
        (1e12, "more than 10000000000"),
    ] {
        let error = Schedule::constant(rate, SECOND).unwrap_err().to_string();
        assert!(error.contains(words), "{rate}: {error}");
    }
    let error = Schedule::poisson(1e9, SECOND, 0).unwrap_err().to_string();
    assert!(error.contains("more than 50000000"), "{error}");
}

fn stages() -> impl Strategy<Value = Vec<Stage>> {
    let stage = (1u64..3000, 0u32..800, 0u32..800).prop_map(|(ms, from, to)| Stage {
        duration: Duration::from_millis(ms),
        from: f64::from(from),
        to: f64::from(to),
    });
    prop::collection::vec(stage, 1..5)
}

proptest! {
    /// Exactly the integral of the rate, in order, and none at or after the end.
    #[test]
    fn schedules_are_exact(stages in stages(), poisson: bool, seed: u64) {
        let arrivals = if poisson { Arrivals::Poisson } else { Arrivals::Constant };
        let Ok(schedule) = Schedule::new(&stages, arrivals, seed) else {
            return Ok(());
        };
        let whole: f64 = stages.iter().map(Stage::requests).sum();
        prop_assert!((schedule.planned() as f64 - whole).abs() < 1.0);
        let times = times(&schedule);
        prop_assert!(times.is_sorted());
        let end = schedule.duration().as_nanos() as u64;
        prop_assert!(times.iter().all(|&at| at <= end));
    }

    /// The same seed gives the same arrivals; another seed gives others.
    #[test]
    fn arrivals_follow_from_the_seed(seed: u64) {
        let draw = |seed| times(&Schedule::poisson(50.0, SECOND, seed).unwrap());
        prop_assert_eq!(draw(seed), draw(seed));
        prop_assert_ne!(draw(seed), draw(seed.wrapping_add(1)));
    }
}
