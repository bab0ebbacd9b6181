//! A worker that makes no progress is replaced; a worker that is slow is left alone.

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
    slow_clients_kill_no_worker,
    a_suspended_master_kills_no_worker,
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
    wait_for("another worker in its place", || {
        let workers = workers(&server);
        workers.len() == 2 && !workers.contains(&victim)
    });
    assert_serves(&server);
    // Its successor may be there before the master reaps it.
    wait_for("it is reaped", || {
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
    wait_for("another worker in its place", || {
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

/// The request takes three times `--worker-timeout`.
fn a_slow_request_is_not_a_wedged_worker(model: &str) {
    let server = start_model(model, 1, &QUICK);
    for path in ["/sleep?ms=3000", "/cpu?ms=1500"] {
        let client = server.connect();
        // On a busy machine the CPU time that the request asks for takes far longer.
        client.set_read_timeout(Some(6 * DEADLINE)).unwrap();
        wire::get_and_close(&client, path);
        assert_eq!(read_answer(&client).status(), 200, "{}", server.said());
    }
    assert_eq!(server.said(), "");
}

/// One client sends nothing, one does not read, one sends a byte now and then. Each holds the only
/// worker for longer than `--worker-timeout`.
fn slow_clients_kill_no_worker(model: &str) {
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
    // No `--head-timeout` here: on a busy machine the bytes may arrive far more slowly.
    let server = start_model(model, 1, &QUICK);
    let before = workers(&server);
    let dribbling = server.connect();
    for byte in b"GET / HTTP/1.1\r\n" {
        wire::send(&dribbling, &[*byte]);
        thread::sleep(Duration::from_millis(150));
    }
    wire::send(&dribbling, b"Host: h\r\nConnection: close\r\n\r\n");
    assert_eq!(read_answer(&dribbling).status(), 200);
    assert_eq!(workers(&server), before);
    assert_eq!(server.said(), "");
}

/// The request takes too long, while its worker makes progress.
#[test]
fn a_request_timeout_is_told_apart_from_a_wedged_worker() {
    let server = start(2, &["--request-timeout", "1s", "--max-wait", "1000s"]);
    let kept = hold(&server, 1);
    let client = server.connect();
    let victim = served_by(&client);
    wire::get(&client, "/sleep?ms=1000000");
    assert_cut(&client);
    wait_for("another worker in its place", || {
        let workers = workers(&server);
        workers.len() == 2 && !workers.contains(&victim)
    });
    let said = server.said();
    assert!(said.contains("is overdue: a request has taken"), "{said}");
    assert!(!said.contains("wedged"), "{said}");
    assert_eq!(count(&server, PoolEvent::Overdue), 1);
    // Time on an idle connection does not count as a request.
    served_by(&kept[0]);
}

/// A laptop sleeps, a debugger stops, a virtual machine pauses: the master does not count the time.
fn a_suspended_master_kills_no_worker(model: &str) {
    let server = start_model(model, 3, &QUICK);
    let before = workers(&server);
    for together in [false, true] {
        let all: Vec<i32> = match together {
            true => before.iter().copied().chain([server.pid()]).collect(),
            false => vec![server.pid()],
        };
        all.iter().for_each(|&pid| send(pid, Signal::SIGSTOP));
        thread::sleep(Duration::from_secs(3));
        // The master wakes first. It must give its workers time to wake as well.
        all.iter().rev().for_each(|&pid| send(pid, Signal::SIGCONT));
        thread::sleep(Duration::from_secs(2));
        assert_eq!(workers(&server), before);
    }
    assert_eq!(server.said(), "");
    assert_serves(&server);
}

/// The same holds for a worker that was told to leave before the suspension.
#[test]
fn a_suspended_master_kills_no_worker_that_is_leaving() {
    let server = start(1, &["--graceful-timeout", "4s", "--max-wait", "20s"]);
    let client = server.connect();
    wire::get_and_close(&client, "/sleep?ms=6000");
    server.wait_until_read(&client);
    let old = workers(&server)[0];
    server.signal(Signal::SIGHUP);
    wait_for("the old worker is told to leave", || {
        states(&server).contains(&State::Retiring)
    });
    suspend(&[server.pid()], Duration::from_secs(4));
    assert_eq!(read_answer(&client).status(), 200, "{}", server.said());
    wait_for("the old worker has left", || {
        !workers(&server).contains(&old)
    });
    assert!(!server.said().contains("SIGKILL"), "{}", server.said());
}

/// The grace period of a stop leaves out the time of a suspension.
#[test]
fn a_server_that_is_suspended_while_it_stops_cuts_off_no_client() {
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

/// Stops these processes, and after `time` lets them go on, the first of the list first.
fn suspend(all: &[i32], time: Duration) {
    all.iter().for_each(|&pid| send(pid, Signal::SIGSTOP));
    thread::sleep(time);
    all.iter().for_each(|&pid| send(pid, Signal::SIGCONT));
}

#[test]
fn without_a_worker_timeout_no_worker_is_replaced() {
    let server = start(2, &["--lab", "--worker-timeout", "0s"]);
    let before = workers(&server);
    send(before[0], Signal::SIGSTOP);
    thread::sleep(Duration::from_secs(2));
    assert_eq!(workers(&server), before);
    assert_serves(&server);
}
