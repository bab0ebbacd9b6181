//! `servers load` against servers that misbehave in each way that it counts.

// A helper that cannot go on fails its test, as the test itself would.
#![allow(clippy::unwrap_used)]

#[path = "support/misbehaving.rs"]
mod misbehaving;

use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use misbehaving::{OK, Server};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

/// Far beyond what any of this takes.
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

/// One connection's load of `requests`, its report, and whether it was called a success.
fn measure(server: &Server, requests: u64, more: &[&str]) -> (Value, bool) {
    let (url, requests) = (server.url(), requests.to_string());
    let given = [url.as_str(), "-c", "1", "-n", requests.as_str(), "--json"];
    let output = finish(start(load(&[&given[..], more].concat())));
    (parse(&output), output.status.success())
}

/// All requests fail in this one way.
fn assert_all_fail(server: &Server, kind: &str, more: &[&str]) {
    let (report, succeeded) = measure(server, 3, more);
    assert_eq!(number(&report["errors"][kind]), 3, "{kind}: {report:#}");
    assert_eq!(number(&report["attempted"]), 3, "{report:#}");
    let answered = matches!(kind, "status" | "wrong_body");
    assert_eq!(succeeded, answered, "{report:#}");
    assert_eq!(
        number(&report["never_answered"]),
        u64::from(!answered),
        "{report:#}"
    );
}

/// All requests succeed, over so many connections.
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

#[test]
fn refused_after_the_start() {
    let (report, succeeded) = measure(&Server::gone_after_one(), 4, &[]);
    assert_eq!(number(&report["requests"]), 1, "{report:#}");
    assert_eq!(number(&report["errors"]["refused"]), 3, "{report:#}");
    assert!(succeeded);
}

#[test]
fn reset_before_the_first_byte() {
    let server = Server::start(|mut client| {
        if client.read_request().is_some() {
            client.reset();
        }
    });
    assert_all_fail(&server, "reset_before_first_byte", &[]);
}

#[test]
fn reset_after_the_first_byte() {
    let server = Server::start(|mut client| {
        if client.read_request().is_some() {
            client.send(b"HTTP/1.1 200 OK\r\nContent-Le");
            client.reset();
        }
    });
    assert_all_fail(&server, "reset_after_first_byte", &[]);
}

#[test]
fn closed_early() {
    for cut_short in [
        &b""[..],
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n12345678",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    ] {
        assert_all_fail(&Server::closing_after(cut_short), "closed_early", &[]);
    }
}

#[test]
fn closed_while_idle_without_a_word() {
    // Every second request meets the connection that the answer before it came on.
    let (report, _) = measure(&Server::closing_after(OK), 10, &[]);
    let errors = &report["errors"];
    let lost = number(&errors["closed_early"]) + number(&errors["reset_before_first_byte"]);
    assert_eq!((number(&report["requests"]), lost), (5, 5), "{report:#}");
}

#[test]
fn timeout() {
    let silent = Server::start(|mut client| {
        client.read_request();
        client.hang();
    });
    assert_all_fail(&silent, "timeout", &["--timeout", "50ms"]);
    let halfway = Server::start(|mut client| {
        client.read_request();
        client.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1");
        client.hang();
    });
    assert_all_fail(&halfway, "timeout", &["--timeout", "50ms"]);
}

#[test]
fn bad_response() {
    for nonsense in [
        &b"220 smtp.example.org ESMTP\r\n\r\n"[..],
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nhello\r\n",
    ] {
        assert_all_fail(&Server::answering(nonsense), "bad_response", &[]);
    }
}

