//! Out of descriptors, processes or threads: the server pauses, neither dying nor spinning.

use std::net::TcpStream;
use std::process::Command;
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::support::server::{BINARY, Server};
use crate::support::wire::{self, read_answer};
use crate::support::{can_run, limited, proc, wait_for};
use crate::{assert_serves, for_every_model};

for_every_model! {
    a_lack_of_descriptors_is_waited_out,
}

/// The CPU that a second of waiting may take; a server that spins takes all of it.
const QUIET_S: f64 = 0.3;

/// More clients than the process may have descriptors. Where each client has a process of its own
/// there is no such lack, and all are answered.
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
        wait_for("it says what it lacks", || {
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

/// Those in the accept queue are answered before the end, even if descriptors lack for a while: as
/// long as nobody has sent a whole request.
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
    wait_for("it says what it lacks", || {
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

/// A lack of processes when the pool is to be filled: the workers that there are serve.
#[test]
fn prefork_serves_with_fewer_workers_than_asked_for() {
    let Some((launcher, _place)) = few_processes("prefork") else {
        return;
    };
    let mut server = Server::start_by(launcher, "prefork", &["--workers", "30"]);
    wait_for("it says what it lacks", || server.said().contains("fork: "));
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
        wait_for("it says what it lacks", || {
            server.said().contains("thread: ")
        });
        assert_quiet(&server);
        assert_serves(&server);
        server.signal(Signal::SIGTERM);
        assert_eq!(server.wait().code(), Some(0), "{}", server.said());
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
    wait_for("it says what it lacks", || {
        server.said().contains(complaint)
    });
    assert_quiet(&server);
    assert!(server.is_running());
    // As each client leaves, a place is free for one that waits: all are answered in the end.
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

/// CPU time, not duration: however long the second takes, waiting costs nothing.
#[track_caller]
pub(crate) fn assert_quiet(server: &Server) {
    let before = proc::cpu_seconds(server.pid());
    thread::sleep(Duration::from_secs(1));
    let used = proc::cpu_seconds(server.pid()) - before;
    assert!(used < QUIET_S, "{used} s of CPU in a second of waiting");
}
