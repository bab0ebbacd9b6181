//! SIGTERM: requests in flight are finished, queued connections are answered, and no process is
//! left. SIGINT and SIGQUIT: no process is left, at once.

use std::net::{TcpListener, TcpStream};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::for_every_model;
use crate::support::proc::Process;
use crate::support::server::Server;
use crate::support::wire::{self, read_answer, read_to_end};
use crate::support::{proc, wait_for};

for_every_model! {
    sigterm_lets_a_request_in_flight_finish,
    sigint_stops_at_once,
    sigquit_stops_at_once,
    a_large_answer_in_flight_is_sent_to_its_end,
    the_accept_queue_is_answered,
    idle_connections_do_not_hold_up_a_stop,
    a_request_that_has_arrived_by_then_is_answered,
    silent_clients_do_not_hold_up_a_stop,
    a_second_signal_stops_at_once,
    the_graceful_timeout_ends_in_force,
    a_killed_server_leaves_no_process_and_frees_the_port,
    the_port_can_be_bound_again_after_a_stop,
}

pub(crate) fn sigterm_lets_a_request_in_flight_finish(model: &str) {
    let mut server = Server::start(model, &[]);
    let tree = server.tree();
    let client = server.connect();
    wire::get(&client, "/sleep?ms=700");
    server.wait_until_read(&client);
    server.signal(Signal::SIGTERM);
    let answer = read_answer(&client);
    assert_eq!(
        (answer.status(), answer.text().as_str()),
        (200, "slept 700 ms\n")
    );
    assert_eq!(server.wait().code(), Some(0), "{}", server.said());
    assert_gone(&tree);
}

fn sigint_stops_at_once(model: &str) {
    cuts_what_is_in_flight(model, Signal::SIGINT);
}

fn sigquit_stops_at_once(model: &str) {
    cuts_what_is_in_flight(model, Signal::SIGQUIT);
}

/// The request would take longer than the test waits. Another client is in the accept queue.
fn cuts_what_is_in_flight(model: &str, signal: Signal) {
    let mut server = Server::start(model, &["--workers", "1", "--max-wait", "1000s"]);
    let client = server.connect();
    wire::get(&client, "/sleep?ms=1000000");
    server.wait_until_read(&client);
    let queued = server.connect();
    let tree = server.tree();
    server.signal(signal);
    assert_eq!(server.wait().code(), Some(0), "{}", server.said());
    assert_gone(&tree);
    assert_eq!(server.said(), "");
    assert!(read_to_end(&client).0.is_empty());
    drop(queued);
}

/// The answer is larger than the socket buffers can ever be, so the server is still writing.
pub(crate) fn a_large_answer_in_flight_is_sent_to_its_end(model: &str) {
    let length = 50_000_000;
    let mut server = Server::start(model, &[]);
    let client = server.connect();
    wire::get_and_close(&client, &format!("/bytes?n={length}"));
    let mut first = [0];
    std::io::Read::read_exact(&mut &client, &mut first).unwrap();
    server.signal(Signal::SIGTERM);
    let (rest, was_reset) = read_to_end(&client);
    let head = wire::find(&rest, b"\r\n\r\n").unwrap();
    assert_eq!((rest.len() - head - 4, was_reset), (length, false));
    assert_eq!(server.wait().code(), Some(0));
}

/// Six clients have connected and sent their requests when the signal comes; at most one of them
/// has been accepted where there is one worker.
pub(crate) fn the_accept_queue_is_answered(model: &str) {
    let mut server = Server::start(model, &["--workers", "1", "--threads", "1"]);
    let busy = server.connect();
    wire::get(&busy, "/sleep?ms=700");
    server.wait_until_read(&busy);
    let queued: Vec<TcpStream> = (0..5).map(|_| server.connect()).collect();
    for client in &queued {
        wire::get(client, "/");
    }
    server.signal(Signal::SIGTERM);
    assert_eq!(read_answer(&busy).status(), 200);
    for (index, client) in queued.iter().enumerate() {
        let answer = wire::try_read_answer(client);
        let status = answer.map(|answer| answer.status());
        assert_eq!(status.ok(), Some(200), "client {index} of the accept queue");
    }
    assert_eq!(server.wait().code(), Some(0), "{}", server.said());
}

