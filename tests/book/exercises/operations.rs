//! Exercises of the chapters on measuring, sizing and operating.
//!
//! Three of them change a program and no server.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::thread;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Serializer, V2DeflateSerializer};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};

use super::{Bare, DEADLINE, PATIENCE, Process, REQUEST, in_time, is_answered, soon, support};
use crate::bare;
use crate::support::proc::{self, status};

/// Chapter 18: a bad configuration changes nothing. A good one replaces the workers, and no client
/// waits for another one meanwhile.
fn reloads_in_order(name: &str) -> bool {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("workers.txt");
    fs::write(&file, "2\n").unwrap();
    let server = Bare::start_with(name, &[file.to_str().unwrap()]);
    support::wait_for("two workers", || workers(&server).len() == 2);
    let old = workers(&server);
    fs::write(&file, "many\n").unwrap();
    hang_up(&server);
    if !in_time(|| is_done(&server)) || !server.answers(PATIENCE) || workers(&server) != old {
        return false;
    }
    let usual = old.iter().map(|pid| sockets(*pid)).min().unwrap();
    let Some(mut client) = server.connect() else {
        return false;
    };
    let holder = || old.iter().copied().find(|pid| sockets(*pid) > usual);
    let mut found = None;
    in_time(|| {
        found = holder();
        found.is_some()
    });
    let Some(holder) = found else {
        return false;
    };
    fs::write(&file, "3\n").unwrap();
    hang_up(&server);
    let is_replaced = |workers: &BTreeSet<i32>| workers.intersection(&old).eq([&holder]);
    in_time(|| workers(&server).len() == 4 && is_replaced(&workers(&server)))
        && server.answers(PATIENCE)
        && client.write_all(REQUEST).is_ok()
        && is_answered(client)
        && in_time(|| workers(&server).len() == 3)
}

fn hang_up(server: &Bare) {
    kill(Pid::from_raw(server.pid()), Signal::SIGHUP).unwrap();
}

/// Whether the master has taken the signal, and waits again or has ended.
fn is_done(server: &Bare) -> bool {
    let is_pending = proc::pending_signals(server.pid()) != 0;
    !is_pending && "SZ".contains(Process::find(server.pid()).unwrap().state)
}

/// Children that have not ended.
fn workers(server: &Bare) -> BTreeSet<i32> {
    let lives = |pid: &i32| Process::find(*pid).is_some_and(|it| it.state != 'Z');
    server.children().into_iter().filter(lives).collect()
}

fn sockets(pid: i32) -> usize {
    let descriptors = Process::find(pid).map(|it| it.descriptors());
    let descriptors = descriptors.unwrap_or_default().into_iter();
    descriptors.filter(|it| it.starts_with("socket:")).count()
}

/// Chapter 19: workers have given up what they do not need, and the master has not.
fn drops_privileges(name: &str) -> bool {
    let server = Bare::start(name);
    support::wait_for("four workers", || server.children().len() == 4);
    in_time(|| server.children().into_iter().all(is_unprivileged))
        && ["Uid", "Gid", "Groups", "NoNewPrivs"].iter().all(|it| {
            let own = std::process::id().cast_signed();
            status(server.pid(), it) == status(own, it)
        })
        && server.answers(DEADLINE)
}

fn is_unprivileged(pid: i32) -> bool {
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap_or_default();
    let mut limits = limits.lines();
    let processes = limits.find_map(|line| line.strip_prefix("Max processes"));
    let mut processes = processes.unwrap_or_default().split_whitespace();
    let has_root = |it: &&str| status(pid, it).split_whitespace().any(|id| id == "0");
    status(pid, "NoNewPrivs") == "1"
        && processes.next() == Some("0")
        // Another user has no user or group of root.
        && (!geteuid().is_root() || !["Uid", "Gid", "Groups"].iter().any(has_root))
}

