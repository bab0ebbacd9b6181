//! `servers load` against servers that misbehave in each way that it counts.

// A helper that fails makes its test fail.
#![allow(clippy::unwrap_used)]

mod answers;
mod cases;
mod command_line;
mod failures;
#[path = "../support/misbehaving.rs"]
mod misbehaving;
mod omission;
mod open_loop;
mod reference;
mod requests;
mod runs;
mod several;
mod sources;

use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use misbehaving::{LAST, OK, Server};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

/// Far longer than any of these runs takes.
const DEADLINE: Duration = Duration::from_secs(60);

fn load(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_servers"));
    command.arg("load").args(arguments);
    command
}

fn start(mut command: Command) -> Child {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.spawn().unwrap()
}

fn finish(mut child: Child) -> Output {
    let deadline = Instant::now() + DEADLINE;
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > deadline {
            child.kill().unwrap();
            panic!("still running: {:?}", child.wait_with_output());
        }
        thread::sleep(Duration::from_millis(5));
    }
    child.wait_with_output().unwrap()
}

fn parse(output: &Output) -> Value {
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {output:?}"));
    let counted = total(&report["errors"]) + total(&report["client_errors"]);
    let accounted = number(&report["requests"]) + counted + number(&report["in_flight_at_stop"]);
    assert_eq!(accounted, number(&report["attempted"]), "{report:#}");
    assert_eq!(total(&report["client_errors"]), 0, "{report:#}");
    report
}

fn number(value: &Value) -> u64 {
    value
        .as_u64()
        .unwrap_or_else(|| panic!("{value} is no count"))
}

fn total(errors: &Value) -> u64 {
    errors.as_object().unwrap().values().map(number).sum()
}

/// Sends `requests` over one connection. Returns the report and whether the exit code was 0.
fn measure(server: &Server, requests: u64, more: &[&str]) -> (Value, bool) {
    let (url, requests) = (server.url(), requests.to_string());
    let given = [url.as_str(), "-c", "1", "-n", requests.as_str(), "--json"];
    let output = finish(start(load(&[&given[..], more].concat())));
    (parse(&output), output.status.success())
}

/// Asserts that all requests fail, and in this way.
fn assert_all_fail(server: &Server, kind: &str, more: &[&str]) {
    let (report, succeeded) = measure(server, 3, more);
    assert_eq!(number(&report["errors"][kind]), 3, "{kind}: {report:#}");
    assert_eq!(number(&report["attempted"]), 3, "{report:#}");
    let answered = matches!(kind, "status" | "wrong_body");
    assert!(!succeeded, "nothing was measured: {report:#}");
    assert_eq!(
        number(&report["never_answered"]),
        u64::from(!answered),
        "{report:#}"
    );
}

/// Asserts that all requests succeed, over this many connections.
fn assert_all_succeed(server: &Server, connections: u64, more: &[&str]) {
    let (report, succeeded) = measure(server, 3, more);
    assert_eq!(number(&report["requests"]), 3, "{report:#}");
    assert_eq!(total(&report["errors"]), 0, "{report:#}");
    assert_eq!(
        number(&report["connections_opened"]),
        connections,
        "{report:#}"
    );
    assert!(succeeded, "{report:#}");
}
