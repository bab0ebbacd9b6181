//! The master of a pre-forked pool: its size, workers that hang, crash or reach `--max-requests`,
//! and how one generation replaces another. The rules themselves are tested beside their code,
//! without processes. These tests check what the running processes do.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

mod allowance;
mod blocking;
mod crashes;
mod faults;
mod hostile;
mod liveness;
mod options;
mod recycling;
mod signals;
mod sizing;
#[path = "../support/mod.rs"]
mod support;
mod titles;

use std::net::TcpStream;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use servers::scoreboard::{PoolEvent, State, View};

use support::server::Server;
use support::{wait_for, wire};

/// Makes one `#[test]` of each function for every model with a master; the functions take the
/// model's name.
#[macro_export]
macro_rules! for_every_pool {
    ($($test:ident),* $(,)?) => {
        $crate::for_every_pool! { @models [$($test)*] prefork worker event }
    };
    (@models $tests:tt $($model:ident)*) => {
        $($crate::for_every_pool! { @model $model $tests })*
    };
    (@model $model:ident [$($test:ident)*]) => {
        mod $model {
            $(#[test]
            fn $test() {
                super::$test(stringify!($model));
            })*
        }
    };
}

/// Starts `prefork` with this many workers.
#[track_caller]
fn start(workers: usize, options: &[&str]) -> Server {
    start_model("prefork", workers, options)
}

/// Starts a model with this many workers, and waits until all are there.
#[track_caller]
fn start_model(model: &str, workers: usize, options: &[&str]) -> Server {
    let count = workers.to_string();
    let server = Server::start(model, &[&["--workers", &count], options].concat());
    wait_for("all workers are there", || {
        server.children().len() == workers
    });
    server
}

/// The process IDs of the workers, in order.
fn workers(server: &Server) -> Vec<i32> {
    let mut pids: Vec<i32> = server.children().iter().map(|child| child.pid).collect();
    pids.sort_unstable();
    pids
}

fn send(pid: i32, signal: Signal) {
    kill(Pid::from_raw(pid), signal).unwrap();
}

/// Asks on this connection which process serves it.
#[track_caller]
fn served_by(client: &TcpStream) -> i32 {
    wire::get(client, "/pid");
    let text = wire::read_answer(client).text();
    text.split(' ').next().unwrap().parse().unwrap()
}

/// Opens connections that each hold a worker until they are dropped.
#[track_caller]
fn hold(server: &Server, count: usize) -> Vec<TcpStream> {
    let clients: Vec<TcpStream> = (0..count).map(|_| server.connect()).collect();
    for client in &clients {
        served_by(client);
    }
    clients
}

#[track_caller]
fn assert_serves(server: &Server) {
    let client = server.connect();
    wire::get_and_close(&client, "/");
    let (answer, _) = wire::read_to_end(&client);
    assert!(answer.ends_with(b"\r\n\r\nHello, World!\n"), "{answer:?}");
}

/// Asserts that the server closed this connection without an answer.
#[track_caller]
fn assert_cut(client: &TcpStream) {
    assert!(wire::read_to_end(client).0.is_empty());
}

/// How often the scoreboard says that this has happened to the pool.
fn count(server: &Server, event: PoolEvent) -> u64 {
    scoreboard(server).pool().count(event)
}

/// The state of each worker in the scoreboard.
fn states(server: &Server) -> Vec<State> {
    let records = scoreboard(server).records();
    records.iter().map(|record| record.state).collect()
}

fn scoreboard(server: &Server) -> View {
    let pid = u32::try_from(server.pid()).unwrap();
    View::of_process(pid).unwrap()
}

/// Runs a short `servers load`, and returns its report.
fn load(server: &Server, options: &[&str]) -> serde_json::Value {
    let url = format!("http://{}/", server.address);
    let output = std::process::Command::new(support::server::BINARY)
        .args(["load", &url, "--json", "-c", "8"])
        .args(options)
        .output()
        .unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}
