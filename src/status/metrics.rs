//! `/metrics`: the report in the text format of Prometheus.
//!
//! Names follow its conventions: a prefix, base units, `_total` for counters. No series is for a
//! single worker: a server that forks for each connection would make thousands of them.

use std::fmt::Write;

use super::{Pool, Report};
use crate::scoreboard::State;

/// Text of metrics, each with its HELP and its TYPE.
#[derive(Default)]
struct Exposition(String);

impl Exposition {
    fn counter(&mut self, name: &str, help: &str, value: f64) {
        self.declare(name, help, "counter");
        self.sample(name, "", value);
    }

    fn gauge(&mut self, name: &str, help: &str, value: f64) {
        self.declare(name, help, "gauge");
        self.sample(name, "", value);
    }

    fn declare(&mut self, name: &str, help: &str, kind: &str) {
        // Writing to a String does not fail.
        let _ = writeln!(self.0, "# HELP servers_{name} {help}");
        let _ = writeln!(self.0, "# TYPE servers_{name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &str, value: f64) {
        let _ = writeln!(self.0, "servers_{name}{labels} {value}");
    }
}

impl Report {
    /// The media type of [`Report::metrics`].
    pub const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

    /// All metrics in Prometheus' text format.
    pub fn metrics(&self) -> String {
        let mut out = Exposition::default();
        self.write_identity(&mut out);
        self.write_workers(&mut out);
        self.write_counts(&mut out);
        if let Some(pool) = self.pool {
            write_pool(pool, &mut out);
        }
        if let Some(queue) = self.queue {
            let help = "Connections that wait in the accept queue.";
            out.gauge("accept_queue_length", help, queue.length as f64);
            let help = "Connections that the accept queue has room for.";
            out.gauge("accept_queue_limit", help, queue.limit as f64);
        }
        out.0
    }

    fn write_identity(&self, out: &mut Exposition) {
        out.declare("info", "What kind of server this is.", "gauge");
        // All label values come from our own lists and hold no character that needs an escape.
        // During an upgrade two servers answer, and the process ID tells them apart.
        let labels = format!(
            "{{version=\"{}\",model=\"{}\",accept=\"{}\",pid=\"{}\"}}",
            self.version, self.model, self.accept, self.pid
        );
        out.sample("info", &labels, 1.0);
        out.gauge(
            "start_time_seconds",
            "When the server started, in seconds since 1970.",
            self.started_unix_ms as f64 / 1e3,
        );
    }

    fn write_workers(&self, out: &mut Exposition) {
        out.declare("workers", "Workers in each state.", "gauge");
        for state in State::ALL.into_iter().filter(|&it| it != State::Empty) {
            let letters = self.scoreboard.chars();
            let count = letters.filter(|&it| it == state.letter()).count();
            let name = format!("{state:?}").to_lowercase();
            out.sample("workers", &format!("{{state=\"{name}\"}}"), count as f64);
        }
        let help = "Open connections.";
        out.gauge("connections", help, self.open as f64);
    }

    fn write_counts(&self, out: &mut Exposition) {
        let counts = [
            ("requests_total", "Requests answered.", self.requests as f64),
            ("sent_bytes_total", "Bytes sent.", self.bytes as f64),
            (
                "connections_accepted_total",
                "Connections that a worker has begun to serve.",
                self.connections as f64,
            ),
            (
                "request_handling_seconds_total",
                "Time from the last byte of a request to its answer, over all requests.",
                self.handling_s,
            ),
            (
                "slow_requests_total",
                "Requests that took longer than --slow-ms.",
                self.slow as f64,
            ),
            (
                "rejected_total",
                "Connections answered with 503, beyond --max-connections.",
                self.rejected as f64,
            ),
        ];
        for (name, help, value) in counts {
            out.counter(name, help, value);
        }
        if let Some(cpu_s) = self.cpu_s {
            let help = "CPU time of the server and its children.";
            out.counter("cpu_seconds_total", help, cpu_s);
        }
        if let Some(pss_bytes) = self.pss_bytes {
            let help = "Memory of the server and its children; shared pages count once.";
            out.gauge("memory_pss_bytes", help, pss_bytes as f64);
        }
    }
}

fn write_pool(pool: Pool, out: &mut Exposition) {
    let gauges = [
        (
            "pool_generation",
            "Generation of the workers; each reload begins one.",
            pool.generation,
        ),
        ("pool_target", "Workers that the pool aims at.", pool.target),
        ("pool_limit", "The largest size of the pool.", pool.limit),
    ];
    for (name, help, value) in gauges {
        out.gauge(name, help, value as f64);
    }
    let counters = [
        (
            "pool_limit_reached_total",
            "Times that the pool was at its limit with every worker busy.",
            pool.limit_reached,
        ),
        ("workers_started_total", "Workers started.", pool.started),
        (
            "workers_crashed_total",
            "Workers that ended unexpectedly.",
            pool.crashed,
        ),
        (
            "workers_wedged_total",
            "Workers killed because their heartbeat stood still.",
            pool.wedged,
        ),
        (
            "workers_overdue_total",
            "Workers killed because a request took too long.",
            pool.overdue,
        ),
        (
            "forks_failed_total",
            "Workers that the master could not start.",
            pool.fork_failed,
        ),
    ];
    for (name, help, value) in counters {
        out.counter(name, help, value as f64);
    }
}
