//! The options of `servers load`.

mod plan;

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use clap::ValueEnum;

use super::moment::moment;
use super::ranks::{self, Ranks};
use super::{expect, stages, workload};
use crate::cli::duration;
use crate::load::{Expectation, Plan};
use crate::trace::RECORDS_MAX;

/// Load a URL and measure it.
///
/// Without --rate it is a closed loop: each connection sends its next request as soon as it has its
/// answer, which finds a server's capacity. With --rate or --stages it is an open loop: requests
/// are sent by a schedule, and each counts from the moment at which it should have been sent. That
/// shows what users see. Every answer is parsed and verified, every failure counted by its kind.
/// Ctrl-C ends the run early with what was measured; a second Ctrl-C ends it at once.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct Args {
    /// Where to send the requests: http://HOST[:PORT][/PATH][?QUERY] or unix:SOCKET[:/PATH]
    #[arg(required_unless_present = "self_test")]
    url: Option<String>,
    /// Connections: in a closed loop each has one request in flight, in an open loop the limit
    #[arg(short, long, value_name = "N", default_value_t = Plan::CONNECTIONS_DEFAULT as u32)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) connections: u32,
    /// How long to go on: 500ms, 10s, 2m [default: 10s]; with -n, the limit
    #[arg(short, long, value_name = "TIME", value_parser = duration::parse)]
    pub(super) duration: Option<Duration>,
    /// Go on until this many requests are answered or have failed
    #[arg(short = 'n', long, value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    requests: Option<u64>,
    /// Threads, each with an event loop and its share of the connections
    #[arg(long, value_name = "N", default_value_t = Plan::THREADS_DEFAULT as u16)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=THREADS_MAX))]
    pub(super) threads: u16,

    /// Open loop: requests per second over all connections, such as 500 or 2.5k
    #[arg(long, value_name = "R", value_parser = stages::some_rate, help_heading = "Open loop")]
    pub(super) rate: Option<f64>,
    /// How the requests lie in time
    #[arg(long, value_enum, default_value_t = Lie::Constant, help_heading = "Open loop")]
    arrivals: Lie,
    /// Rates one after the other: '10s:100, 30s:100..5000, 10s:5000' holds, rises, holds
    #[arg(long, value_name = "TIME:RATE,...", help_heading = "Open loop")]
    #[arg(conflicts_with_all = ["rate", "duration", "requests"])]
    stages: Option<String>,
    /// Decides random arrivals and the mix of a workload; the same seed gives the same
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1,
        help_heading = "Open loop"
    )]
    seed: u64,
    /// Never block: exact to the microsecond, for a generator that owns its processor (--cpus)
    #[arg(long, help_heading = "Open loop")]
    pub(super) spin: bool,
    /// Send so much late at most, if that spares a wake-up: 0us is exact, 1ms costs least
    #[arg(long, value_name = "TIME", default_value = "50us", value_parser = duration::parse)]
    #[arg(help_heading = "Open loop")]
    pub(super) timer_slack: Duration,
    /// Search the highest rate that meets every --expect; -d is the time for each rate [3s]
    #[arg(long, requires = "expect", conflicts_with_all = ["rate", "stages", "requests"])]
    #[arg(help_heading = "Open loop")]
    pub(super) find_max: bool,
    /// Let the generator measure itself at 1,000 to 50,000 requests/s (or --rate)
    #[arg(long, conflicts_with_all = ["url", "find_max", "stages", "workload"])]
    #[arg(help_heading = "Open loop")]
    pub(super) self_test: bool,

    /// Send the part of this rank, from 0, of the schedule that all --ranks share
    #[arg(
        long,
        value_name = "I",
        requires = "ranks",
        help_heading = "Several generators"
    )]
    pub(super) rank: Option<u32>,
    /// How many generators share the schedule; auto takes both from Slurm, MPI or Kubernetes
    #[arg(long, value_name = "N|auto", value_parser = ranks::ranks)]
    #[arg(conflicts_with_all = ["find_max", "self_test"], help_heading = "Several generators")]
    pub(super) ranks: Option<Ranks>,
    /// When the measurement begins: RFC 3339, seconds since 1970, +10s [with --ranks: the next
    /// half minute]
    #[arg(
        long,
        value_name = "TIME",
        env = "SERVERS_START_AT",
        hide_env_values = true
    )]
    #[arg(value_parser = moment, help_heading = "Several generators")]
    #[arg(conflicts_with_all = ["find_max", "self_test"])]
    pub(super) start_at: Option<SystemTime>,

    /// Method of the requests
    #[arg(short = 'X', long, value_name = "METHOD", default_value = "GET")]
    #[arg(help_heading = "Requests")]
    method: String,
    /// A header field to send; may be repeated
    #[arg(
        short = 'H',
        long = "header",
        value_name = "NAME: VALUE",
        help_heading = "Requests"
    )]
    #[arg(value_parser = workload::header)]
    headers: Vec<(String, String)>,
    /// Host field to send instead of the URL's
    #[arg(long, value_name = "HOST", help_heading = "Requests")]
    host: Option<String>,
    /// Content to send; @FILE reads it from a file
    #[arg(long, value_name = "TEXT|@FILE", help_heading = "Requests")]
    body: Option<String>,
    /// The status that answers must have [default: any below 400]
    #[arg(long, value_name = "CODE", help_heading = "Requests")]
    #[arg(value_parser = clap::value_parser!(u16).range(200..1000))]
    status: Option<u16>,
    /// Length that every body must have, in bytes; others count as wrong_body
    #[arg(long, value_name = "BYTES", help_heading = "Requests")]
    body_bytes: Option<u64>,
    /// Several requests with weights, from a TOML file (see the book)
    #[arg(long, value_name = "FILE", help_heading = "Requests")]
    #[arg(conflicts_with_all = ["method", "headers", "host", "body", "status"])]
    workload: Option<PathBuf>,
    /// Pause of a closed loop's client between an answer and its next request
    #[arg(long, value_name = "TIME", value_parser = duration::parse, help_heading = "Requests")]
    #[arg(conflicts_with_all = ["rate", "stages", "find_max"])]
    think: Option<Duration>,

    /// Open a new connection for each request
    #[arg(long, help_heading = "Connections")]
    no_keep_alive: bool,
    /// Close a connection after this many requests
    #[arg(long, value_name = "N", help_heading = "Connections")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    requests_per_connection: Option<u64>,
    /// Connections besides, half of which send a byte a second, half nothing
    #[arg(
        long,
        value_name = "N",
        default_value_t = 0,
        help_heading = "Connections"
    )]
    slow_clients: u32,
    /// Addresses of this machine to connect from, in turn: each has its own ports
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        help_heading = "Connections"
    )]
    sources: Vec<IpAddr>,
    /// How long one request may take, connecting included
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration::parse)]
    #[arg(help_heading = "Connections")]
    timeout: Duration,

    /// Load before the measurement, which counts for nothing
    #[arg(long, value_name = "TIME", value_parser = duration::parse, help_heading = "Ends")]
    pub(super) warmup: Option<Duration>,
    /// End when a larger share has failed: 1%
    #[arg(long, value_name = "SHARE", value_parser = expect::share, help_heading = "Ends")]
    max_errors: Option<f64>,
    /// End when the server has refused connections for this long without an answer
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = duration::parse_some)]
    #[arg(help_heading = "Ends")]
    gone_after: Duration,
    /// A bound to meet, else exit code 3: p99<20ms, errors<0.1%, rate>900; may be repeated
    #[arg(long, value_name = "BOUND", value_parser = expect::parse, help_heading = "Ends")]
    pub(super) expect: Vec<Expectation>,

    /// Processors to pin the threads to, in turn
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        help_heading = "Output and machine"
    )]
    pub(super) cpus: Vec<usize>,
    /// Print one JSON object instead of a table
    #[arg(long, conflicts_with = "csv", help_heading = "Output and machine")]
    pub(super) json: bool,
    /// Print what happened in each second, as CSV
    #[arg(long, help_heading = "Output and machine")]
    pub(super) csv: bool,
    /// Write the response times of each second as an HdrHistogram interval log
    #[arg(long, value_name = "FILE", help_heading = "Output and machine")]
    pub(super) hlog: Option<PathBuf>,
    /// Write one self-contained HTML page with plots
    #[arg(long, value_name = "FILE", help_heading = "Output and machine")]
    pub(super) report: Option<PathBuf>,
    /// Write what happens to each connection, as a line each; `servers trace` draws it
    #[arg(long, value_name = "FILE", conflicts_with_all = ["find_max", "self_test"])]
    #[arg(help_heading = "Output and machine")]
    trace: Option<PathBuf>,
    /// The most lines of a trace
    #[arg(long, value_name = "N", default_value_t = RECORDS_MAX)]
    #[arg(help_heading = "Output and machine")]
    trace_limit: u64,
    /// Show no progress
    #[arg(short, long, help_heading = "Output and machine")]
    pub(super) quiet: bool,
}

/// `--arrivals`.
#[derive(Clone, Copy, ValueEnum)]
enum Lie {
    /// At equal distances
    Constant,
    /// At random, as independent users do
    Poisson,
}

const EXAMPLES: &str = "\
Examples:
  servers load http://127.0.0.1:8080/
  servers load http://127.0.0.1:8080/ -c 16 -d 2s --no-keep-alive
  servers load 'http://127.0.0.1:8080/bytes?n=1000' -n 100000 --body-bytes 1000 --json
  servers load http://127.0.0.1:8080/ --rate 2000 --arrivals poisson --warmup 1s
  servers load http://127.0.0.1:8080/ --find-max --expect 'p99<20ms'
  srun -n 4 servers load http://node1:8080/ --rate 40k --ranks auto --json

Exit codes: 0 measured, 1 nothing was measured or the server went away, 2 the call was
wrong, 3 an expectation was not met, 4 the generator was the limit of --find-max.";

/// Far more event loops than any machine has processors for; each has histograms of its own.
const THREADS_MAX: i64 = 1024;