/// Chapter 20: each request has a line of its own in the log, and no client can write two.
fn logs_each_request(name: &str) -> bool {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("access.log");
    let server = Bare::start_with(name, &[file.to_str().unwrap()]);
    // All four workers serve some of them.
    let mut lines: Vec<String> = (0..12).map(|it| format!("GET /{it} HTTP/1.1")).collect();
    for line in &lines {
        assert!(asks(&server, line));
    }
    // The line is in the file before the answer is sent.
    assert!(asks(&server, "GET /a\nGET /forged HTTP/1.1"));
    lines.push("/forged HTTP/1.1".to_owned());
    let log = fs::read(&file).unwrap();
    let log = String::from_utf8_lossy(&log);
    let count = |text: &String| log.lines().filter(|line| line.contains(text)).count();
    log.lines().count() == lines.len() && lines.iter().all(|it| count(it) == 1)
}

/// Whether a request with this first line is answered.
fn asks(server: &Bare, line: &str) -> bool {
    let mut client = server.connect().unwrap();
    let request = format!("{line}\r\nHost: x\r\n\r\n");
    client.write_all(request.as_bytes()).is_ok() && is_answered(client)
}

/// Chapter 21: a generator finds the requests that were due while the server stalled.
///
/// The server takes 500 ms for one connection. The schedule has a request every 5 ms, so 80 are
/// due in the first 400 ms of that, and each of them is late by more than 100 ms at the end. A
/// slower machine makes more of them.
fn counts_from_the_intended_moment(name: &str) -> bool {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    // It ends with the test, since a generator that stops early connects no more.
    thread::spawn(move || {
        for (number, client) in listener.incoming().enumerate() {
            let mut client = client.unwrap();
            let _ = client.read(&mut [0; 4096]);
            if number == 100 {
                thread::sleep(Duration::from_millis(500));
            }
            let _ = client.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        }
    });
    let output = bare::output(name, &[&address]);
    let mut words = output.split_whitespace();
    let mut number = || words.find_map(|it| it.parse::<u32>().ok());
    number() == Some(400) && number().is_some_and(|slow| slow >= 80)
}

/// Chapter 22: silent and slow clients stay in front, and the server behind serves the others.
fn holds_clients_in_front(name: &str) -> bool {
    let behind = Bare::start("iterative");
    let front = Bare::start_with(name, &[&behind.address.to_string()]);
    let _silent: Vec<_> = (0..3).map(|_| front.connect().unwrap()).collect();
    let mut slow = front.connect().unwrap();
    let (begin, end) = REQUEST.split_at(10);
    slow.write_all(begin).unwrap();
    let listener = 1;
    !soon(|| behind.sockets() > listener)
        && front.answers(PATIENCE)
        && slow.write_all(end).is_ok()
        && is_answered(slow)
}

/// Chapter 23: with one queue seven workers keep the objective, six do not.
fn finds_the_fewest_workers(name: &str) -> bool {
    let output = bare::output(name, &[]);
    let last = output.lines().last().unwrap_or_default();
    last.starts_with("7 workers: ")
}

/// Chapter 25: the p99 of all requests. In both cases that of the first generator is 1 ms, and that
/// of the second 100 ms.
fn adds_histograms(name: &str) -> bool {
    // Of 2,000 requests 15 are slow, or 30.
    let pairs = [(15, 1_000.0), (30, 100_000.0)];
    pairs.iter().all(|&(slow, p99_us)| {
        let directory = tempfile::tempdir().unwrap();
        let files = [("0.json", 0), ("1.json", slow)].map(|(file, slow)| {
            let file = directory.path().join(file);
            fs::write(&file, result(1_000 - slow, slow)).unwrap();
            file.to_str().unwrap().to_owned()
        });
        let output = bare::output(name, &[&files[0], &files[1]]);
        let mut words = output.split_whitespace();
        let printed = words.find_map(|it| it.parse::<f64>().ok());
        // Three digits of a histogram are right.
        printed.is_some_and(|it| (it / p99_us - 1.0).abs() < 0.002)
    })
}