#[test]
fn wrong_body() {
    let longer = Server::answering(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nok");
    assert_all_fail(&longer, "wrong_body", &[]);
    assert_all_fail(&Server::answering(OK), "wrong_body", &["--body-bytes", "3"]);
    assert_all_succeed(&Server::answering(OK), 1, &["--body-bytes", "2"]);
}

#[test]
fn status() {
    let missing = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    assert_all_fail(&Server::answering(missing), "status", &[]);
    let broken = b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    assert_all_fail(&Server::closing_after(broken), "status", &[]);
}

#[test]
fn answers_of_every_framing() {
    assert_all_succeed(&Server::answering(OK), 1, &[]);
    assert_all_succeed(
        &Server::answering(b"HTTP/1.1 204 No Content\r\n\r\n"),
        1,
        &[],
    );
    let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
    assert_all_succeed(&Server::answering(chunked), 1, &["--body-bytes", "2"]);
    let interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    assert_all_succeed(&Server::answering(interim), 1, &[]);
    let old = b"HTTP/1.0 200 OK\r\n\r\nuntil the end";
    assert_all_succeed(&Server::closing_after(old), 3, &["--body-bytes", "13"]);
}

#[test]
fn answers_in_pieces() {
    for answer in [
        OK,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    ] {
        let server = Server::start(move |mut client| {
            while client.read_request().is_some() {
                client.dribble(answer);
            }
        });
        assert_all_succeed(&server, 1, &["--body-bytes", "2"]);
    }
}

#[test]
fn an_announced_close_is_no_error() {
    let parting = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok";
    assert_all_succeed(&Server::closing_after(parting), 3, &[]);
}

#[test]
fn without_keep_alive_each_request_has_its_connection_and_says_so() {
    let server = Server::start(|mut client| {
        while let Some(request) = client.read_request() {
            assert!(request.contains("\r\nConnection: close\r\n"), "{request}");
            client.send(OK);
        }
    });
    assert_all_succeed(&server, 3, &["--no-keep-alive"]);
}

#[test]
fn exactly_so_many_requests_are_sent() {
    let server = Server::answering(OK);
    for (connections, threads, requests) in [("7", "3", 100), ("64", "2", 5)] {
        let (before, n) = (server.requests(), requests.to_string());
        let url = server.url();
        let given = [
            &url,
            "-c",
            connections,
            "--threads",
            threads,
            "-n",
            &n,
            "--json",
        ];
        let report = parse(&finish(start(load(&given))));
        assert_eq!(number(&report["requests"]), requests, "{report:#}");
        assert_eq!(server.requests() - before, requests as usize);
    }
}

#[test]
fn requests_in_flight_at_the_end_are_told_apart() {
    // Two connections are never answered; the others are.
    let asked = AtomicUsize::new(0);
    let server = Server::start(move |mut client| {
        if client.read_request().is_some() && asked.fetch_add(1, Relaxed) < 2 {
            return client.hang();
        }
        client.send(OK);
        while client.read_request().is_some() {
            client.send(OK);
        }
    });
    let given = [
        &server.url(),
        "-c",
        "5",
        "--threads",
        "2",
        "-d",
        "1s",
        "--json",
    ];
    let output = finish(start(load(&given)));
    let report = parse(&output);
    assert_eq!(number(&report["never_answered"]), 2, "{report:#}");
    assert_eq!(number(&report["in_flight_at_stop"]), 5, "{report:#}");
    assert_eq!(total(&report["errors"]), 0, "{report:#}");
    assert!(number(&report["requests"]) > 0, "{report:#}");
    assert!(output.status.success());
}

#[test]
fn json_has_every_figure_and_percentiles_are_in_order() {
    let (report, _) = measure(&Server::answering(OK), 50, &[]);
    let latency = &report["latency_us"];
    let at = |name: &str| latency[name].as_f64().unwrap();
    let figures = ["p50", "p90", "p99", "p999", "max"].map(at);
    assert!(figures.is_sorted() && figures[0] > 0.0, "{report:#}");
    assert!(at("mean") > 0.0 && at("mean") <= at("max"), "{report:#}");
    assert_eq!(report["connections"], 1);
    assert_eq!(report["bytes"], 50 * OK.len());
    assert_eq!(report["interrupted"], false);
    let (seconds, per_s) = (&report["duration_s"], &report["requests_per_s"]);
    let product = seconds.as_f64().unwrap() * per_s.as_f64().unwrap();
    assert!((product - 50.0).abs() < 1e-6, "{report:#}");
    assert!(
        report["generator_cpu_s"].as_f64().unwrap() > 0.0,
        "{report:#}"
    );
}

#[test]
fn a_signal_ends_the_run_with_what_was_measured() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let server = Server::answering(OK);
        let child = start(load(&[&server.url(), "-c", "2", "-d", "1h", "--json"]));
        let deadline = Instant::now() + DEADLINE;
        while server.requests() < 100 && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(5));
        }
        kill(Pid::from_raw(child.id() as i32), signal).unwrap();
        let output = finish(child);
        let report = parse(&output);
        assert_eq!(report["interrupted"], true);
        assert!(number(&report["requests"]) > 0, "{report:#}");
        assert!(output.status.success(), "{output:?}");
    }
}

