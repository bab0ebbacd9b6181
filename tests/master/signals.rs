//! What signals do to a master and to its workers, one at a time and in storms.

use std::io::Write;

use nix::sys::signal::Signal;

use crate::support::proc::Process;
use crate::support::wait_for;
use crate::support::wire::{self, read_answer};
use crate::{assert_serves, for_every_pool, load, send, start, start_model, workers};

for_every_pool! {
    what_is_meant_for_the_master_does_nothing_to_a_worker,
    a_storm_of_signals_costs_no_client,
    the_fast_stop_kills_workers_that_do_not_react,
}

/// Signals that a terminal, an operator or a script may send to every process of the group.
const STRAY: [Signal; 6] = [
    Signal::SIGHUP,
    Signal::SIGUSR2,
    Signal::SIGWINCH,
    Signal::SIGTTIN,
    Signal::SIGTTOU,
    Signal::SIGCHLD,
];

fn what_is_meant_for_the_master_does_nothing_to_a_worker(model: &str) {
    let server = start_model(model, 2, &[]);
    let before = workers(&server);
    for signal in STRAY {
        before.iter().for_each(|&pid| send(pid, signal));
    }
    for _ in 0..4 {
        assert_serves(&server);
    }
    assert_eq!(workers(&server), before);
}

/// A request in flight is answered as well.
fn a_storm_of_signals_costs_no_client(model: &str) {
    let server = start_model(model, 3, &[]);
    let mut client = server.connect();
    let head = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n";
    client.write_all(head.as_bytes()).unwrap();
    server.wait_until_read(&client);
    for _ in 0..100 {
        for signal in STRAY {
            server.signal(signal);
        }
        server.signal(Signal::SIGUSR1);
    }
    client.write_all(b"ok").unwrap();
    assert_eq!(read_answer(&client).text(), "ok");
    drop(client);
    for _ in 0..20 {
        assert_serves(&server);
    }
    // The order in which the signals arrive decides how many workers are left.
    wait_for("the size no longer changes", || {
        let before = workers(&server);
        assert_serves(&server);
        !before.is_empty() && workers(&server) == before
    });
    assert!(!server.said().contains("killed"), "{}", server.said());
}

/// Each signal makes the master check its workers once more while they serve.
#[test]
fn a_large_pool_can_be_checked_at_any_moment() {
    let mut server = start(64, &[]);
    let before = workers(&server);
    std::thread::scope(|scope| {
        let under_load = scope.spawn(|| load(&server, &["-d", "2s", "--no-keep-alive"]));
        while !under_load.is_finished() {
            server.signal(Signal::SIGCHLD);
            std::thread::yield_now();
        }
        under_load.join().unwrap();
    });
    assert!(server.is_running(), "{}", server.said());
    assert_eq!(workers(&server), before);
    assert_eq!(server.said(), "");
}

/// Neither a stopped nor a wedged worker holds up the fast stop.
fn the_fast_stop_kills_workers_that_do_not_react(model: &str) {
    let mut server = start_model(model, 3, &["--lab"]);
    let client = server.connect();
    wire::get(&client, "/spin");
    server.wait_until_read(&client);
    let tree = server.tree();
    send(workers(&server)[0], Signal::SIGSTOP);
    server.signal(Signal::SIGQUIT);
    assert_eq!(server.wait().code(), Some(0), "{}", server.said());
    wait_for("all are gone", || !tree.iter().any(Process::is_alive));
}

/// A fast stop gives up the graceful one that was promised: exit code 1.
#[test]
fn a_fast_stop_cuts_a_graceful_one_short() {
    let mut server = start(1, &["--max-wait", "1000s"]);
    let client = server.connect();
    wire::get(&client, "/sleep?ms=1000000");
    server.wait_until_read(&client);
    server.signal(Signal::SIGTERM);
    wait_for("the first signal is taken", || {
        crate::support::proc::pending_signals(server.pid()) == 0
    });
    server.signal(Signal::SIGINT);
    assert_eq!(server.wait().code(), Some(1), "{}", server.said());
}
