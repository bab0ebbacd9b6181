//! The smallest service that keeps an objective.

use super::formulas::busy;
use super::replicate::{Prediction, quantile, replicate};
use super::service::Service;
use super::simulate::{Rule, Station, simulate};

/// More workers than this are not tried.
pub const WORKERS_MAX: usize = 1 << 20;
/// Requests of one run...
const REQUESTS_MIN: usize = 40_000;
/// ...or so many times those that are in service at a time, or the run would end before its
/// beginning is forgotten.
const TURNS: f64 = 40.0;
/// A pool has more workers than are busy by this many times the root of their number. With fewer
/// its queue settles more slowly than a run lasts (about 4 S / this²), so that the run would show
/// a queue that has only begun to grow.
const SPARE: f64 = 0.5;
/// With more requests in service than this a run of a queue takes minutes, and the search hours.
const BUSY_MAX: f64 = 50_000.0;
/// No loop with a queue of its own is to be busier than this, for the same reason.
const LOOP_SHARE_MAX: f64 = 0.8;
/// No core is to be busier than this: what else runs there needs the rest.
const CORE_SHARE_MAX: f64 = 0.9;

/// A quantile of the response times that should be below a bound.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Objective {
    /// 0 to 1.
    pub quantile: f64,
    /// Not reached by that share of the requests, in s.
    pub below_s: f64,
}

/// How large a service must be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Recommendation {
    /// What serves; each copy of it.
    pub station: Station,
    /// How many copies, each with its part of the load: a model with one loop does not grow.
    pub copies: usize,
    /// Processors of all copies: a loop that mostly waits leaves its core to other copies.
    pub cores: usize,
    /// Requests in service at a time, on average, over all copies.
    pub busy: f64,
    /// What will be seen.
    pub prediction: Prediction,
}

/// Why no size is large enough.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum TooSmall {
    /// A request takes longer by itself.
    #[error(
        "no size is enough: the quantile is {:.1} ms with no other request, and the bound {:.1} ms",
        alone_s * 1000.0, below_s * 1000.0
    )]
    Alone {
        /// The quantile of the service times.
        alone_s: f64,
        /// The bound.
        below_s: f64,
    },
    /// A run would take too long.
    #[error(
        "{busy:.0} requests are in service at a time, and a queue is simulated for {BUSY_MAX} at \
         most: give the part of the load that one host gets, and multiply"
    )]
    Run {
        /// Requests in service at a time.
        busy: f64,
    },
    /// The search has ended without a result.
    #[error("more than {WORKERS_MAX} workers would be needed")]
    Workers,
}

/// The smallest number of cores, and then of workers, at which the objective is kept. `fixed` is
/// the number of workers of a model that cannot have more; it takes copies instead.
///
/// # Errors
/// An objective that no size keeps.
pub fn recommend(
    rule: Rule,
    fixed: Option<usize>,
    service: &Service,
    rate_per_s: f64,
    objective: Objective,
    seed: u64,
) -> Result<Recommendation, TooSmall> {
    let load = Load {
        rule,
        service,
        rate: rate_per_s,
        objective,
        seed,
    };
    load.check()?;
    let busy = busy(rate_per_s, service.mean_s());
    if busy > BUSY_MAX && fixed.is_none() && rule != Rule::NoQueue {
        return Err(TooSmall::Run { busy });
    }
    let (mut copies, mut station) = match fixed {
        Some(workers) => load.copies(workers)?,
        None => (1, load.whole()?),
    };
    // The search looks at one run for each size. What it found has to hold in the mean of several.
    while !load.holds(copies, station) && copies.max(station.workers) < WORKERS_MAX {
        match fixed {
            Some(_) => copies += copies.div_ceil(50),
            None if rule == Rule::NoQueue => station.cores += 1.0,
            None => station.workers += station.workers.div_ceil(50),
        }
    }
    let part = rate_per_s / copies as f64;
    Ok(Recommendation {
        station,
        copies,
        cores: match fixed {
            Some(_) => load.cores_min(),
            None => station.cores as usize,
        },
        busy,
        prediction: Prediction::of(station, service, part, requests(rule, service, part), seed),
    })
}

