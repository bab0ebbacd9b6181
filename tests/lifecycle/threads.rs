//! Threads made in advance: how many there are, what they share, and which die together.

use std::collections::BTreeSet;
use std::net::TcpStream;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::assert_serves;
use crate::support::proc::{self, Process};
use crate::support::server::Server;
use crate::support::wire::{self, read_answer};
use crate::support::{name, wait_for};

/// Process, thread and slot of the worker that serves the client.
fn who_serves(client: &TcpStream) -> (i32, i32, usize) {
    wire::get(client, "/pid");
    let text = read_answer(client).text();
    let numbers: Vec<i32> = text
        .split_whitespace()
        .map(|n| n.parse().unwrap())
        .collect();
    (numbers[0], numbers[1], numbers[2].try_into().unwrap())
}

/// Connects `count` clients. Each is served by a thread of its own as long as it is connected.
fn served(server: &Server, count: usize) -> Vec<(TcpStream, (i32, i32, usize))> {
    let clients: Vec<TcpStream> = (0..count).map(|_| server.connect()).collect();
    let serve = |client: TcpStream| {
        let who = who_serves(&client);
        (client, who)
    };
    clients.into_iter().map(serve).collect()
}

fn threads(server: &Server) -> usize {
    server.tree().iter().map(Process::threads).sum()
}

/// Connections that the server has accepted: its sockets without the listener.
fn accepted(server: &Server) -> usize {
    let descriptors = Process::find(server.pid()).unwrap().descriptors();
    let is_socket = |target: &&String| target.starts_with("socket:");
    descriptors.iter().filter(is_socket).count() - 1
}

#[test]
fn threads_are_made_in_advance_and_stay_the_same() {
    // The main thread; in a pool of processes, the master's and those of the workers.
    let models: [(&[&str], usize); 4] = [
        (&["prethreaded", "--threads", "6"], 1 + 6),
        (
            &["prethreaded", "--accept", "main", "--threads", "6"],
            1 + 6,
        ),
        (
            &["worker", "--workers", "2", "--threads", "3"],
            1 + 2 * (1 + 3),
        ),
        (&["async", "--threads", "6"], 1 + 6),
    ];
    for (call, expected) in models {
        let server = Server::start(call[0], &call[1..]);
        wait_for("all threads are there", || threads(&server) == expected);
        let clients = served(&server, 6);
        assert_eq!(threads(&server), expected, "{call:?} with clients");
        drop(clients);
        for _ in 0..50 {
            assert_serves(&server);
        }
        assert_eq!(threads(&server), expected, "{call:?} after clients");
    }
}

/// N × M clients at once, each with a slot of its own; the next one waits.
#[test]
fn worker_serves_threads_times_processes_at_once() {
    let options = [
        "--workers",
        "3",
        "--threads",
        "4",
        "--keep-alive-timeout",
        "300s",
    ];
    let server = Server::start("worker", &options);
    let clients = served(&server, 12);
    let slots: BTreeSet<usize> = clients.iter().map(|(_, who)| who.2).collect();
    assert_eq!(slots, (0..12).collect());
    let of_process = |slot: usize| clients.iter().find(|(_, who)| who.2 == slot).unwrap().1.0;
    for slot in 0..12 {
        assert_eq!(
            of_process(slot),
            of_process(slot / 4 * 4),
            "four in a row are siblings"
        );
    }
    let next = server.connect();
    wire::get(&next, "/");
    let socket = proc::socket(server.address, next.local_addr().unwrap()).unwrap();
    assert!(socket.unread > 0, "no thread is left to read it");
    drop(clients);
    assert_eq!(read_answer(&next).status(), 200);
}

/// A killed process loses its clients. Those of its sibling are safe, and another process takes its
/// place.
#[test]
fn a_dying_process_takes_the_clients_of_its_threads_along() {
    let options = [
        "--workers",
        "2",
        "--threads",
        "3",
        "--keep-alive-timeout",
        "300s",
    ];
    let server = Server::start("worker", &options);
    let clients = served(&server, 6);
    let victim = clients[0].1.0;
    kill(Pid::from_raw(victim), Signal::SIGKILL).unwrap();
    let (lost, kept): (Vec<_>, Vec<_>) = clients.iter().partition(|(_, who)| who.0 == victim);
    assert_eq!((lost.len(), kept.len()), (3, 3));
    for (client, _) in lost {
        assert!(wire::read_to_end(client).0.is_empty());
    }
    for (client, who) in kept {
        assert_eq!(who_serves(client), *who);
    }
    wait_for("another process in its place", || {
        let children = server.children();
        children.len() == 2 && children.iter().all(|child| child.pid != victim)
    });
    let slots: BTreeSet<usize> = served(&server, 3).iter().map(|(_, who)| who.2).collect();
    assert_eq!(slots.len(), 3);
}

