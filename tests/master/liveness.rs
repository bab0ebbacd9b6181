//! Who is wedged is replaced; who is slow is left alone.

use std::io::Read;
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;
use servers::scoreboard::{PoolEvent, State};

use crate::support::wire::{self, read_answer};
use crate::support::{DEADLINE, wait_for};
use crate::{
    assert_cut, assert_serves, count, for_every_pool, hold, send, served_by, start, start_model,
    states, workers,
};

for_every_pool! {
    a_worker_that_hangs_is_replaced_while_others_serve,
    a_worker_that_spins_is_replaced_while_others_serve,
    a_stopped_worker_is_killed_and_replaced,
    a_slow_request_is_not_a_wedged_worker,
    clients_that_take_their_time_cost_no_worker_its_life,
    a_master_that_was_suspended_kills_nobody,
}

const QUICK: [&str; 3] = ["--lab", "--worker-timeout", "1s"];

fn a_worker_that_hangs_is_replaced_while_others_serve(model: &str) {
    a_wedged_worker_is_replaced(model, "/hang");
}

fn a_worker_that_spins_is_replaced_while_others_serve(model: &str) {
    a_wedged_worker_is_replaced(model, "/spin");
}

fn a_wedged_worker_is_replaced(model: &str, path: &str) {
    let server = start_model(model, 2, &QUICK);
    let client = server.connect();
    let victim = served_by(&client);
    wire::get(&client, path);
    server.wait_until_read(&client);
    assert_serves(&server);
    assert_cut(&client);
    wait_for("another in its place", || {
        let workers = workers(&server);
        workers.len() == 2 && !workers.contains(&victim)
    });
    assert_serves(&server);
    // Its successor may be there before it is buried.
    wait_for("it is buried", || {
        server.said().contains("was killed by SIGABRT")
    });
    let said = server.said();
    assert!(said.contains("is wedged: no sign of life for"), "{said}");
    assert!(count(&server, PoolEvent::Wedged) >= 1);
}

#[test]
fn a_pool_that_hangs_as_a_whole_recovers() {
    let server = start(2, &QUICK);
    let clients: Vec<_> = (0..2).map(|_| server.connect()).collect();
    for client in &clients {
        wire::get(client, "/hang");
        server.wait_until_read(client);
    }
    assert_serves(&server);
    clients.iter().for_each(assert_cut);
}

/// SIGABRT waits for as long as a process is stopped; SIGKILL does not.
fn a_stopped_worker_is_killed_and_replaced(model: &str) {
    let server = start_model(model, 2, &QUICK);
    let victim = workers(&server)[0];
    send(victim, Signal::SIGSTOP);
    wait_for("another in its place", || {
        let workers = workers(&server);
        workers.len() == 2 && !workers.contains(&victim)
    });
    let said = server.said();
    let place = |words: &str| {
        said.find(words)
            .unwrap_or_else(|| panic!("no {words}: {said}"))
    };
    let asked = place("(--worker-timeout): SIGABRT");
    assert!(asked < place("is still there: SIGKILL"), "{said}");
    assert_serves(&server);
}

/// Three times as long as a worker may be silent.
fn a_slow_request_is_not_a_wedged_worker(model: &str) {
    let server = start_model(model, 1, &QUICK);
    for path in ["/sleep?ms=3000", "/cpu?ms=1500"] {
        let client = server.connect();
        // CPU time is not to be had at once on a crowded machine.
        client.set_read_timeout(Some(6 * DEADLINE)).unwrap();
        wire::get_and_close(&client, path);
        assert_eq!(read_answer(&client).status(), 200, "{}", server.said());
    }
    assert_eq!(server.said(), "");
}

/// One says nothing, one does not read, one sends an octet now and then: each has the only worker
/// for longer than a worker may be silent.
fn clients_that_take_their_time_cost_no_worker_its_life(model: &str) {
    let server = start_model(model, 1, &[&QUICK[..], &["--head-timeout", "3s"]].concat());
    let before = workers(&server);
    let silent = server.connect();
    assert_cut(&silent);
    let mut lazy = server.connect();
    wire::get_and_close(&lazy, "/bytes?n=50000000");
    lazy.read_exact(&mut [0; 1000]).unwrap();
    thread::sleep(Duration::from_secs(3));
    assert!(!wire::read_to_end(&lazy).1);
    assert_eq!(workers(&server), before);
    assert_eq!(server.said(), "");
    // Its octets may come far more slowly than it sends them.
    let server = start_model(model, 1, &QUICK);
    let before = workers(&server);
    let dribbling = server.connect();
    for octet in b"GET / HTTP/1.1\r\n" {
        wire::send(&dribbling, &[*octet]);
        thread::sleep(Duration::from_millis(150));
    }
    wire::send(&dribbling, b"Host: h\r\nConnection: close\r\n\r\n");
    assert_eq!(read_answer(&dribbling).status(), 200);
    assert_eq!(workers(&server), before);
    assert_eq!(server.said(), "");
}

