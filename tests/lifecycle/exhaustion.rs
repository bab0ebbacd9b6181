//! Out of descriptors, processes or threads: the server pauses. It neither dies nor spins.

use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::support::server::{BINARY, Server};
use crate::support::wire::{self, read_answer};
use crate::support::{DEADLINE, can_run, limited, proc, wait_for};
use crate::{assert_serves, for_every_model};

for_every_model! {
    a_lack_of_descriptors_is_waited_out,
}

/// The CPU time that a second of waiting may take. A server that spins uses the whole second.
const QUIET_S: f64 = 0.3;

/// There are more clients than the process may have descriptors. Where each client has a process of
/// its own, descriptors suffice, and all clients are answered.
pub(crate) fn a_lack_of_descriptors_is_waited_out(model: &str) {
    let mut launcher = Command::new("sh");
    launcher.args(["-c", "ulimit -n 16; exec \"$0\" \"$@\"", BINARY]);
    let options = ["--keep-alive-timeout", "300s", "--head-timeout", "300s"];
    let mut server = Server::start_by(launcher, model, &options);
    let held: Vec<TcpStream> = (0..40).map(|_| server.connect()).collect();
    for client in &held {
        wire::get(client, "/");
    }
    if ["threaded", "async", "uring"].contains(&model) {
        wait_for("the log says what is missing", || {
            server.said().contains("accept: ")
        });
    }
    assert_quiet(&server);
    assert!(server.is_running());
    drop(held);
    assert_serves(&server);
}

#[test]
fn threaded_drains_the_queue_through_a_lack_of_descriptors() {
    drains_the_queue_through_a_lack_of_descriptors("threaded");
}

#[test]
fn async_drains_the_queue_through_a_lack_of_descriptors() {
    drains_the_queue_through_a_lack_of_descriptors("async");
}

#[test]
fn uring_drains_the_queue_through_a_lack_of_descriptors() {
    if can_run("uring") {
        drains_the_queue_through_a_lack_of_descriptors("uring");
    }
}

/// Connections in the accept queue are answered before the end, even if descriptors lack for a
/// while. They lack as long as no client has sent a complete request.
fn drains_the_queue_through_a_lack_of_descriptors(model: &str) {
    let mut launcher = Command::new("sh");
    launcher.args(["-c", "ulimit -n 16; exec \"$0\" \"$@\"", BINARY]);
    let mut server = Server::start_by(launcher, model, &["--head-timeout", "300s"]);
    let clients: Vec<TcpStream> = (0..30).map(|_| server.connect()).collect();
    for client in &clients {
        wire::send(
            client,
            b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n",
        );
    }
    wait_for("the log says what is missing", || {
        server.said().contains("accept: ")
    });
    server.signal(Signal::SIGTERM);
    wait_for("the signal arrives", || {
        proc::pending_signals(server.pid()) == 0
    });
    for client in &clients {
        wire::send(client, b"\r\n");
        assert_eq!(read_answer(client).status(), 200);
    }
    assert_eq!(server.wait().code(), Some(0), "{}", server.said());
}

#[test]
fn fork_waits_out_a_lack_of_processes() {
    waits_out_a_lack_of_processes("fork", "fork: ");
}

#[test]
fn threaded_waits_out_a_lack_of_threads() {
    waits_out_a_lack_of_processes("threaded", "thread: ");
}

/// The system refuses processes when the pool is filled: the workers that exist serve.
#[test]
fn prefork_serves_with_fewer_workers_than_asked_for() {
    let Some((launcher, _place)) = few_processes("prefork") else {
        return;
    };
    let mut server = Server::start_by(launcher, "prefork", &["--workers", "30"]);
    wait_for("the log says what is missing", || {
        server.said().contains("fork: ")
    });
    assert_quiet(&server);
    assert_serves(&server);
    assert!(server.is_running());
}

