//! When each request of an open loop is to be sent: a pure function from its number to a time.
//!
//! An open loop sends by a plan that the server's answers do not change. Each time is computed
//! from the request's number and never from the time before it, so rounding does not add up, and
//! a late request does not move the requests behind it.
//!
//! Several threads share one schedule: thread t of T takes the requests t, t + T, t + 2T and so
//! on. Together they send exactly the plan, and no two of them send at the same moment.

use std::sync::Arc;
use std::time::Duration;

use super::Error;

/// A schedule of more requests than this is refused: `Watch` and the reports count in 64 bits, but
/// a person who asks for it has mistyped.
const PLANNED_MAX: f64 = 1e10;
/// Poisson arrivals are a sorted table of eight bytes each, so this many take 400 MB.
const POISSON_PLANNED_MAX: u64 = 50_000_000;
/// A sum of rates times durations is off by its rounding. It must not plan one more request.
const ROUNDING: f64 = 1e-6;
const NS_PER_S: f64 = 1e9;

/// How the requests of a stage lie in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrivals {
    /// At equal distances (at a rising or falling distance in a ramp).
    Constant,
    /// At random, independent of each other, as from many users who know nothing of each other.
    /// Their number is exact all the same: the times are sorted uniforms.
    Poisson,
}

/// A part of a schedule: its rate stays, or changes evenly from one value to the other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stage {
    /// How long the stage lasts.
    pub duration: Duration,
    /// Requests per second at its beginning.
    pub from: f64,
    /// Requests per second at its end.
    pub to: f64,
}

impl Stage {
    /// A stage whose rate does not change.
    pub fn hold(rate: f64, duration: Duration) -> Self {
        Self {
            duration,
            from: rate,
            to: rate,
        }
    }

    /// The number of requests that it plans, with its fraction.
    fn requests(&self) -> f64 {
        self.duration.as_secs_f64() * (self.from + self.to) / 2.0
    }

    /// When the count of requests in this stage reaches `count`, in ns from its beginning.
    ///
    /// The count after a time t is from·t + slope·t²/2. This form of the solution stays exact
    /// where the slope is small.
    fn time_of(&self, count: f64) -> f64 {
        if self.from == self.to {
            return count * NS_PER_S / self.from;
        }
        let slope = (self.to - self.from) / self.duration.as_secs_f64();
        let root = (self.from * self.from + 2.0 * slope * count)
            .max(0.0)
            .sqrt();
        2.0 * count * NS_PER_S / (self.from + root)
    }
}

/// A plan of requests in time. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Schedule {
    stages: Arc<[Placed]>,
    arrivals: Arrivals,
    planned: u64,
    /// The times of Poisson arrivals in order; empty for constant arrivals.
    table: Arc<[u64]>,
}

/// A stage with what lies before it.
#[derive(Debug, Clone, Copy)]
struct Placed {
    stage: Stage,
    requests_before: f64,
    begins_ns: f64,
}

impl Schedule {
    /// A schedule of these stages, one after the other. The seed decides Poisson arrivals: the
    /// same seed gives the same times, whatever the number of threads.
    ///
    /// # Errors
    /// A rate that is no number or negative, a plan without any request, or one of too many.
    pub fn new(stages: &[Stage], arrivals: Arrivals, seed: u64) -> Result<Self, Error> {
        let is_rate = |rate: f64| rate.is_finite() && rate >= 0.0;
        if let Some(wrong) = stages
            .iter()
            .find(|it| !is_rate(it.from) || !is_rate(it.to))
        {
            return Err(Error::Rate {
                rate: if is_rate(wrong.from) {
                    wrong.to
                } else {
                    wrong.from
                },
            });
        }
        let mut placed = Vec::with_capacity(stages.len());
        let (mut requests_before, mut begins_ns) = (0.0, 0.0);
        for &stage in stages.iter().filter(|stage| !stage.duration.is_zero()) {
            placed.push(Placed {
                stage,
                requests_before,
                begins_ns,
            });
            requests_before += stage.requests();
            begins_ns += stage.duration.as_nanos() as f64;
        }
        let planned = (requests_before - ROUNDING).ceil();
        if planned < 1.0 {
            return Err(Error::NothingPlanned);
        }
        if planned > PLANNED_MAX {
            return Err(Error::TooManyPlanned {
                max: PLANNED_MAX as u64,
            });
        }
        let mut schedule = Self {
            stages: placed.into(),
            arrivals,
            planned: planned as u64,
            table: Arc::default(),
        };
        if arrivals == Arrivals::Poisson {
            schedule.table = schedule.draw(requests_before, seed)?;
        }
        Ok(schedule)
    }

