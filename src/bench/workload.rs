//! What is asked of a contender: one question that a server has to answer in practice, each. Pure.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::request::Kind;
use crate::load;

/// The figure by which contenders are compared under a workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Metric {
    /// User and system time of the whole server for each answered request: the steadiest figure.
    CpuPerRequest,
    /// Answered requests per second, where the server is what limits them.
    Throughput,
    /// Memory of the whole server at its peak.
    Memory,
}

impl Metric {
    /// Whether the lower figure is the better one.
    pub fn lower_is_better(self) -> bool {
        self != Metric::Throughput
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Metric::CpuPerRequest => "CPU per request",
            Metric::Throughput => "requests per second",
            Metric::Memory => "memory",
        })
    }
}

/// Connections that are open beside those of the load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bystanders {
    /// Half of them send a byte a second, the others nothing: the slow clients of the generator.
    #[serde(alias = "silent")]
    Slow(usize),
    /// They get one answer and keep their connection.
    Kept(usize),
}

/// One kind of load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Workload {
    /// Its name on the command line and in the results.
    pub name: String,
    /// Why a server should be looked at in this way: one sentence.
    pub why: String,
    /// What the tables call it.
    pub title: String,
    /// The path of every request.
    pub path: String,
    /// Connections of the load, each with one request in flight.
    pub connections: usize,
    /// As many requests over a connection as the server allows, or one.
    pub keep_alive: bool,
    /// By which figure the contenders are compared.
    pub metric: Metric,
    /// A second path, and how many requests of ten ask for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second: Option<Second>,
    /// All kinds of request, where a workload file of `servers load` names them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requests: Vec<Kind>,
    /// Requests per second, whatever the answers do (open loop): the same for every contender.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    /// The same for each processor of the server. Without either, each connection sends its next
    /// request when it has its answer (closed loop).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_per_cpu: Option<f64>,
    /// Connections beside those of the load.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bystanders: Option<Bystanders>,
}

/// The second kind of request of a mix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Second {
    /// Asked for instead of [`Workload::path`].
    pub path: String,
    /// How many requests of ten ask for it.
    pub of_ten: u32,
}

/// A built-in workload.
struct BuiltIn {
    name: &'static str,
    title: &'static str,
    why: &'static str,
    path: &'static str,
    keep_alive: bool,
    metric: Metric,
    connections: usize,
    second: Option<(&'static str, u32)>,
    rate_per_cpu: Option<f64>,
    bystanders: Option<Bystanders>,
}

/// Connections of the load, unless another number is asked for.
pub const CONNECTIONS_DEFAULT: usize = 16;

const HELLO: BuiltIn = BuiltIn {
    name: "hello",
    title: "kept connections",
    why: "What a request costs when its connection is already there.",
    path: "/",
    keep_alive: true,
    metric: Metric::CpuPerRequest,
    connections: CONNECTIONS_DEFAULT,
    second: None,
    rate_per_cpu: None,
    bystanders: None,
};

/// All of them, in the order of the matrix.
const BUILT_IN: &[BuiltIn] = &[
    BuiltIn {
        name: "close",
        title: "a connection per request",
        why: "What a client costs that comes for one request, with its connection.",
        keep_alive: false,
        ..HELLO
    },
    HELLO,
    BuiltIn {
        name: "backend",
        title: "20 ms of waiting in each request",
        why: "How many clients wait at the same time while a request waits for a database.",
        path: "/sleep?ms=20",
        metric: Metric::Throughput,
        ..HELLO
    },
    BuiltIn {
        name: "cpu",
        title: "2 ms of computing in each request",
        why: "Whether computing is spread over the processors, and whom it keeps waiting.",
        path: "/cpu?ms=2",
        metric: Metric::Throughput,
        ..HELLO
    },
    BuiltIn {
        name: "mixed",
        title: "nine quick requests, then one of 50 ms",
        why: "Whether quick requests wait behind a slow one.",
        metric: Metric::Throughput,
        second: Some(("/sleep?ms=50", 1)),
        ..HELLO
    },
    BuiltIn {
        name: "big",
        title: "answers of 1 MiB",
        why: "What it costs to send much: copies, full socket buffers, partial writes.",
        path: "/bytes?n=1048576",
        ..HELLO
    },
    BuiltIn {
        name: "slow-clients",
        title: "64 slow or silent clients beside the load",
        why: "Whether clients that send little or nothing keep others from being served.",
        keep_alive: false,
        metric: Metric::Throughput,
        bystanders: Some(Bystanders::Slow(64)),
        ..HELLO
    },
    BuiltIn {
        name: "overload",
        title: "twice as many requests of 2 ms as the processors can answer",
        why: "What is still answered when clients ask for more than there is.",
        path: "/cpu?ms=2",
        metric: Metric::Throughput,
        connections: 256,
        rate_per_cpu: Some(1000.0),
        ..HELLO
    },
    BuiltIn {
        name: "idle",
        title: "10,000 kept connections beside the load",
        why: "What a connection costs that is open and asks for nothing.",
        metric: Metric::Memory,
        bystanders: Some(Bystanders::Kept(10_000)),
        ..HELLO
    },
];

impl From<&BuiltIn> for Workload {
    fn from(it: &BuiltIn) -> Workload {
        Workload {
            name: it.name.to_owned(),
            why: it.why.to_owned(),
            title: it.title.to_owned(),
            path: it.path.to_owned(),
            connections: it.connections,
            keep_alive: it.keep_alive,
            metric: it.metric,
            second: it.second.map(|(path, of_ten)| Second {
                path: path.to_owned(),
                of_ten,
            }),
            requests: Vec::new(),
            rate: None,
            rate_per_cpu: it.rate_per_cpu,
            bystanders: it.bystanders,
        }
    }
}

impl Workload {
    /// All built-in workloads, in the order of the matrix.
    pub fn all() -> Vec<Workload> {
        BUILT_IN.iter().map(Workload::from).collect()
    }