/// How many requests a run takes. Where no request waits for a worker, only the cores have a queue,
/// and a million requests that wait for something else add nothing to it.
pub fn requests(rule: Rule, service: &Service, rate: f64) -> usize {
    let held_s = match rule {
        Rule::NoQueue => service.cpu_s,
        Rule::OneQueue | Rule::QueueEach => service.mean_s(),
    };
    REQUESTS_MIN.max((busy(rate, held_s) * TURNS) as usize)
}

/// The smallest pool that a run can judge.
fn workers_min(rule: Rule, busy: f64) -> usize {
    let least = match rule {
        Rule::OneQueue => busy + SPARE * busy.sqrt(),
        Rule::QueueEach => busy / LOOP_SHARE_MAX,
        Rule::NoQueue => busy,
    };
    least.floor() as usize + 1
}

struct Load<'a> {
    rule: Rule,
    service: &'a Service,
    rate: f64,
    objective: Objective,
    seed: u64,
}

impl Load<'_> {
    /// A bound below the service times themselves is kept by no size.
    fn check(&self) -> Result<(), TooSmall> {
        let alone = Station {
            rule: Rule::NoQueue,
            workers: 0,
            cores: f64::INFINITY,
        };
        let alone_s = self.quantile(alone, self.rate);
        match alone_s < self.objective.below_s {
            true => Ok(()),
            false => Err(TooSmall::Alone {
                alone_s,
                below_s: self.objective.below_s,
            }),
        }
    }

    fn quantile(&self, station: Station, rate: f64) -> f64 {
        let count = requests(station.rule, self.service, rate);
        let times = simulate(station, self.service, rate, count, self.seed);
        quantile(&times, self.objective.quantile)
    }

    fn holds(&self, copies: usize, station: Station) -> bool {
        let part = self.rate / copies as f64;
        let count = requests(station.rule, self.service, part);
        let at = |times: &[f64]| quantile(times, self.objective.quantile);
        let seen = replicate(station, self.service, part, count, self.seed, at);
        seen.mean < self.objective.below_s
    }

    fn cores_min(&self) -> usize {
        let cores = (self.rate * self.service.cpu_s / CORE_SHARE_MAX).ceil() as usize;
        cores.max(1)
    }

    fn keeps(&self, rule: Rule, workers: usize, cores: usize) -> bool {
        let station = Station {
            rule,
            workers,
            cores: cores as f64,
        };
        self.quantile(station, self.rate) < self.objective.below_s
    }

    /// First the cores, as if no request waited for a worker; then the workers.
    fn whole(&self) -> Result<Station, TooSmall> {
        let keeps = |cores| self.keeps(Rule::NoQueue, 0, cores);
        let mut cores = smallest(self.cores_min(), keeps).ok_or(TooSmall::Workers)?;
        let workers_min = workers_min(self.rule, busy(self.rate, self.service.mean_s()));
        loop {
            // Where requests wait for workers as well, the last core may be missing.
            let keeps = |workers| self.keeps(self.rule, workers, cores);
            match self.rule {
                Rule::NoQueue => break Ok(self.station(workers_min, cores)),
                _ => match smallest(workers_min, keeps) {
                    Some(workers) => break Ok(self.station(workers, cores)),
                    None if cores >= WORKERS_MAX => break Err(TooSmall::Workers),
                    None => cores += cores.div_ceil(10),
                },
            }
        }
    }

    fn station(&self, workers: usize, cores: usize) -> Station {
        Station {
            rule: self.rule,
            workers,
            cores: cores as f64,
        }
    }

    /// Copies of a model that does not grow, each with as many cores as it has workers.
    fn copies(&self, workers: usize) -> Result<(usize, Station), TooSmall> {
        let station = self.station(workers, workers);
        let capacity = workers as f64 / self.service.mean_s();
        let copies_min = (self.rate / capacity).floor() as usize + 1;
        let keeps = |copies: usize| {
            let rate = self.rate / copies as f64;
            self.quantile(station, rate) < self.objective.below_s
        };
        let copies = smallest(copies_min, keeps).ok_or(TooSmall::Workers)?;
        Ok((copies, station))
    }
}

