//! Stevens' nine servers, and the figures that he published beside ours. Pure.
//!
//! W. R. Stevens, B. Fenner, A. M. Rudoff, *UNIX Network Programming*, vol. 1, 3rd edition, 2004,
//! chapter 30; the figures for BSD/OS are the second edition's, 1998. His clients asked for 4000
//! bytes each, 10 at a time, 5000 in all, and his pools had 15 children. What a server spends on
//! **process control** is its CPU time less that of the iterative server, which does nothing else
//! but serve.

use serde::{Deserialize, Serialize};

use super::results::{Measurement, Results};
use super::stats::Spread;
use super::workers::Workers;

/// Clients in all.
pub const REQUESTS: u64 = 5000;
/// Clients at a time: two hosts with five processes each.
pub const CONNECTIONS: usize = 10;
/// The workload: a connection per request, as his clients did.
pub const WORKLOAD: &str = "close";
/// What each asks for.
pub const PATH: &str = "/bytes?n=4000";
/// Children or threads of a pool.
pub const POOL: u16 = 15;

/// One of the nine servers.
#[derive(Debug, PartialEq)]
pub struct StevensServer {
    /// The number that he gave it.
    pub number: u8,
    /// What follows `servers run`, and its name in the tables.
    pub arguments: &'static [&'static str],
    /// Whether a pool shares the load.
    pub has_pool: bool,
    /// Process control in seconds of CPU, third edition.
    pub published_s: Option<f64>,
    /// The same on BSD/OS, second edition.
    pub published_bsd_s: Option<f64>,
}

/// The nine, in his order.
pub const SERVERS: [StevensServer; 9] = [
    server(0, &["iterative"], Some(0.0), Some(0.0)),
    server(1, &["fork"], Some(20.90), Some(29.6)),
    pool(2, &["prefork", "--accept", "shared"], Some(1.80), Some(1.8)),
    pool(3, &["prefork", "--accept", "flock"], Some(2.07), Some(2.7)),
    pool(4, &["prefork", "--accept", "mutex"], Some(1.75), None),
    pool(
        5,
        &["prefork", "--accept", "pass", "--pick", "first"],
        Some(2.58),
        Some(6.1),
    ),
    server(6, &["threaded"], Some(0.99), None),
    pool(7, &["prethreaded", "--accept", "mutex"], Some(1.93), None),
    pool(8, &["prethreaded", "--accept", "main"], Some(2.05), None),
];

/// What he says about the distribution over 15 children, where it is known to us.
pub const PUBLISHED_DISTRIBUTION: &str = "Stevens: bare accept and locks 331..340 \
     each (BSD/OS); passing descriptors to the first free child 1006, 950, 720 … 1, 0 (Solaris).";

const fn server(
    number: u8,
    arguments: &'static [&'static str],
    published_s: Option<f64>,
    published_bsd_s: Option<f64>,
) -> StevensServer {
    StevensServer {
        number,
        arguments,
        has_pool: false,
        published_s,
        published_bsd_s,
    }
}

const fn pool(
    number: u8,
    arguments: &'static [&'static str],
    published_s: Option<f64>,
    published_bsd_s: Option<f64>,
) -> StevensServer {
    StevensServer {
        has_pool: true,
        ..server(number, arguments, published_s, published_bsd_s)
    }
}

/// The two tables.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tables {
    /// Requests of each window.
    pub requests: u64,
    /// One row for each of the nine.
    pub process_control: Vec<Cost>,
    /// One column for each pool that was measured.
    pub distribution: Vec<Column>,
}

