//! What signals do to a master and to its workers, in whatever number they come.

use std::io::Write;

use nix::sys::signal::Signal;

use crate::support::proc::Process;
use crate::support::wait_for;
use crate::support::wire::{self, read_answer};
use crate::{assert_serves, for_every_pool, load, send, start, start_model, workers};

for_every_pool! {
    what_is_meant_for_the_master_does_nothing_to_a_worker,
    a_storm_of_signals_is_weathered,
    the_fast_stop_takes_those_along_that_do_not_follow,
}

/// Signals that a terminal, an operator or a script may send to anybody.
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

/// A request in flight comes through it as well.
fn a_storm_of_signals_is_weathered(model: &str) {
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
    // As many were added as taken away, or the other way round: some are left.
    wait_for("it comes to rest", || {
        let before = workers(&server);
        assert_serves(&server);
        !before.is_empty() && workers(&server) == before
    });
    assert!(!server.said().contains("killed"), "{}", server.said());
}

/// Each signal is a turn of the master's loop, in which it looks at workers that go on working.
#[test]
fn a_large_pool_may_be_looked_at_at_any_moment() {
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
fn the_fast_stop_takes_those_along_that_do_not_follow(model: &str) {
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

/// The graceful stop was promised and is given up: that is a failure.
#[test]
fn a_fast_stop_cuts_a_graceful_one_short() {
    let mut server = start(1, &["--max-wait", "1000s"]);
    let client = server.connect();
    wire::get(&client, "/sleep?ms=1000000");
    server.wait_until_read(&client);
    server.signal(Signal::SIGTERM);
    wait_for("the first is taken", || {
        crate::support::proc::pending_signals(server.pid()) == 0
    });
    server.signal(Signal::SIGINT);
    assert_eq!(server.wait().code(), Some(1), "{}", server.said());
}
