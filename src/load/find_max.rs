//! The highest rate at which a server keeps an objective, by steps and bisection. Pure: each probe
//! is a call.

/// The rate grows or shrinks by this factor until the limit lies between two rates.
const STEP: f64 = 2.0;
/// A server that does not even hold this is not searched further.
const RATE_MIN: f64 = 1.0;
/// Against a search that never ends: from 1/s by steps of 2 this is beyond any server.
const PROBES_MAX: usize = 100;

/// How to search.
#[derive(Debug, Clone, Copy)]
pub struct Search {
    /// The first rate to try, in requests per second.
    pub start: f64,
    /// The search ends when the rate that fails is within this share of the one that holds.
    pub precision: f64,
    /// A rate is judged by the majority of up to so many probes.
    pub repeats: usize,
}

/// What a probe at one rate showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The objective was kept.
    Holds,
    /// It was not.
    Fails,
    /// The generator was the limit, so the server was not measured at this rate.
    GeneratorLimit,
}

/// What the search found.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundMax {
    /// The highest rate that was seen to hold.
    pub holds: Option<f64>,
    /// The lowest rate above it that did not.
    pub fails: Option<f64>,
    /// Whether that rate failed because of the generator: then the server's limit is higher, or
    /// unknown.
    pub is_generators_limit: bool,
}

/// Searches. `probe` runs at a rate and judges it; its errors end the search.
///
/// # Errors
/// Those of the probes.
pub fn find_max<E>(
    search: &Search,
    mut probe: impl FnMut(f64) -> Result<Verdict, E>,
) -> Result<FoundMax, E> {
    let mut found = FoundMax {
        holds: None,
        fails: None,
        is_generators_limit: false,
    };
    let mut rate = search.start.max(RATE_MIN);
    for _ in 0..PROBES_MAX {
        let verdict = judge(search.repeats, || probe(rate))?;
        match verdict {
            Verdict::Holds => found.holds = Some(rate),
            Verdict::Fails | Verdict::GeneratorLimit => {
                found.fails = Some(rate);
                found.is_generators_limit = verdict == Verdict::GeneratorLimit;
            }
        }
        rate = match (found.holds, found.fails) {
            (Some(holds), None) => holds * STEP,
            (None, Some(fails)) if fails > RATE_MIN => (fails / STEP).max(RATE_MIN),
            // The middle of a ratio is its geometric mean.
            (Some(holds), Some(fails)) if fails / holds > 1.0 + search.precision => {
                (holds * fails).sqrt()
            }
            _ => break,
        };
        rate = rounded(rate);
        if found.holds == Some(rate) || found.fails == Some(rate) {
            break;
        }
    }
    Ok(found)
}

/// Three digits: nothing is known better, and people can read it.
fn rounded(rate: f64) -> f64 {
    let digits = rate.log10().floor() - 2.0;
    let unit = 10f64.powf(digits.max(0.0));
    (rate / unit).round() * unit
}

/// The majority of up to `repeats` probes, and no more probes than it takes.
fn judge<E>(repeats: usize, mut probe: impl FnMut() -> Result<Verdict, E>) -> Result<Verdict, E> {
    let majority = repeats / 2 + 1;
    let mut counts = [0; 3];
    loop {
        let verdict = probe()?;
        let count = &mut counts[verdict as usize];
        *count += 1;
        let has_failed = counts[1] + counts[2] >= majority;
        if counts[0] >= majority {
            return Ok(Verdict::Holds);
        }
        if has_failed {
            return Ok(if counts[2] > counts[1] {
                Verdict::GeneratorLimit
            } else {
                Verdict::Fails
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::Schedule;
    use std::convert::Infallible;
    use std::time::Duration;

    const SEARCH: Search = Search {
        start: 100.0,
        precision: 0.05,
        repeats: 3,
    };

    /// The p99 of a server that takes `service_us` for each request, one after the other, under
    /// this schedule. Its clock is the schedule's, so this takes no time.
    fn simulated_p99(schedule: &Schedule, service_us: u64) -> Duration {
        let mut free_at = 0;
        let mut responses: Vec<u64> = (0..schedule.planned())
            .map(|number| {
                let intended = schedule.at(number);
                free_at = free_at.max(intended) + service_us * 1000;
                free_at - intended
            })
            .collect();
        responses.sort_unstable();
        Duration::from_nanos(responses[responses.len() * 99 / 100])
    }

    fn search(start: f64, limit: Duration, service_us: u64) -> (FoundMax, Vec<f64>) {
        let mut rates = Vec::new();
        let found = find_max(&Search { start, ..SEARCH }, |rate| {
            rates.push(rate);
            let schedule = Schedule::poisson(rate, Duration::from_secs(2), 7).unwrap();
            let p99 = simulated_p99(&schedule, service_us);
            Ok::<_, Infallible>(if p99 < limit {
                Verdict::Holds
            } else {
                Verdict::Fails
            })
        });
        (found.unwrap(), rates)
    }

    #[test]
    fn the_limit_of_a_simulated_server_is_found_from_below_and_from_above() {
        // 200 µs a request: 5000/s is all it can do, and a p99 of 2 ms is kept up to about 80 %.
        for start in [10.0, 100.0, 4000.0, 100_000.0] {
            let (found, rates) = search(start, Duration::from_millis(2), 200);
            let (holds, fails) = (found.holds.unwrap(), found.fails.unwrap());
            assert!(
                3000.0 < holds && holds < fails && fails < 4900.0,
                "{found:?}"
            );
            assert!(fails / holds <= 1.06, "{found:?}");
            assert!(rates.len() < 60, "{rates:?}");
        }
    }

    #[test]
    fn a_looser_objective_allows_a_higher_rate() {
        let at = |ms| {
            search(100.0, Duration::from_millis(ms), 200)
                .0
                .holds
                .unwrap()
        };
        assert!(at(1) < at(5), "{} {}", at(1), at(5));
    }

    #[test]
    fn a_server_that_never_holds_ends_the_search() {
        let (found, rates) = search(1000.0, Duration::from_micros(100), 200);
        assert_eq!((found.holds, found.fails), (None, Some(RATE_MIN)));
        assert!(rates.len() < 60, "{rates:?}");
    }

    #[test]
    fn one_bad_probe_of_three_does_not_decide() {
        let mut probes = 0;
        let found = find_max(&SEARCH, |rate| {
            probes += 1;
            let is_outlier = probes == 1;
            let holds = rate < 300.0 && !is_outlier;
            Ok::<_, Infallible>(if holds {
                Verdict::Holds
            } else {
                Verdict::Fails
            })
        });
        let found = found.unwrap();
        let (holds, fails) = (found.holds.unwrap(), found.fails.unwrap());
        assert!(
            holds < 300.0 && fails >= 300.0 && fails / holds < 1.06,
            "{found:?}"
        );
    }

    #[test]
    fn the_generators_limit_is_told_apart_and_errors_end_the_search() {
        let found = find_max(&SEARCH, |rate| {
            Ok::<_, Infallible>(match rate < 500.0 {
                true => Verdict::Holds,
                false => Verdict::GeneratorLimit,
            })
        });
        assert!(found.unwrap().is_generators_limit);
        let error = find_max(&SEARCH, |_| Err::<Verdict, _>("gone"));
        assert_eq!(error, Err("gone"));
    }
}