/// The smallest number from `from` on that is enough, where every larger one is enough too.
fn smallest(from: usize, is_enough: impl Fn(usize) -> bool) -> Option<usize> {
    let (mut low, mut high) = (from, from);
    // What is too small is so by more and more.
    while !is_enough(high) {
        low = high + 1;
        high += (high - from + 1).max(high / 50);
        if high > WORKERS_MAX {
            return None;
        }
    }
    while low < high {
        let middle = low + (high - low) / 2;
        match is_enough(middle) {
            true => high = middle,
            false => low = middle + 1,
        }
    }
    Some(high)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objective(below_ms: f64) -> Objective {
        Objective {
            quantile: 0.99,
            below_s: below_ms / 1000.0,
        }
    }

    /// A request computes for 1 ms and holds its worker for 20 ms.
    fn service() -> Service {
        Service::measured(0.001, [(0.020, 1)])
    }

    #[test]
    fn the_smallest_is_found() {
        for least in [1, 2, 7, 100, 5000] {
            assert_eq!(smallest(1, |it| it >= least), Some(least));
        }
        assert_eq!(smallest(5, |_| true), Some(5));
        assert_eq!(smallest(1, |_| false), None);
    }

    #[test]
    fn a_pool_has_more_workers_than_are_busy_and_one_less_is_too_few() {
        let seen = recommend(Rule::OneQueue, None, &service(), 500.0, objective(30.0), 1).unwrap();
        assert_eq!((seen.busy, seen.copies), (10.0, 1));
        let Station { workers, cores, .. } = seen.station;
        assert!(workers > 10 && workers < 20 && cores <= 2.0, "{seen:?}");
        assert!(seen.prediction.p99_s.mean < 0.030, "{seen:?}");
        let less = Station {
            workers: workers - 2,
            ..seen.station
        };
        let times = simulate(less, &service(), 500.0, REQUESTS_MIN, 1);
        assert!(quantile(&times, 0.99) >= 0.030);
    }

    /// A run that begins empty shows short waits however small the pool, if it is short.
    #[test]
    fn a_large_pool_is_not_recommended_so_small_that_its_queue_never_settles() {
        let seen = recommend(
            Rule::OneQueue,
            None,
            &service(),
            20_000.0,
            objective(500.0),
            1,
        );
        let seen = seen.unwrap();
        assert_eq!((seen.busy, seen.station.workers), (400.0, 411));
        let seen = recommend(
            Rule::QueueEach,
            None,
            &service(),
            20_000.0,
            objective(9e3),
            1,
        );
        assert_eq!(seen.unwrap().station.workers, 501);
    }

    /// A million requests in service at a time need no run of millions.
    #[test]
    fn requests_that_only_wait_make_no_run_longer() {
        let waits = Service::measured(0.0001, [(20.0, 1)]);
        assert_eq!(requests(Rule::NoQueue, &waits, 50_000.0), REQUESTS_MIN);
        assert_eq!(requests(Rule::OneQueue, &waits, 500.0), 400_000);
        let seen = recommend(Rule::NoQueue, None, &waits, 50_000.0, objective(21e3), 1).unwrap();
        assert_eq!(seen.busy, 1e6);
        assert_eq!(seen.cores, 6);
        let seen = recommend(Rule::OneQueue, None, &waits, 50_000.0, objective(21e3), 1);
        let told = seen.unwrap_err().to_string();
        assert!(
            told.starts_with("1000000 requests are in service"),
            "{told}"
        );
    }

    #[test]
    fn a_loop_that_does_not_grow_is_copied() {
        let seen = recommend(
            Rule::QueueEach,
            Some(1),
            &service(),
            500.0,
            objective(60.0),
            1,
        );
        let seen = seen.unwrap();
        // Ten loops would be busy all the time.
        assert!(seen.copies > 10, "{seen:?}");
        assert_eq!((seen.station.workers, seen.cores), (1, 1));
        let pool = recommend(Rule::OneQueue, None, &service(), 500.0, objective(60.0), 1).unwrap();
        assert!(pool.station.workers < seen.copies);
    }

    #[test]
    fn an_objective_below_the_service_time_is_refused() {
        let seen = recommend(Rule::OneQueue, None, &service(), 10.0, objective(15.0), 1);
        let told = seen.unwrap_err().to_string();
        assert!(told.contains("20.0 ms with no other request"), "{told}");
    }
}