/// It is the request that takes too long: its worker is as lively as can be.
#[test]
fn a_request_timeout_is_something_else_and_says_so() {
    let server = start(2, &["--request-timeout", "1s", "--max-wait", "1000s"]);
    let kept = hold(&server, 1);
    let client = server.connect();
    let victim = served_by(&client);
    wire::get(&client, "/sleep?ms=1000000");
    assert_cut(&client);
    wait_for("another in its place", || {
        let workers = workers(&server);
        workers.len() == 2 && !workers.contains(&victim)
    });
    let said = server.said();
    assert!(said.contains("is overdue: a request has taken"), "{said}");
    assert!(!said.contains("wedged"), "{said}");
    assert_eq!(count(&server, PoolEvent::Overdue), 1);
    // A connection that was idle all the while is no request.
    served_by(&kept[0]);
}

/// A laptop's lid, a debugger, a paused virtual machine: for the master no time has passed.
fn a_master_that_was_suspended_kills_nobody(model: &str) {
    let server = start_model(model, 3, &QUICK);
    let before = workers(&server);
    for together in [false, true] {
        let all: Vec<i32> = match together {
            true => before.iter().copied().chain([server.pid()]).collect(),
            false => vec![server.pid()],
        };
        all.iter().for_each(|&pid| send(pid, Signal::SIGSTOP));
        thread::sleep(Duration::from_secs(3));
        // The master wakes first: it must give the others the time to wake as well.
        all.iter().rev().for_each(|&pid| send(pid, Signal::SIGCONT));
        thread::sleep(Duration::from_secs(2));
        assert_eq!(workers(&server), before);
    }
    assert_eq!(server.said(), "");
    assert_serves(&server);
}

/// Nor is anybody late who was told to leave before it was suspended.
#[test]
fn a_master_that_was_suspended_gives_the_leaving_their_time() {
    let server = start(1, &["--graceful-timeout", "4s", "--max-wait", "20s"]);
    let client = server.connect();
    wire::get_and_close(&client, "/sleep?ms=6000");
    server.wait_until_read(&client);
    let old = workers(&server)[0];
    server.signal(Signal::SIGHUP);
    wait_for("the old one is told to leave", || {
        states(&server).contains(&State::Retiring)
    });
    suspend(&[server.pid()], Duration::from_secs(4));
    assert_eq!(read_answer(&client).status(), 200, "{}", server.said());
    wait_for("the old one has left", || !workers(&server).contains(&old));
    assert!(!server.said().contains("SIGKILL"), "{}", server.said());
}

/// The grace period of a stop is that of those who live through it.
#[test]
fn a_server_that_was_suspended_while_it_stops_cuts_nobody() {
    let mut server = start(1, &["--graceful-timeout", "3s", "--max-wait", "20s"]);
    let client = server.connect();
    wire::get_and_close(&client, "/sleep?ms=1500");
    server.wait_until_read(&client);
    let all = [server.pid(), workers(&server)[0]];
    server.signal(Signal::SIGTERM);
    wait_for("the signal is taken", || {
        crate::support::proc::pending_signals(server.pid()) == 0
    });
    suspend(&all, Duration::from_secs(4));
    assert_eq!(read_answer(&client).status(), 200, "{}", server.said());
    assert_eq!(server.wait().code(), Some(0), "{}", server.said());
}

/// The first of them wakes first.
fn suspend(all: &[i32], time: Duration) {
    all.iter().for_each(|&pid| send(pid, Signal::SIGSTOP));
    thread::sleep(time);
    all.iter().for_each(|&pid| send(pid, Signal::SIGCONT));
}

#[test]
fn without_a_worker_timeout_nobody_is_wedged() {
    let server = start(2, &["--lab", "--worker-timeout", "0s"]);
    let before = workers(&server);
    send(before[0], Signal::SIGSTOP);
    thread::sleep(Duration::from_secs(2));
    assert_eq!(workers(&server), before);
    assert_serves(&server);
}
