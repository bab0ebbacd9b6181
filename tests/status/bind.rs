//! `--status-bind`: the status at an address of its own.

use std::net::{SocketAddr, TcpListener, TcpStream};

use nix::sys::signal::Signal;
use nix::unistd::{Pid, geteuid};

use crate::support::proc::{self, Process};
use crate::support::server::{BINARY, Server};
use crate::support::wire::{self, Answer};
use crate::support::{DEADLINE, has_master, wait_for};
use crate::{for_every_model, get, hold};

for_every_model! {
    it_answers_when_all_workers_are_busy,
    it_says_that_a_server_drains,
    it_shows_nothing_else_and_the_other_address_no_status,
    a_stopped_one_holds_up_no_stop,
}

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.2:0").unwrap();
    listener.local_addr().unwrap()
}

fn start(model: &str, options: &[&str]) -> (Server, SocketAddr) {
    let address = free_address();
    let option = format!("--status-bind={address}");
    let server = Server::start(model, &[&[&*option], options].concat());
    (server, address)
}

fn try_ask(address: SocketAddr, path: &str, host: &str) -> Option<Answer> {
    let client = TcpStream::connect_timeout(&address, DEADLINE).ok()?;
    client.set_read_timeout(Some(DEADLINE)).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    wire::send(&client, request.as_bytes());
    wire::try_read_answer(&client).ok()
}

#[track_caller]
fn status_of(address: SocketAddr, path: &str) -> u16 {
    try_ask(address, path, "127.0.0.2")
        .expect("an answer")
        .status()
}

/// The process that is at work for the status alone.
fn status_process(server: &Server) -> Option<Process> {
    let children = server.children();
    let is_it = |it: &Process| {
        let line = std::fs::read_to_string(format!("/proc/{}/cmdline", it.pid));
        line.is_ok_and(|line| line.contains("status of"))
    };
    children.into_iter().find(is_it)
}

fn it_answers_when_all_workers_are_busy(model: &str) {
    let (server, address) = start(model, &["--workers", "1", "--max-wait", "1000s"]);
    let _busy = hold(&server);
    for _ in 0..3 {
        for path in ["/status", "/status?json", "/metrics", "/ready"] {
            assert_eq!(status_of(address, path), 200, "{path}");
        }
    }
    let answer = try_ask(address, "/status?json", "127.0.0.2").unwrap();
    let report: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(report["pid"], server.pid());
    assert_eq!(report["busy"], 1, "{report}");
    // A slow client of the status holds up no other one.
    let slow = TcpStream::connect(address).unwrap();
    wire::send(&slow, b"GET /status");
    assert_eq!(status_of(address, "/status"), 200);
}

fn it_says_that_a_server_drains(model: &str) {
    let (mut server, address) = start(model, &["--drain-delay", "3000s"]);
    assert_eq!(status_of(address, "/ready"), 200);
    server.signal(Signal::SIGTERM);
    wait_for("it is not ready", || status_of(address, "/ready") == 503);
    assert_eq!(status_of(address, "/status"), 503);
    server.signal(Signal::SIGTERM);
    assert_eq!(server.wait().code(), Some(0), "{}", server.said());
    wait_for("the address is free", || TcpListener::bind(address).is_ok());
}

fn it_shows_nothing_else_and_the_other_address_no_status(model: &str) {
    let (server, address) = start(model, &[]);
    for path in ["/", "/pid", "/bytes?n=1", "/files/"] {
        assert_eq!(status_of(address, path), 404, "{path}");
    }
    assert_eq!(get(&server, "/status").status(), 404);
    assert_eq!(get(&server, "/metrics").status(), 404);
    assert_eq!(
        get(&server, "/ready").status(),
        200,
        "balancers ask where clients go"
    );
    // DNS rebinding, as at the other address.
    let rebound = try_ask(address, "/status", "evil.example").unwrap();
    assert_eq!(rebound.status(), 403);
    let (both, address) = start(model, &["--status", "local"]);
    assert_eq!(get(&both, "/status").status(), 200);
    assert_eq!(status_of(address, "/status"), 200);
}