/// The threads of a process share what one of them has loaded. Other processes do not.
#[test]
fn an_object_is_shared_within_a_process() {
    let options = [
        "--workers",
        "2",
        "--threads",
        "3",
        "--keep-alive-timeout",
        "300s",
    ];
    let server = Server::start("worker", &options);
    let clients = served(&server, 6);
    let mut loaders = BTreeSet::new();
    for (client, (pid, ..)) in &clients {
        wire::get(client, "/cache");
        let text = read_answer(client).text();
        assert!(
            text.contains(&format!("loaded by process {pid} ")),
            "{text}"
        );
        loaders.insert(*pid);
    }
    assert_eq!(loaders.len(), 2);
    for (client, _) in &clients[..2] {
        wire::get(client, "/cache");
        let text = read_answer(client).text();
        // Three threads have used it before.
        assert!(
            text.ends_with("uses: 4\n") || text.ends_with("uses: 5\n"),
            "{text}"
        );
    }
}

/// With fork each process loads it again, so it is never used twice.
#[test]
fn an_object_dies_with_its_process() {
    let server = Server::start("fork", &[]);
    for _ in 0..3 {
        let client = server.connect();
        wire::get(&client, "/cache");
        assert!(read_answer(&client).text().ends_with("uses: 1\n"));
    }
}

/// One client is served, one is in the queue, and the main thread holds one. The others stay in the
/// accept queue.
#[test]
fn the_queue_of_the_main_thread_is_bounded() {
    let options = [
        "--accept",
        "main",
        "--threads",
        "1",
        "--keep-alive-timeout",
        "300s",
    ];
    let mut server = Server::start("prethreaded", &options);
    // This client holds the thread for as long as it is connected.
    let busy = server.connect();
    who_serves(&busy);
    let waiting: Vec<TcpStream> = (0..10).map(|_| server.connect()).collect();
    wait_for("the queue is full", || accepted(&server) == 3);
    for client in &waiting {
        wire::get_and_close(client, "/");
    }
    assert_eq!(accepted(&server), 3, "as long as the thread is busy");
    server.signal(Signal::SIGTERM);
    assert_eq!(wire::read_to_end(&busy), (Vec::new(), false));
    for client in &waiting {
        assert_eq!(read_answer(client).status(), 200);
    }
    assert_eq!(server.wait().code(), Some(0), "{}", server.said());
}

#[test]
fn a_hand_over_from_the_main_thread_stops_in_good_order() {
    let options = ["--accept", "main", "--keep-alive-timeout", "300s"];
    let mut server = Server::start("prethreaded", &options);
    let idle = server.connect();
    who_serves(&idle);
    let busy = server.connect();
    wire::get(&busy, "/sleep?ms=700");
    server.wait_until_read(&busy);
    server.signal(Signal::SIGTERM);
    assert_eq!(wire::read_to_end(&idle), (Vec::new(), false));
    assert_eq!(read_answer(&busy).text(), "slept 700 ms\n");
    assert_eq!(server.wait().code(), Some(0), "{}", server.said());
}

/// A request that blocks a thread of the runtime holds up the tasks that wait for that thread. As
/// many such requests as there are threads hold up all.
#[test]
fn async_stands_still_when_all_its_threads_are_blocked() {
    let model = name("r#async");
    let server = Server::start(model, &["--threads", "1"]);
    let first = server.connect();
    wire::get_and_close(&first, "/sleep?ms=500");
    server.wait_until_read(&first);
    let second = server.connect();
    wire::get_and_close(&second, "/");
    assert_eq!(read_answer(&second).status(), 200);
    first.set_nonblocking(true).unwrap();
    assert!(
        first.peek(&mut [0]).is_ok(),
        "the first was answered before the second"
    );
}