/// The clients are within their keep-alive timeout, which is longer than the test waits.
pub(crate) fn idle_connections_do_not_hold_up_a_stop(model: &str) {
    let mut server = Server::start(model, &["--keep-alive-timeout", "300s"]);
    let client = server.connect();
    wire::get(&client, "/");
    assert_eq!(read_answer(&client).status(), 200);
    server.signal(Signal::SIGTERM);
    assert_eq!(read_to_end(&client), (Vec::new(), false));
    assert_eq!(server.wait().code(), Some(0), "{}", server.said());
}

/// The client was promised another answer and has sent its request. The server learns of the
/// request and of the signal together.
pub(crate) fn a_request_that_has_arrived_by_then_is_answered(model: &str) {
    let mut server = Server::start(model, &["--keep-alive-timeout", "300s"]);
    let client = server.connect();
    wire::get(&client, "/");
    assert_eq!(read_answer(&client).status(), 200);
    let tell_all = |signal| {
        let tree = server.tree();
        for process in &tree {
            kill(Pid::from_raw(process.pid), signal).unwrap();
        }
        tree
    };
    wait_for("all of them stand still", || {
        // The master may have been about to fork another worker.
        let tree = tell_all(Signal::SIGSTOP);
        tree.iter().all(|process| process.state == 'T')
    });
    wire::get(&client, "/");
    let peer = client.local_addr().unwrap();
    wait_for("the request is there", || {
        proc::socket(server.address, peer).is_some_and(|socket| socket.unread > 0)
    });
    tell_all(Signal::SIGTERM);
    tell_all(Signal::SIGCONT);
    assert_eq!(read_answer(&client).status(), 200);
    assert_eq!(read_to_end(&client), (Vec::new(), false));
    assert_eq!(server.wait().code(), Some(0), "{}", server.said());
}

/// One client has sent nothing, the other half a head. The head timeout is longer than the test
/// waits.
pub(crate) fn silent_clients_do_not_hold_up_a_stop(model: &str) {
    let mut server = Server::start(model, &["--head-timeout", "300s", "--workers", "3"]);
    let client = server.connect();
    server.signal(Signal::SIGTERM);
    assert_eq!(server.wait().code(), Some(0), "{}", server.said());
    drop(client);
}

pub(crate) fn a_second_signal_stops_at_once(model: &str) {
    let mut server = Server::start(model, &["--max-wait", "1000s"]);
    let client = server.connect();
    wire::get(&client, "/sleep?ms=1000000");
    server.wait_until_read(&client);
    let tree = server.tree();
    server.signal(Signal::SIGTERM);
    // The kernel merges a signal with the same one that is still pending.
    wait_for("the first signal arrives", || {
        has_no_pending_signal(server.pid())
    });
    server.signal(Signal::SIGTERM);
    assert_eq!(server.wait().code(), Some(1), "{}", server.said());
    assert_gone(&tree);
}

pub(crate) fn the_graceful_timeout_ends_in_force(model: &str) {
    let mut server = Server::start(
        model,
        &["--max-wait", "1000s", "--graceful-timeout", "300ms"],
    );
    let client = server.connect();
    wire::get(&client, "/sleep?ms=1000000");
    server.wait_until_read(&client);
    let tree = server.tree();
    server.signal(Signal::SIGTERM);
    assert_eq!(server.wait().code(), Some(1), "{}", server.said());
    assert!(
        server.said().contains("the graceful timeout is over"),
        "{}",
        server.said()
    );
    assert_gone(&tree);
}

pub(crate) fn a_killed_server_leaves_no_process_and_frees_the_port(model: &str) {
    let mut server = Server::start(model, &["--max-wait", "1000s"]);
    let client = server.connect();
    wire::get(&client, "/sleep?ms=1000000");
    server.wait_until_read(&client);
    let tree = server.tree();
    server.signal(Signal::SIGKILL);
    server.wait();
    assert_gone(&tree);
    let address = server.address;
    wait_for("the port is free", || TcpListener::bind(address).is_ok());
}

pub(crate) fn the_port_can_be_bound_again_after_a_stop(model: &str) {
    let mut server = Server::start(model, &[]);
    let address = server.address;
    crate::assert_serves(&server);
    server.signal(Signal::SIGTERM);
    assert_eq!(server.wait().code(), Some(0));
    TcpListener::bind(address).unwrap();
}

#[track_caller]
fn assert_gone(tree: &[Process]) {
    wait_for("the whole tree is gone", || {
        !tree.iter().any(Process::is_alive)
    });
}

fn has_no_pending_signal(pid: i32) -> bool {
    proc::pending_signals(pid) == 0
}
