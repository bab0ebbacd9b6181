//! From what the generator and `/proc` say to the figures of one window. Pure.

use std::time::Duration;

use hdrhistogram::Histogram;

use super::accounting::{Census, Lifetime};
use super::cpu_meter::Elapsed;
use super::gates::{Mark, Readings, littles_law_gap};
use super::results::{GeneratorUse, Latency, Measurement, OpenLoop, ServerUse};
use super::stats::spread::carries;
use super::workload::Workload;
use crate::load::{self, Outcome};

/// What one load has given.
pub(super) struct Loaded {
    pub(super) outcome: Outcome,
    /// What the generator says of it.
    pub(super) marks: Vec<load::marks::Mark>,
}

/// The figures of a window in which the server used `cpu`.
pub(super) fn measurement(
    workload: &Workload,
    loaded: &Loaded,
    cpu: Duration,
    peak: Census,
    elapsed: Elapsed,
) -> Measurement {
    let outcome = &loaded.outcome;
    let requests_per_s = outcome.requests_per_s();
    // An open loop keeps connections that it does not need.
    let is_closed = !workload.is_open_loop();
    let never_answered = if is_closed { outcome.never_answered } else { 0 };
    let answered = (outcome.connections as u64).saturating_sub(never_answered);
    // A client that thinks is in no latency, and that is no gap.
    let thinks = workload.requests.iter().any(|it| !it.think.is_zero());
    let gap = match is_closed && !thinks {
        true => littles_law_gap(requests_per_s, outcome.latency.mean() / 1e9, answered),
        false => 0.0,
    };
    let readings = Readings {
        errors: outcome.errors.total(),
        miscounted: false,
        generator_share: outcome.cpu_share(),
        littles_law_gap: gap,
        steal_share: elapsed.steal_share(),
        others_share: elapsed.others_share(cpu + outcome.cpu),
    };
    let mut marks = readings.marks();
    if workload.is_open_loop() {
        let of_generator = loaded.marks.iter().copied();
        marks.extend(of_generator.filter_map(Mark::of_open_loop));
    }
    Measurement {
        duration_s: outcome.duration.as_secs_f64(),
        requests: outcome.requests,
        attempted: outcome.attempted,
        errors: outcome.errors.clone(),
        in_flight_at_stop: outcome.in_flight_at_stop,
        never_answered,
        bystanders: outcome.slow_clients.map(taken),
        connections_opened: outcome.connections_opened,
        bytes: outcome.bytes,
        requests_per_s,
        latency: latency(&outcome.latency),
        open_loop: (!is_closed).then(|| open_loop(outcome)),
        // Known only when the scoreboard has been read.
        workers: None,
        request_counts: None,
        server: server_use(cpu, peak, outcome.requests),
        generator: GeneratorUse {
            threads: outcome.threads,
            cpu_s: outcome.cpu.as_secs_f64(),
            cpu_share: outcome.cpu_share(),
        },
        littles_law_gap: gap,
        steal_share: readings.steal_share,
        others_share: readings.others_share,
        marks,
    }
}

/// How many of the slow clients were connected.
fn taken(slow: load::SlowClients) -> usize {
    let opened = usize::try_from(slow.opened).unwrap_or(usize::MAX);
    opened.min(slow.wanted)
}

fn server_use(cpu: Duration, peak: Census, requests: u64) -> ServerUse {
    let cpu_us = cpu.as_secs_f64() * 1e6;
    ServerUse {
        cpu_s: cpu.as_secs_f64(),
        cpu_us_per_request: (requests > 0).then(|| cpu_us / requests as f64),
        peak_pss_kib: peak.pss_kib,
        peak_processes: peak.processes,
        peak_threads: peak.threads,
        // Known only when the server has ended.
        lifetime: Lifetime::default(),
    }
}

fn open_loop(outcome: &Outcome) -> OpenLoop {
    let p99_us = |histogram: &Histogram<u64>| histogram.value_at_quantile(0.99) as f64 / NS_PER_US;
    OpenLoop {
        offered_per_s: outcome.planned as f64 / outcome.duration.as_secs_f64().max(f64::EPSILON),
        planned: outcome.planned,
        never_sent: outcome.never_sent,
        sent_share: outcome.achieved_share(),
        waited: outcome.waited,
        timer_lag_p99_us: p99_us(&outcome.timer_lag),
        connection_wait_p99_us: p99_us(&outcome.connection_wait),
        pending_ns: buckets(&outcome.pending),
    }
}

const NS_PER_US: f64 = 1000.0;

fn latency(histogram: &Histogram<u64>) -> Latency {
    let us = |ns: u64| ns as f64 / NS_PER_US;
    let at = |q: f64| carries(histogram.len(), q).then(|| us(histogram.value_at_quantile(q)));
    Latency {
        mean_us: histogram.mean() / NS_PER_US,
        p50_us: at(0.5),
        p90_us: at(0.9),
        p99_us: at(0.99),
        p999_us: at(0.999),
        max_us: (!histogram.is_empty()).then(|| us(histogram.max())),
        buckets_ns: buckets(histogram),
    }
}

/// Pairs of an upper bound and a count, rising.
fn buckets(histogram: &Histogram<u64>) -> Vec<(u64, u64)> {
    let recorded = histogram.iter_recorded();
    recorded
        .map(|step| (step.value_iterated_to(), step.count_at_value()))
        .collect()
}