#[test]
fn prethreaded_serves_with_fewer_threads_than_asked_for() {
    for accept in ["mutex", "main"] {
        let Some((launcher, _place)) = few_processes(accept) else {
            return;
        };
        let options = ["--threads", "30", "--accept", accept];
        let mut server = Server::start_by(launcher, "prethreaded", &options);
        wait_for("the log says what is missing", || {
            server.said().contains("thread: ")
        });
        assert_quiet(&server);
        assert_serves(&server);
        server.signal(Signal::SIGTERM);
        assert_eq!(server.wait().code(), Some(0), "{}", server.said());
    }
}

/// Its runtime needs all its threads. Without them the server says so, and nothing else.
#[test]
fn async_without_threads_ends_before_it_announces_its_port() {
    let Some((mut launcher, _place)) = few_processes("async") else {
        return;
    };
    let line = ["run", "async", "--bind", "127.0.0.1:0", "--threads", "30"];
    let mut child = launcher
        .args(line)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + DEADLINE;
    while child.try_wait().unwrap().is_none() && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(20));
    }
    let has_ended = child.try_wait().unwrap().is_some();
    child.kill().unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(has_ended, "the server hangs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(output.stdout.is_empty(), "it announces no port");
    assert!(said.contains("no 30 threads"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}

/// A lack that lasts is told at once, and then seldom: the log does not grow with it.
#[test]
fn a_lack_that_lasts_makes_few_log_lines() {
    for model in ["threaded", "epoll", "event --workers 2", "uring", "async"] {
        if !can_run(model) {
            continue;
        }
        let mut launcher = Command::new("sh");
        launcher.args(["-c", "ulimit -n 16; exec \"$0\" \"$@\"", BINARY]);
        let options = ["--keep-alive-timeout", "300s", "--head-timeout", "300s"];
        let server = Server::start_by(launcher, model, &options);
        let held: Vec<TcpStream> = (0..40).map(|_| server.connect()).collect();
        for client in &held {
            wire::get(client, "/");
        }
        thread::sleep(Duration::from_secs(2));
        let said = server.said();
        let lines = said
            .lines()
            .filter(|line| line.contains("accept: "))
            .count();
        assert!(
            (1..=2).contains(&lines),
            "{model}: at most one a process: {said}"
        );
    }
}

fn waits_out_a_lack_of_processes(model: &str, complaint: &str) {
    let Some((launcher, _place)) = few_processes(model) else {
        return;
    };
    let mut server = Server::start_by(launcher, model, &["--keep-alive-timeout", "300s"]);
    let held: Vec<TcpStream> = (0..20).map(|_| server.connect()).collect();
    for client in &held {
        wire::get(client, "/");
    }
    assert_eq!(read_answer(&held[0]).status(), 200);
    wait_for("the log says what is missing", || {
        server.said().contains(complaint)
    });
    assert_quiet(&server);
    assert!(server.is_running());
    // It has tried again many times in that second.
    let said = server.said();
    let lines = said.lines().filter(|line| line.contains(complaint));
    assert_eq!(lines.count(), 1, "{said}");
    // Each client that leaves frees a place for one that waits. In the end all are answered.
    let mut waiting = held.into_iter();
    drop(waiting.next());
    for client in waiting {
        assert_eq!(read_answer(&client).status(), 200);
    }
    assert_serves(&server);
}

/// Ten processes and threads, for a user of each test's own.
fn few_processes(model: &str) -> Option<(Command, tempfile::TempDir)> {
    let number = model.bytes().map(u32::from).sum();
    limited::few_processes("10", limited::user(number))
}

/// This compares CPU time and not duration: on a busy machine too, waiting costs nothing.
#[track_caller]
pub(crate) fn assert_quiet(server: &Server) {
    let before = proc::cpu_seconds(server.pid());
    thread::sleep(Duration::from_secs(1));
    let used = proc::cpu_seconds(server.pid()) - before;
    assert!(used < QUIET_S, "{used} s of CPU in a second of waiting");
}
