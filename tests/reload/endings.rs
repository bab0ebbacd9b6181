//! One of two masters ends, at different moments of an upgrade: no client is lost.

use std::io::Write;
use std::net::TcpStream;

use nix::sys::signal::Signal;

use crate::family::{Family, children, is_alive, signal};
use crate::load::Load;
use crate::support::server::BINARY;
use crate::support::{wait_for, wire};

/// Installs a program that waits, and then runs the server.
fn install_slow(family: &Family) {
    family.install_waiting(&format!("exec '{BINARY}' \"$@\""));
}

/// Connects a client that is in the middle of a request and holds a worker until [`finish`].
fn begin(family: &Family) -> TcpStream {
    let mut client = family.first.connect();
    let head = "POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n\r\n";
    client.write_all(head.as_bytes()).unwrap();
    family.first.wait_until_read(&client);
    client
}

/// Sends the rest and reads the answer.
#[track_caller]
fn finish(client: &mut TcpStream) {
    client.write_all(b"ok").unwrap();
    assert_eq!(wire::read_answer(client).text(), "ok");
}

/// Connects a client that waits in the accept queue.
fn queue(family: &Family) -> TcpStream {
    let client = family.first.connect();
    wire::get_and_close(&client, "/");
    client
}

/// A successor that has only started does not serve yet, so the old master has to.
#[test]
fn an_old_master_serves_until_its_successor_does() {
    for end in [Signal::SIGTERM, Signal::SIGQUIT] {
        let mut family = Family::start("prefork", "workers = 2\n", &[]);
        let old = family.master();
        let load = Load::start(family.address, &["--no-keep-alive"]);
        install_slow(&family);
        signal(old, Signal::SIGUSR2);
        family.wait_for_words("starts from");
        signal(old, end);
        family.wait_for_words("leaves when its successor serves");
        assert!(children(old).contains(&family.served_by()));
        family.let_it();
        assert_eq!(family.first.wait().code(), Some(0));
        load.end_without_an_error();
        let new = family.master();
        assert_ne!(old, new);
        assert!(children(new).contains(&family.served_by()));
    }
}

/// Both signals are pending at once. The kernel delivers the lower number first: the wrong order.
#[test]
fn an_upgrade_and_its_commit_may_be_asked_for_at_once() {
    for way in ["shared", "pass"] {
        let accept = format!("--accept={way}");
        let mut family = Family::start("prefork", "workers = 2\n", &[&accept]);
        let old = family.master();
        let load = Load::start(family.address, &["--no-keep-alive"]);
        for it in [
            Signal::SIGSTOP,
            Signal::SIGUSR2,
            Signal::SIGQUIT,
            Signal::SIGCONT,
        ] {
            signal(old, it);
        }
        assert_eq!(family.first.wait().code(), Some(0));
        load.end_without_an_error();
        let new = family.master();
        assert_ne!(old, new);
        assert!(children(new).contains(&family.served_by()));
    }
}

#[test]
fn a_master_whose_successor_fails_answers_its_queue_before_it_ends() {
    for (end, code) in [(Signal::SIGTERM, 0), (Signal::SIGQUIT, 1)] {
        let mut family = Family::start("prefork", "workers = 1\n", &[]);
        let old = family.master();
        family.install_waiting(&format!("exit {code}"));
        signal(old, Signal::SIGUSR2);
        family.wait_for_words("starts from");
        signal(old, end);
        family.wait_for_words("leaves when its successor serves");
        let mut busy = begin(&family);
        let queued = queue(&family);
        family.let_it();
        family.wait_for_words("no other master serves");
        finish(&mut busy);
        assert_eq!(wire::read_answer(&queued).status(), 200);
        assert_eq!(family.first.wait().code(), Some(0));
    }
}

/// SIGQUIT commits the upgrade, SIGTERM stops. The second signal is no second request to stop, so
/// it does not force an end.
#[test]
fn a_stop_after_a_commit_is_graceful() {
    let mut family = Family::start("prefork", "workers = 1\n", &[]);
    let old = family.master();
    family.install_waiting("exit 1");
    signal(old, Signal::SIGUSR2);
    family.wait_for_words("starts from");
    let mut client = begin(&family);
    let queued = queue(&family);
    signal(old, Signal::SIGQUIT);
    family.wait_for_words("leaves when its successor serves");
    signal(old, Signal::SIGTERM);
    finish(&mut client);
    assert_eq!(wire::read_answer(&queued).status(), 200);
    assert_eq!(family.first.wait().code(), Some(0));
    family.let_it();
}