    /// The built-in workload of this name.
    pub fn named(name: &str) -> Option<Workload> {
        let found = BUILT_IN.iter().find(|it| it.name == name);
        found.map(Workload::from)
    }

    /// The workload of a file that `servers load --workload` reads, under the file's name.
    pub fn of_file(name: &str, requests: &load::Workload) -> Workload {
        Workload {
            name: name.to_owned(),
            why: "What the mix of requests costs that a file describes.".to_owned(),
            title: format!("the requests of {name}"),
            requests: requests.requests().iter().map(Kind::of).collect(),
            ..Workload::from(&HELLO)
        }
    }

    /// The same as an open loop of so many requests per second.
    pub fn at_rate(&self, rate: f64) -> Workload {
        Workload {
            name: format!("{}@{rate}", self.name),
            title: format!("{} at {rate}/s", self.title),
            rate: Some(rate),
            rate_per_cpu: None,
            ..self.clone()
        }
    }

    /// Whether this is the workload of that name, at whatever rate.
    pub fn is_step_of(&self, name: &str) -> bool {
        let rest = self.name.strip_prefix(name);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('@'))
    }

    /// Requests per second of an open loop for a server with so many processors.
    pub fn rate_for(&self, cpus: usize) -> Option<f64> {
        let per_cpu = self.rate_per_cpu.map(|rate| rate * cpus as f64);
        self.rate.or(per_cpu)
    }

    /// Whether requests are sent by a schedule that the answers do not change.
    pub fn is_open_loop(&self) -> bool {
        self.rate.is_some() || self.rate_per_cpu.is_some()
    }

    /// Clients of the generator that take their time.
    pub fn slow_clients(&self) -> usize {
        match self.bystanders {
            Some(Bystanders::Slow(count)) => count,
            _ => 0,
        }
    }

    /// Connections that are open and ask for nothing.
    pub fn idle_clients(&self) -> usize {
        match self.bystanders {
            Some(Bystanders::Kept(count)) => count,
            _ => 0,
        }
    }

    /// Connections that a server holds under it, those of bystanders included.
    pub fn connections_in_all(&self) -> usize {
        self.connections + self.slow_clients() + self.idle_clients()
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.title)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_workload_is_found_by_its_name_and_says_why() {
        for workload in Workload::all() {
            assert_eq!(Workload::named(&workload.name), Some(workload.clone()));
            assert!(workload.why.ends_with('.'), "{workload:?}");
            assert_eq!(workload.why.matches(". ").count(), 0, "{workload:?}");
        }
        assert_eq!(Workload::named("helo"), None);
        assert_eq!(
            Workload::named("idle").unwrap().connections_in_all(),
            10_016
        );
    }
}
