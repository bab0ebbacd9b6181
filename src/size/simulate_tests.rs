use super::*;
use crate::size::formulas::mean_wait_s;
use crate::size::replicate;

const MANY: usize = 20_000;

fn mean(times: &[f64]) -> f64 {
    times.iter().sum::<f64>() / times.len() as f64
}

/// Times that fall off as those of an exponential distribution with this mean, finely cut.
fn exponential(mean_s: f64) -> Service {
    let steps = 2000;
    let quantile = |k: usize| -mean_s * (1.0 - (k as f64 + 0.5) / f64::from(steps)).ln();
    let times = (0..steps as usize).map(|k| (quantile(k), 1));
    Service::measured(0.0, times)
}

#[test]
fn the_same_seed_gives_the_same_run_and_another_one_another() {
    let station = Station {
        rule: Rule::OneQueue,
        workers: 3,
        cores: 2.0,
    };
    let service = exponential(0.01);
    let run = |seed| simulate(station, &service, 200.0, 2000, seed);
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
    assert_eq!(run(1).len(), 1800);
}

#[test]
fn a_pool_waits_as_erlang_c_says() {
    for (workers, load) in [(1, 0.5), (4, 0.8), (10, 0.9)] {
        let service = exponential(0.01);
        let rate = load * workers as f64 / service.mean_s();
        let station = Station {
            rule: Rule::OneQueue,
            workers,
            cores: 1000.0,
        };
        let seen = replicate(station, &service, rate, MANY, 7, mean);
        let expected = service.mean_s() + mean_wait_s(workers, rate, service.mean_s());
        // 2.5 intervals: one in a million such tests would fail by chance.
        assert!(
            (seen.mean - expected).abs() <= 2.5 * seen.half_width,
            "{workers} workers at {load}: {seen:?}, expected {expected}"
        );
    }
}

/// M/D/1: the mean wait is half of that with exponential times (Pollaczek and Khinchine).
#[test]
fn constant_times_wait_half_as_long() {
    let service = Service::measured(0.0, [(0.01, 1)]);
    let station = Station {
        rule: Rule::OneQueue,
        workers: 1,
        cores: 1000.0,
    };
    let seen = replicate(station, &service, 80.0, MANY, 3, mean);
    let expected = 0.01 + mean_wait_s(1, 80.0, 0.01) / 2.0;
    assert!(
        (seen.mean - expected).abs() <= 2.5 * seen.half_width,
        "{seen:?}, expected {expected}"
    );
}

/// M/G/1 with a shared processor: the mean response time is S / (1 - u), whatever the distribution.
#[test]
fn a_core_that_is_shared_slows_all_alike() {
    let station = Station {
        rule: Rule::NoQueue,
        workers: 0,
        cores: 1.0,
    };
    let service = Service::computing(0.01);
    let seen = replicate(station, &service, 60.0, MANY, 5, mean);
    let expected = 0.01 / (1.0 - 0.6);
    assert!(
        (seen.mean - expected).abs() <= 2.5 * seen.half_width,
        "{seen:?}, expected {expected}"
    );
}

#[test]
fn a_queue_each_waits_longer_than_one_queue() {
    let service = exponential(0.01);
    let at = |rule| {
        let station = Station {
            rule,
            workers: 8,
            cores: 1000.0,
        };
        mean(&simulate(station, &service, 600.0, MANY, 1))
    };
    let (one, each) = (at(Rule::OneQueue), at(Rule::QueueEach));
    // Each of the eight is alone with an eighth of the load: S / (1 - u) = 40 ms.
    assert!(one < 0.02 && each > 0.03, "{one} {each}");
    assert!(at(Rule::NoQueue) < one);
}

#[test]
fn waiting_needs_a_worker_and_computing_a_core() {
    let service = Service::measured(0.002, [(0.010, 1)]);
    let p50 = |workers, cores: f64| {
        let station = Station {
            rule: Rule::OneQueue,
            workers,
            cores,
        };
        let times = simulate(station, &service, 100.0, 5000, 1);
        times[times.len() / 2]
    };
    assert!((p50(50, 8.0) - 0.010).abs() < 1e-4);
    // 100 requests a second compute for 0.2 s and hold a worker for 1 s.
    assert!(p50(1, 8.0) > 0.1);
    assert!(p50(50, 0.21) > 0.012);
}