/// A row of the first table. Ours are none for a server that this program does not have, or that
/// failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// [`StevensServer::number`].
    pub number: u8,
    /// Its command line.
    pub server: String,
    /// CPU time of the whole server for all requests.
    pub cpu_s: Option<Spread>,
    /// The same less that of the iterative server in the same block.
    pub process_control_s: Option<Spread>,
    /// The same for each request.
    pub process_control_us_per_request: Option<f64>,
    /// The median in per cent of `fork`'s.
    pub percent_of_fork: Option<f64>,
    /// [`StevensServer::published_s`].
    pub published_s: Option<f64>,
    /// The same in per cent of his `fork`.
    pub published_percent_of_fork: Option<f64>,
    /// [`StevensServer::published_bsd_s`].
    pub published_bsd_s: Option<f64>,
}

/// A column of the second table: the block whose fairness is the middle one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// [`StevensServer::number`].
    pub number: u8,
    /// Its command line.
    pub server: String,
    /// Requests of each child or thread.
    pub workers: Workers,
    /// Jain's index over all blocks.
    pub fairness: Option<Spread>,
}

/// Both tables from the windows of a bench whose contenders bear the servers' command lines as
/// names.
pub fn tables(results: &Results) -> Tables {
    let fork = median(&process_control(results, &SERVERS[1]));
    let costs = SERVERS.iter().map(|server| cost(results, server, fork));
    Tables {
        requests: results.plan.requests.unwrap_or(REQUESTS),
        process_control: costs.collect(),
        distribution: SERVERS
            .iter()
            .filter_map(|server| column(results, server))
            .collect(),
    }
}

fn cost(results: &Results, server: &StevensServer, fork: Option<f64>) -> Cost {
    let published_fork = SERVERS[1].published_s;
    let requests = results.plan.requests.unwrap_or(REQUESTS) as f64;
    let control = process_control(results, server);
    let middle = median(&control);
    let percent = |part: Option<f64>, whole: Option<f64>| Some(part? / whole? * 100.0);
    Cost {
        number: server.number,
        server: server.arguments.join(" "),
        cpu_s: Spread::of(windows(results, server).map(|(_, window)| window.server.cpu_s)),
        process_control_us_per_request: middle.map(|seconds| seconds * 1e6 / requests),
        percent_of_fork: percent(middle, fork),
        process_control_s: control,
        published_s: server.published_s,
        published_percent_of_fork: percent(server.published_s, published_fork),
        published_bsd_s: server.published_bsd_s,
    }
}

/// What it spent beyond the iterative server, block by block: what slows down the machine for a
/// while slows down both.
fn process_control(results: &Results, server: &StevensServer) -> Option<Spread> {
    let baseline = |block: usize| {
        let mut windows = windows(results, &SERVERS[0]);
        windows.find_map(|(of, window)| (of == block).then_some(window.server.cpu_s))
    };
    let beyond = windows(results, server)
        .filter_map(|(block, window)| Some(window.server.cpu_s - baseline(block)?));
    Spread::of(beyond)
}

fn median(spread: &Option<Spread>) -> Option<f64> {
    spread.map(|spread| spread.median)
}

/// The windows of a server that count, with their blocks.
fn windows<'a>(
    results: &'a Results,
    server: &StevensServer,
) -> impl Iterator<Item = (usize, &'a Measurement)> + use<'a> {
    let name = server.arguments.join(" ");
    let mut contenders = results.plan.contenders.iter();
    let contender = contenders.find(|it| it.name == name);
    let windows = contender.map(|it| results.windows(&it.name, WORKLOAD));
    windows.unwrap_or_default().into_iter()
}

fn column(results: &Results, server: &StevensServer) -> Option<Column> {
    let mut shared: Vec<(f64, &Workers)> = windows(results, server)
        .filter_map(|(_, window)| window.workers.as_ref())
        .filter_map(|workers| Some((workers.fairness()?, workers)))
        .collect();
    shared.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    let (_, middle) = shared.get(shared.len() / 2).filter(|_| server.has_pool)?;
    Some(Column {
        number: server.number,
        server: server.arguments.join(" "),
        workers: (*middle).clone(),
        fairness: Spread::of(shared.iter().map(|(fairness, _)| *fairness)),
    })
}