/// As with `kill $(pidof servers)`: each master could believe that the other one stays.
#[test]
fn two_masters_that_are_asked_at_once_answer_the_queue() {
    for way in ["shared", "flock", "mutex", "pass"] {
        let accept = format!("--accept={way}");
        let mut family = Family::start("prefork", "workers = 2\n", &[&accept]);
        let (old, new) = family.upgrade();
        wait_for("four workers", || {
            children(old).len() == 3 && children(new).len() == 2
        });
        let mut busy: Vec<_> = (0..4).map(|_| begin(&family)).collect();
        let queued: Vec<_> = (0..5).map(|_| queue(&family)).collect();
        signal(old, Signal::SIGTERM);
        signal(new, Signal::SIGTERM);
        busy.iter_mut().for_each(finish);
        for client in &queued {
            assert_eq!(wire::read_answer(client).status(), 200, "{way}");
        }
        assert_eq!(family.first.wait().code(), Some(0));
        wait_for("the new master is gone", || !is_alive(new));
    }
}

/// An orphan is a child of process 1, which is no server: so the successor knows that it is alone.
#[test]
fn a_successor_whose_predecessor_was_killed_is_alone() {
    let mut family = Family::start("prefork", "workers = 1\n", &[]);
    let old = family.master();
    install_slow(&family);
    signal(old, Signal::SIGUSR2);
    family.wait_for_words("starts from");
    signal(old, Signal::SIGKILL);
    family.first.wait();
    family.let_it();
    wait_for("the successor serves", || {
        let named = family.named("pid").filter(|&pid| pid != old);
        named.is_some_and(|pid| !children(pid).is_empty())
    });
    let new = family.master();
    let mut busy = begin(&family);
    let queued = queue(&family);
    signal(new, Signal::SIGTERM);
    finish(&mut busy);
    assert_eq!(wire::read_answer(&queued).status(), 200);
    wait_for("it has ended", || !is_alive(new));
    assert!(!family.first.said().contains("serves from now on"));
}

/// A listener that the successor opened for itself would be lost with it, and with it the clients
/// in its accept queue. So a successor opens none.
#[test]
fn a_successor_with_more_workers_can_be_rolled_back() {
    for model in ["prefork", "event"] {
        let mut family = Family::start(model, "workers = 2\n", &["--accept=reuseport"]);
        family.configure("workers = 6\n");
        let load = Load::start(family.address, &["--no-keep-alive"]);
        let (old, new) = family.upgrade();
        wait_for("six workers", || children(new).len() == 6);
        assert!(family.first.said().contains("6 workers share 2 listeners"));
        signal(new, Signal::SIGQUIT);
        wait_for("the new master is gone", || !is_alive(new));
        load.end_without_an_error();
        assert!(children(old).contains(&family.served_by()));
        signal(old, Signal::SIGTERM);
        assert_eq!(family.first.wait().code(), Some(0));
    }
}

/// A master that breaks the promise of a graceful stop says so, even if its successor serves.
#[test]
fn a_forced_end_after_an_upgrade_is_a_failure() {
    for (grace, signals) in [("1s", 1), ("600s", 2)] {
        let timeout = format!("--graceful-timeout={grace}");
        let mut family = Family::start("prefork", "workers = 1\n", &[&timeout]);
        let client = family.first.connect();
        wire::get(&client, "/sleep?ms=60000");
        family.first.wait_until_read(&client);
        let (old, _) = family.upgrade();
        signal(old, Signal::SIGTERM);
        family.wait_for_words("serves from now on");
        for _ in 1..signals {
            signal(old, Signal::SIGTERM);
        }
        assert_eq!(family.first.wait().code(), Some(1));
        family.wait_for_words("stopped by force");
    }
}

#[test]
fn a_leaving_master_refuses_a_reload() {
    let mut family = Family::start("prefork", "workers = 1\n", &[]);
    let mut client = begin(&family);
    let (old, new) = family.upgrade();
    signal(old, Signal::SIGTERM);
    family.wait_for_words("serves from now on");
    signal(old, Signal::SIGHUP);
    family.wait_for_words("SIGHUP: refused: this process is leaving");
    finish(&mut client);
    assert_eq!(family.first.wait().code(), Some(0));
    assert!(children(new).contains(&family.served_by()));
}