/// What the exercise reads of a result of `servers load --json`: requests of 1 ms and of 100 ms.
fn result(quick: u64, slow: u64) -> String {
    let mut response_ns = Histogram::<u64>::new_with_bounds(1, 3_600_000_000_000, 3).unwrap();
    response_ns.record_n(1_000_000, quick).unwrap();
    response_ns.record_n(100_000_000, slow).unwrap();
    let p99_us = response_ns.value_at_quantile(0.99) / 1_000;
    let mut bytes = Vec::new();
    let mut serializer = V2DeflateSerializer::new();
    serializer.serialize(&response_ns, &mut bytes).unwrap();
    let response = BASE64_STANDARD.encode(bytes);
    serde_json::json!({
        "response_us": { "p99": p99_us },
        "histograms": { "response": response },
    })
    .to_string()
}

/// An exercise: its name, and that of its solution; what is to be changed; whether a server or
/// program of that name is as the exercise asks.
struct Exercise {
    name: &'static str,
    unsolved: &'static str,
    check: fn(&str) -> bool,
}

const EXERCISES: &[Exercise] = &[
    Exercise {
        name: "reload",
        unsolved: "reload",
        check: reloads_in_order,
    },
    Exercise {
        name: "privileges",
        unsolved: "prefork",
        check: drops_privileges,
    },
    Exercise {
        name: "log",
        unsolved: "log",
        check: logs_each_request,
    },
    Exercise {
        name: "load",
        unsolved: "load",
        check: counts_from_the_intended_moment,
    },
    Exercise {
        name: "front",
        unsolved: "front",
        check: holds_clients_in_front,
    },
    Exercise {
        name: "sizing",
        unsolved: "sizing",
        check: finds_the_fewest_workers,
    },
    Exercise {
        name: "merge",
        unsolved: "merge",
        check: adds_histograms,
    },
];

#[test]
fn an_exercise_of_operations_fails_unsolved_and_passes_solved() {
    thread::scope(|scope| {
        for Exercise {
            name,
            unsolved,
            check,
        } in EXERCISES
        {
            scope.spawn(move || {
                assert!(!check(unsolved), "{name} needs no solution");
            });
            scope.spawn(move || {
                let solution = format!("solutions/{name}");
                assert!(check(&solution), "the solution of {name} is none");
            });
        }
    });
}

/// For a reader: whether the bare server or program itself has been changed as the exercise asks.
macro_rules! for_the_reader {
    ($($test:ident: $name:literal),* $(,)?) => {$(
        #[test]
        #[ignore = "passes when a reader has solved the exercise in examples/bare/"]
        fn $test() {
            let exercise = EXERCISES.iter().find(|it| it.name == $name).unwrap();
            assert!((exercise.check)(exercise.unsolved));
        }
    )*};
}

for_the_reader! {
    exercise_reload: "reload",
    exercise_privileges: "privileges",
    exercise_log: "log",
    exercise_load: "load",
    exercise_front: "front",
    exercise_sizing: "sizing",
    exercise_merge: "merge",
}

/// Each of these chapters has a change of the code, and exercises of the other kinds.
#[test]
fn chapters_of_operations_have_exercises_of_every_kind() {
    for chapter in [
        "18-reload-and-upgrade",
        "19-privileges",
        "20-watching",
        "21-coordinated-omission",
        "22-choosing",
        "23-sizing",
        "25-past-one-machine",
    ] {
        let chapters = Path::new(env!("CARGO_MANIFEST_DIR")).join("chapters");
        let text = fs::read_to_string(chapters.join(format!("{chapter}.md"))).unwrap();
        let (_, exercises) = text.split_once("\n## Exercises\n").unwrap();
        for kind in ["Predict", "Read code", "Operate"] {
            let names = [format!("**{kind}"), format!(" {kind}.**")];
            let has_kind = names.iter().any(|it| exercises.contains(it));
            assert!(has_kind, "{chapter} has no {kind}");
        }
        assert!(exercises.contains("\n## Change the code\n"), "{chapter}");
        let answers = exercises.matches("<details>").count();
        assert!((5..=8).contains(&answers), "{chapter} has {answers}");
    }
}