/// The main process does not wait for it.
fn a_stopped_one_holds_up_no_stop(model: &str) {
    let (mut server, address) = start(model, &["--workers", "1"]);
    assert_eq!(status_of(address, "/status"), 200);
    let is_it = |it: &Process| it.pid != server.pid() && holds(address, it);
    let stopped = server.tree().into_iter().find(is_it).unwrap();
    nix::sys::signal::kill(Pid::from_raw(stopped.pid), Signal::SIGSTOP).unwrap();
    assert_eq!(get(&server, "/").status(), 200);
    server.signal(Signal::SIGTERM);
    assert_eq!(server.wait().code(), Some(0), "{}", server.said());
    wait_for("it is gone as well", || !stopped.is_alive());
}

#[test]
fn a_master_starts_it_again_and_has_one_alone() {
    for model in ["prefork", "worker", "event"] {
        let (server, address) = start(model, &["--workers", "2"]);
        assert_eq!(status_of(address, "/status"), 200);
        let first = status_process(&server).unwrap();
        nix::sys::signal::kill(Pid::from_raw(first.pid), Signal::SIGKILL).unwrap();
        wait_for("another one answers", || {
            let second = status_process(&server);
            second.is_some_and(|it| it.pid != first.pid)
                && try_ask(address, "/status", "127.0.0.2").is_some_and(|it| it.status() == 200)
        });
        assert_eq!(server.children().len(), 3);
        assert!(
            server.said().contains("the process for --status-bind"),
            "{}",
            server.said()
        );
    }
}

/// It has as few privileges as a worker, and no worker has its listener.
#[test]
fn it_has_few_privileges_and_shares_nothing_with_workers() {
    let is_root = geteuid().is_root();
    let user: &[&str] = if is_root { &["--user", "nobody"] } else { &[] };
    for model in ["prefork", "epoll", "fork"] {
        let options = [&["--workers", "2", "--sandbox"], user].concat();
        let (server, address) = start(model, &options);
        assert_eq!(status_of(address, "/status"), 200);
        get(&server, "/");
        let is_listener = |inode: &str| listens(address, inode);
        let holders = || {
            let mut tree = server.tree();
            tree.retain(|it| it.descriptors().iter().any(|name| is_listener(name)));
            tree
        };
        let few = if has_master(model) { 2 } else { 1 };
        wait_for("only the process that needs it", || holders().len() == few);
        let its = holders();
        let last = its.iter().find(|it| it.pid != server.pid()).unwrap();
        assert_eq!(proc::status(last.pid, "Seccomp"), "2");
        assert!(!is_root || !proc::status(last.pid, "Uid").starts_with("0\t"));
    }
}

/// Whether the process listens at the address.
fn holds(address: SocketAddr, process: &Process) -> bool {
    let held = process.descriptors();
    held.iter().any(|name| listens(address, name))
}

/// Whether this name from `/proc/PID/fd` is a socket that listens at the address.
fn listens(address: SocketAddr, name: &str) -> bool {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let port = format!(":{:04X}", address.port());
    let mut rows = table
        .lines()
        .map(|row| row.split_whitespace().collect::<Vec<_>>());
    rows.any(|row| {
        let is_it = row.get(1).is_some_and(|it| it.ends_with(&port)) && row.get(3) == Some(&"0A");
        is_it && name == format!("socket:[{}]", row[9])
    })
}

#[test]
fn a_successor_has_the_address_as_well() {
    let directory = tempfile::tempdir().unwrap();
    let pidfile = format!("--pidfile={}", directory.path().join("pid").display());
    let (mut server, address) = start("prefork", &["--workers", "1", &pidfile]);
    let output = std::process::Command::new(BINARY)
        .args(["ctl", "upgrade", "--pidfile"])
        .arg(directory.path().join("pid"))
        .output()
        .unwrap();
    assert_eq!(
        output.status.code(),
        Some(0),
        "{output:?}: {}",
        server.said()
    );
    server.wait();
    let named = std::fs::read_to_string(directory.path().join("pid")).unwrap();
    let successor: i32 = named.trim().parse().unwrap();
    let answer = try_ask(address, "/status?json", "127.0.0.2").unwrap();
    let report: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(report["pid"], successor);
    proc::kill_tree(successor);
}

/// Another server on the address is found out at the start.
#[test]
fn an_address_that_is_taken_is_refused() {
    let (_server, address) = start("prefork", &[]);
    for (bind, words) in [
        (address.to_string(), "choose one with --status-bind"),
        ("unix:/tmp/a".to_owned(), "the status has no Unix socket"),
    ] {
        let output = std::process::Command::new(BINARY)
            .args([
                "run",
                "epoll",
                "--bind",
                "127.0.0.1:0",
                "--status-bind",
                &bind,
            ])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(words), "{said}");
    }
}
