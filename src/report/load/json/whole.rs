//! What a result carries so that it can be added to others: whole histograms, and the schedule.

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer, V2DeflateSerializer};
use serde::{Deserialize, Serialize};

use crate::load::{Arrivals, Outcome, Schedule, Stage, fits};

/// Histograms in ns, in HdrHistogram's encoding V2, compressed, as base64.
#[derive(Serialize, Deserialize)]
pub(in crate::report::load) struct Histograms {
    response: String,
    service: String,
    timer_lag: String,
    connection_wait: String,
    connect: String,
    first_byte: String,
    pending: String,
}

impl Histograms {
    pub(super) fn of(outcome: &Outcome) -> Self {
        Self {
            response: encoded(&outcome.latency),
            service: encoded(&outcome.service),
            timer_lag: encoded(&outcome.timer_lag),
            connection_wait: encoded(&outcome.connection_wait),
            connect: encoded(&outcome.connect),
            first_byte: encoded(&outcome.first_byte),
            pending: encoded(&outcome.pending),
        }
    }

    /// Puts them into an outcome.
    ///
    /// # Errors
    /// What is no histogram of a run.
    pub(in crate::report::load) fn fill(&self, outcome: &mut Outcome) -> Result<(), String> {
        for (place, text) in [
            (&mut outcome.latency, &self.response),
            (&mut outcome.service, &self.service),
            (&mut outcome.timer_lag, &self.timer_lag),
            (&mut outcome.connection_wait, &self.connection_wait),
            (&mut outcome.connect, &self.connect),
            (&mut outcome.first_byte, &self.first_byte),
            (&mut outcome.pending, &self.pending),
        ] {
            *place = decoded(text)?;
        }
        Ok(())
    }
}

pub(super) fn encoded(histogram: &Histogram<u64>) -> String {
    let mut bytes = Vec::new();
    V2DeflateSerializer::new()
        .serialize(histogram, &mut bytes)
        .expect("writing to memory does not fail, and the counts fit 63 bits");
    BASE64_STANDARD.encode(bytes)
}

/// The histogram that a text of this encoding stands for.
///
/// # Errors
/// What is no histogram, or has other bounds than those of a run.
pub(in crate::report::load) fn decoded(text: &str) -> Result<Histogram<u64>, String> {
    let bytes = BASE64_STANDARD.decode(text);
    let bytes = bytes.map_err(|error| format!("a histogram is no base64: {error}"))?;
    let histogram: Histogram<u64> = Deserializer::new()
        .deserialize(&mut bytes.as_slice())
        .map_err(|error| format!("a histogram cannot be decoded: {error}"))?;
    match fits(&histogram) {
        true => Ok(histogram),
        false => Err("a histogram has other bounds, so it cannot be added exactly".to_owned()),
    }
}

/// The schedule of an open loop, that of all ranks.
#[derive(Serialize, Deserialize)]
pub(in crate::report::load) struct ScheduleRow {
    planned: u64,
    stages: Vec<StageRow>,
}

#[derive(Serialize, Deserialize)]
struct StageRow {
    duration_s: f64,
    from_per_s: f64,
    to_per_s: f64,
}

impl ScheduleRow {
    pub(super) fn of(schedule: &Schedule) -> Self {
        let stages = schedule.stages().map(|stage| StageRow {
            duration_s: stage.duration.as_secs_f64(),
            from_per_s: stage.from,
            to_per_s: stage.to,
        });
        Self {
            planned: schedule.planned(),
            stages: stages.collect(),
        }
    }

    /// # Errors
    /// A duration that is none.
    pub(in crate::report::load) fn schedule(&self, arrivals: Arrivals) -> Result<Schedule, String> {
        let stages = self.stages.iter().map(|row| {
            Ok(Stage {
                duration: duration(row.duration_s)?,
                from: row.from_per_s,
                to: row.to_per_s,
            })
        });
        let stages: Vec<Stage> = stages.collect::<Result<_, String>>()?;
        Ok(Schedule::described(&stages, arrivals, self.planned))
    }
}

/// # Errors
/// Seconds that are no duration.
pub(in crate::report::load) fn duration(seconds: f64) -> Result<Duration, String> {
    Duration::try_from_secs_f64(seconds).map_err(|_| format!("{seconds} s is no duration"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::Plan;

    #[test]
    fn a_histogram_comes_back_as_it_was() {
        let mut outcome = Outcome::empty(&Plan::new("http://127.0.0.1:1/".parse().unwrap()));
        for ns in [1, 999, 1_234_567, 600_000_000_000] {
            outcome.latency.record_n(ns, ns % 7 + 1).unwrap();
        }
        let whole = Histograms::of(&outcome);
        let mut other = Outcome::empty(&Plan::new("http://127.0.0.1:1/".parse().unwrap()));
        whole.fill(&mut other).unwrap();
        assert_eq!(other.latency, outcome.latency);
        assert_eq!(other.latency.max(), outcome.latency.max());
        assert_eq!(other.connect.len(), 0);
    }

    #[test]
    fn what_is_no_histogram_of_a_run_is_refused() {
        let other = Histogram::<u64>::new_with_bounds(1, 1000, 2).unwrap();
        for (text, words) in [
            ("?", "no base64"),
            ("AAAA", "cannot be decoded"),
            (&encoded(&other), "other bounds"),
        ] {
            let complaint = decoded(text).unwrap_err();
            assert!(complaint.contains(words), "{text}: {complaint}");
        }
    }
}
