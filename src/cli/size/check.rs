//! `servers size --check`: a pool of this machine's size, measured at a scaled rate.

use std::env;
use std::sync::Arc;
use std::time::Duration;

use super::ingredients::this_machine;
use super::{HowMany, Model, Need, Service, fixed};
use crate::bench::contender::Contender;
use crate::bench::server::ServerUnderTest;
use crate::cli::load::stop_on_signals;
use crate::load::{self, Amount, Plan, Schedule, Target, Watch, marks};
use crate::report::size::Check;
use crate::size::{Prediction, Station};

/// The generator needs cores as well, so the server is taken to have this share of them.
const CORES_SHARE: f64 = 0.5;
/// How busy it may keep them where no utilisation is asked for.
const CORES_BUSY: f64 = 0.5;
/// Far more than a pool that keeps up ever needs.
const CONNECTIONS: usize = 4096;
/// More workers than this are not started here.
const WORKERS_MAX: f64 = 400.0;
/// So many threads in each process of a model that has both.
const THREADS_EACH: usize = 16;
const WARM_UP: Duration = Duration::from_secs(1);
/// Of one simulated run.
const REQUESTS: usize = 40_000;

/// What is to be checked.
pub(super) struct Order<'a> {
    pub(super) needs: &'a [Need],
    pub(super) models: Vec<&'static Model>,
    pub(super) services: Vec<Service>,
    pub(super) rate: f64,
    pub(super) path: String,
    pub(super) duration: Duration,
    pub(super) utilisation: Option<f64>,
    pub(super) seed: u64,
}

/// Measures each model that has a size.
///
/// # Errors
/// A server that does not start, or cannot be loaded.
pub(super) fn run(order: &Order<'_>) -> anyhow::Result<Vec<Check>> {
    let watch = Arc::new(Watch::default());
    stop_on_signals(&watch)?;
    let mut checks = Vec::new();
    for ((need, model), service) in order.needs.iter().zip(&order.models).zip(&order.services) {
        let Ok(size) = &need.size else {
            continue;
        };
        let part = order.rate / size.copies as f64;
        let scaled = scaled(size.station, fixed(model), service, part, order.utilisation);
        checks.push(measure(order, model, service, scaled, &watch)?);
    }
    Ok(checks)
}

/// A station of this machine, its rate, and how busy its workers are. Where no request waits for a
/// worker, how busy its cores are.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Scaled {
    station: Station,
    rate: f64,
    utilisation: f64,
}

/// As many workers for each request per second as in the whole, and no more than fit here.
fn scaled(
    whole: Station,
    fixed: Option<usize>,
    service: &Service,
    rate: f64,
    utilisation: Option<f64>,
) -> Scaled {
    let cores = this_machine().0 as f64 * CORES_SHARE;
    let by_cores = cores * CORES_BUSY / (rate * service.cpu_s);
    let by_workers = WORKERS_MAX / whole.workers.max(1) as f64;
    let scale = by_cores.min(by_workers).min(1.0);
    let workers = fixed.unwrap_or(((whole.workers as f64 * scale) as usize).max(1));
    let station = Station {
        workers,
        cores,
        ..whole
    };
    let capacity = station.capacity_per_s(service);
    let rate = utilisation.map_or((rate * scale).min(capacity), |share| share * capacity);
    Scaled {
        station,
        rate,
        utilisation: rate / capacity,
    }
}

fn measure(
    order: &Order<'_>,
    model: &Model,
    service: &Service,
    scaled: Scaled,
    watch: &Watch,
) -> anyhow::Result<Check> {
    let arguments = arguments(model, scaled.station.workers);
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let contender = Contender::new(&words);
    let program = env::current_exe()?;
    let refused = |failure| anyhow::anyhow!("{}: {failure}", contender.name);
    let server = ServerUnderTest::start(&program, &contender, &[]).map_err(refused)?;
    let plan = Plan {
        connections: CONNECTIONS,
        schedule: Some(Schedule::poisson(scaled.rate, order.duration, order.seed)?),
        amount: Amount::Duration(order.duration),
        warm_up: WARM_UP,
        keep_alive: false,
        seed: order.seed,
        ..Plan::new(Target::at(server.address(), order.path.as_str()))
    };
    let outcome = load::run(&plan, watch)?;
    server.stop().map_err(refused)?;
    let rate = scaled.rate;
    let predicted = Prediction::of(scaled.station, service, rate, REQUESTS, order.seed);
    let at = |q| outcome.latency.value_at_quantile(q) as f64 / 1e6;
    let marks = marks::marks(&plan, &outcome).into_iter();
    Ok(Check {
        server: contender.name,
        rate_per_s: rate,
        utilisation: scaled.utilisation,
        p50_predicted_ms: predicted.p50_s.mean * 1e3,
        p50_measured_ms: at(0.5),
        p99_predicted_ms: predicted.p99_s.mean * 1e3,
        p99_measured_ms: at(0.99),
        marks: marks.map(marks::Mark::name).collect(),
    })
}

/// The command line of a model with so many workers.
fn arguments(model: &Model, workers: usize) -> Vec<String> {
    let options: Vec<(&str, usize)> = match (model.processes, model.threads) {
        (HowMany::Pool, HowMany::Pool) => {
            let threads = workers.min(THREADS_EACH);
            vec![
                ("--workers", workers.div_ceil(threads)),
                ("--threads", threads),
            ]
        }
        (HowMany::Pool, _) => vec![("--workers", workers)],
        (_, HowMany::Pool) if !model.holds_all_clients => vec![("--threads", workers)],
        _ => Vec::new(),
    };
    let options = options.into_iter();
    let words = options.flat_map(|(name, count)| [name.to_owned(), count.to_string()]);
    [model.name.to_owned()].into_iter().chain(words).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::size::Rule;

    #[test]
    fn a_scaled_pool_is_as_busy_as_the_whole() {
        let service = Service::measured(0.001, [(0.020, 1)]);
        let whole = Station {
            rule: Rule::OneQueue,
            workers: 1000,
            cores: 50.0,
        };
        let here = scaled(whole, None, &service, 40_000.0, None);
        assert!(
            here.station.workers <= 400 && here.rate < 40_000.0,
            "{here:?}"
        );
        assert!((here.utilisation - 0.8).abs() < 0.05, "{here:?}");
        let half = scaled(whole, None, &service, 40_000.0, Some(0.5));
        assert!((half.utilisation - 0.5).abs() < 1e-9, "{half:?}");
        assert_eq!(half.station.workers, here.station.workers);
    }
}