    /// A schedule as a result describes it. Its times cannot be asked for, because Poisson arrivals
    /// are not drawn.
    pub fn described(stages: &[Stage], arrivals: Arrivals, planned: u64) -> Self {
        let placed = stages.iter().map(|&stage| Placed {
            stage,
            requests_before: 0.0,
            begins_ns: 0.0,
        });
        Self {
            stages: placed.collect(),
            arrivals,
            planned,
            table: Arc::default(),
        }
    }

    /// `rate` requests a second at equal distances for this long.
    ///
    /// # Errors
    /// As [`Schedule::new`].
    pub fn constant(rate: f64, duration: Duration) -> Result<Self, Error> {
        Self::new(&[Stage::hold(rate, duration)], Arrivals::Constant, 0)
    }

    /// `rate` requests a second on average, at random, for this long.
    ///
    /// # Errors
    /// As [`Schedule::new`].
    pub fn poisson(rate: f64, duration: Duration, seed: u64) -> Result<Self, Error> {
        Self::new(&[Stage::hold(rate, duration)], Arrivals::Poisson, seed)
    }

    /// The same schedule without the requests from number `planned` on.
    #[must_use]
    pub fn limited_to(mut self, planned: u64) -> Self {
        self.planned = self.planned.min(planned);
        self
    }

    /// How many requests it plans: the rate times the duration, exactly.
    pub fn planned(&self) -> u64 {
        self.planned
    }

    /// How its requests lie in time.
    pub fn arrivals(&self) -> Arrivals {
        self.arrivals
    }

    /// How long all its stages last.
    pub fn duration(&self) -> Duration {
        self.stages.iter().map(|it| it.stage.duration).sum()
    }

    /// Its stages, in order.
    pub fn stages(&self) -> impl Iterator<Item = Stage> {
        self.stages.iter().map(|it| it.stage)
    }

    /// Requests planned per second, over all stages.
    pub fn rate(&self) -> f64 {
        self.planned as f64 / self.duration().as_secs_f64()
    }

    /// When request `number` (from 0) is to be sent, in ns from the start.
    ///
    /// # Panics
    /// For a number that is not planned.
    pub fn at(&self, number: u64) -> u64 {
        assert!(number < self.planned, "{number} of {}", self.planned);
        match self.arrivals {
            Arrivals::Constant => self.time_of(number as f64),
            Arrivals::Poisson => self.table[number as usize],
        }
    }

    /// When the count of requests reaches `count`, in ns.
    fn time_of(&self, count: f64) -> u64 {
        let after = self
            .stages
            .partition_point(|it| it.requests_before <= count);
        let place = &self.stages[after.saturating_sub(1)];
        let within = place.stage.time_of(count - place.requests_before);
        (place.begins_ns + within).round() as u64
    }

    /// Given their number, the times of a Poisson process are independent uniforms in order. A
    /// uniform count, taken through the same function as constant arrivals, follows the ramps too.
    fn draw(&self, requests: f64, seed: u64) -> Result<Arc<[u64]>, Error> {
        if self.planned > POISSON_PLANNED_MAX {
            return Err(Error::TooManyPlanned {
                max: POISSON_PLANNED_MAX,
            });
        }
        let mut random = fastrand::Rng::with_seed(seed);
        let draws = (0..self.planned).map(|_| self.time_of(random.f64() * requests));
        let mut table: Vec<u64> = draws.collect();
        table.sort_unstable();
        Ok(table.into())
    }
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