#[test]
fn the_table_is_plain_text_that_fits() {
    let missing = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    let server = Server::answering(missing);
    let output = finish(start(load(&[&server.url(), "-c", "1", "-n", "20"])));
    let text = String::from_utf8(output.stdout).unwrap();
    for words in ["requests/s", "p99.9", "20 failed", "status", "100.00 %"] {
        assert!(text.contains(words), "no {words:?} in\n{text}");
    }
    assert!(!text.contains('\x1b'), "{text:?}");
    assert!(
        text.lines().all(|line| line.chars().count() <= 100),
        "{text}"
    );
    assert!(output.stderr.is_empty(), "{:?}", output.stderr);
}

#[test]
fn wrong_calls_say_what_is_wrong() {
    let anywhere = "http://127.0.0.1:1/";
    for (arguments, words) in [
        (&[][..], "<URL>"),
        (&["127.0.0.1:1"], "should start with http://"),
        (&["https://127.0.0.1/"], "unknown scheme 'https'"),
        (&["http:///"], "names no host"),
        (&[anywhere, "-c", "0"], "--connections"),
        (&[anywhere, "-n", "0"], "--requests"),
        (&[anywhere, "-n", "5", "-d", "1s"], "cannot be used with"),
        (&[anywhere, "-d", "10"], "10s or 10ms"),
        (&[anywhere, "--timeout", "1h"], "at most 600 s"),
        (
            &[anywhere, "-c", "1", "--threads", "2"],
            "2 threads for 1 connection",
        ),
    ] {
        let output = finish(start(load(arguments)));
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(text.contains(words), "{arguments:?}: {text}");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {text}");
    }
}

#[test]
fn what_cannot_work_gives_one_line() {
    let server = Server::answering(OK);
    let nobody = "http://127.0.0.1:1/";
    for (arguments, words) in [
        (
            &[nobody][..],
            "cannot reach http://127.0.0.1:1/: connection refused (is the server running?)",
        ),
        (
            &["http://name.invalid/"],
            "cannot resolve the host 'name.invalid'",
        ),
        (
            &[&server.url(), "--cpus", "1000"],
            "cannot pin a thread to CPU 1000",
        ),
    ] {
        let output = finish(start(load(arguments)));
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(
            text.starts_with("servers: ") && text.contains(words),
            "{arguments:?}: {text}"
        );
        assert_eq!(
            (text.lines().count(), output.status.code()),
            (1, Some(1)),
            "{text}"
        );
        assert!(output.stdout.is_empty());
    }
}

/// `servers load` as a shell starts it that has set limits of descriptors.
fn load_within(limits: &str, arguments: &str) -> Output {
    let program = env!("CARGO_BIN_EXE_servers");
    let mut shell = Command::new("sh");
    shell
        .arg("-c")
        .arg(format!("{limits} && exec '{program}' load {arguments}"));
    finish(start(shell))
}

#[test]
fn descriptors_are_raised_to_the_hard_limit_and_no_further() {
    let server = Server::answering(OK);
    let arguments = format!("{} -c 100 -n 1000 --json", server.url());
    let report = parse(&load_within("ulimit -Sn 80", &arguments));
    assert_eq!(number(&report["requests"]), 1000, "{report:#}");
    let output = load_within("ulimit -n 80", &arguments);
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("the hard limit is 80"), "{text}");
    assert_eq!(output.status.code(), Some(1));
}
