//! The printed table, and command lines that are refused.

use super::*;

use std::sync::atomic::Ordering::Relaxed;

use nix::sched::{CpuSet, sched_getaffinity};
use nix::unistd::Pid;

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
        text.lines().all(|line| line.chars().count() <= 80),
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
        (
            &["https://127.0.0.1/"],
            "TLS costs every server model the same",
        ),
        (&["http:///"], "names no host"),
        (&[anywhere, "-c", "0"], "--connections"),
        (&[anywhere, "-c", "18446744073709551615"], "--connections"),
        (&[anywhere, "--threads", "4000"], "--threads"),
        (&[anywhere, "-n", "0"], "--requests"),
        (
            &[anywhere, "--rate", "5", "--stages", "1s:5"],
            "cannot be used with",
        ),
        (&[anywhere, "--rate", "0"], "more than 0"),
        (&[anywhere, "--stages", "1s"], "a stage is TIME:RATE"),
        (&[anywhere, "--find-max"], "--expect"),
        (&[anywhere, "--expect", "p99"], "write p50<20ms"),
        (&[anywhere, "--max-errors", "2"], "is no share"),
        (&[anywhere, "-X", "G T"], "is no method"),
        (&[anywhere, "-H", "no colon"], "write NAME: VALUE"),
        (&[anywhere, "--csv", "--json"], "cannot be used with"),
        (&[anywhere, "-d", "10"], "10s or 10ms"),
        (&[anywhere, "-d", "0s"], "nothing to do"),
        (&[anywhere, "--timeout", "0s"], "more than 0"),
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
    let refusing = "http://127.0.0.1:1/";
    for (arguments, words) in [
        (
            &[refusing][..],
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

/// Also if only the second thread's CPU is missing: the first would load the server until the end.
#[test]
fn a_processor_that_is_not_there_is_told_before_any_load() {
    let server = Server::answering(OK);
    let allowed = sched_getaffinity(Pid::from_raw(0)).unwrap();
    let here = (0..CpuSet::count()).find(|&cpu| allowed.is_set(cpu).unwrap());
    let cpus = format!("{},1000", here.unwrap());
    let line = [
        &server.url(),
        "--threads",
        "2",
        "--cpus",
        &cpus,
        "-d",
        "300s",
    ];
    let output = finish(start(load(&line)));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("cannot pin a thread to CPU 1000"), "{text}");
    assert_eq!(server.requests.load(Relaxed), 0);
}

/// Starts `servers load` by a shell that limits descriptors.
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
