//! The library that is not thread-safe: right under processes, wrong under threads.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

mod support;

use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Instant;

use servers::models;
use support::DEADLINE;
use support::server::{BINARY, Server};
use support::wire::{self, read_answer};

/// Several requests at once in one process; whatever else there is answers one at a time.
const SHARING: [&str; 4] = ["threaded", "prethreaded", "worker", "async"];
/// Two moments, and what they are called.
const MOMENTS: [(&str, &str); 2] = [
    ("/time?at=0", "Thu Jan  1 00:00:00 1970\n"),
    ("/time?at=117000000", "Sun Sep 16 04:00:00 1973\n"),
];
const CLIENTS: usize = 8;
/// What each client asks for before it is content.
const REQUESTS: usize = 50;

#[test]
fn threads_get_each_others_answers() {
    for model in SHARING {
        let server = Server::start(model, &["--threads", "4", "--workers", "2"]);
        let start = Instant::now();
        // One client gets a wrong answer before the deadline; until then all go on.
        let go_on = |_: usize| start.elapsed() < DEADLINE;
        assert!(
            some_answer_is_wrong(&server, go_on),
            "{model} made no mistake"
        );
    }
}

#[test]
fn processes_do_not() {
    for model in models::ALL.iter().map(|model| model.name) {
        if !SHARING.contains(&model) {
            let server = Server::start(model, &["--workers", "4"]);
            let go_on = |asked: usize| asked < REQUESTS;
            assert!(
                !some_answer_is_wrong(&server, go_on),
                "{model} made a mistake"
            );
        }
    }
}

/// Clients ask at the same time, half of them for one moment and half for the other, as long as
/// `go_on` says of the number of their requests, or until one gets a wrong answer.
fn some_answer_is_wrong(server: &Server, go_on: impl Fn(usize) -> bool + Sync) -> bool {
    let wrong = AtomicBool::new(false);
    let (go_on, wrong) = (&go_on, &wrong);
    thread::scope(|scope| {
        for number in 0..CLIENTS {
            scope.spawn(move || {
                let (path, right) = MOMENTS[number % MOMENTS.len()];
                let mut asked = 0;
                while go_on(asked) && !wrong.load(Relaxed) {
                    let client = server.connect();
                    wire::get_and_close(&client, path);
                    let answer = read_answer(&client);
                    assert_eq!(answer.status(), 200);
                    // Wrong, and yet well-formed: it is what another client asked for.
                    let text = answer.text();
                    assert!(MOMENTS.iter().any(|(_, known)| *known == text), "{text:?}");
                    wrong.fetch_or(text != right, Relaxed);
                    asked += 1;
                }
            });
        }
    });
    wrong.load(Relaxed)
}

fn bench(arguments: &[&str]) -> Output {
    let mut command = Command::new(BINARY);
    command.arg("bench").args(arguments).output().unwrap()
}

#[test]
fn the_bench_tells_them_apart() {
    let output = bench(&["prefork", "threaded", "--verify", "time", "--json"]);
    assert!(output.status.success(), "{output:?}");
    let verdicts: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let of = |index: usize, field: &str| verdicts[index][field].as_u64().unwrap();
    for index in [0, 1] {
        assert_eq!((of(index, "answers"), of(index, "errors")), (2000, 0));
    }
    assert_eq!(of(0, "wrong"), 0);
    assert!(verdicts[0]["example"].is_null());
    assert!(of(1, "wrong") > 0);
    let example = &verdicts[1]["example"];
    assert_ne!(example["right"], example["wrong"]);
    assert!(example["path"].as_str().unwrap().starts_with("/time?at="));
}

#[test]
fn the_bench_shows_a_table() {
    let output = bench(&["iterative", "--verify", "time", "-c", "2"]);
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let row = text.lines().find(|line| line.starts_with("iterative"));
    let cells: Vec<&str> = row.unwrap().split_whitespace().collect();
    assert_eq!(cells, ["iterative", "2,000", "0", "0.0", "%", "0"]);
}

#[test]
fn a_server_that_does_not_start_is_no_right_answer() {
    // The call is right; that there is no such place shows when the server starts.
    let pidfile = "--run-arg=--pidfile=/proc/no-such-place/pid";
    let output = bench(&["prefork", "--verify", "time", pidfile]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("prefork: did not start"), "{text}");
}

#[test]
fn options_of_measuring_are_refused() {
    let output = bench(&["prefork", "--verify", "time", "--quick"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}
