//! Which clients wait for others, and what happens beyond the limit.

use std::io::Write;
use std::net::TcpStream;

use crate::assert_serves;
use crate::support::server::Server;
use crate::support::wire::{self, read_answer, read_to_end};
use crate::support::{can_run, proc, wait_for};

/// The first sleeps for as long as the test takes; the second must not wait for it.
pub(crate) fn answers_a_second_client_while_the_first_is_served(model: &str) {
    let server = Server::start(model, &["--max-wait", "1000s", "--threads", "2"]);
    let first = server.connect();
    wire::get(&first, "/sleep?ms=1000000");
    server.wait_until_read(&first);
    assert_serves(&server);
}

#[test]
fn fork_answers_while_others_are_served() {
    answers_a_second_client_while_the_first_is_served("fork");
}

#[test]
fn prefork_answers_while_others_are_served() {
    answers_a_second_client_while_the_first_is_served("prefork");
}

#[test]
fn threaded_answers_while_others_are_served() {
    answers_a_second_client_while_the_first_is_served("threaded");
}

#[test]
fn event_answers_while_others_are_served() {
    answers_a_second_client_while_the_first_is_served("event");
    answers_a_second_client_while_the_first_is_served("event --accept epoll");
}

#[test]
fn prethreaded_answers_while_others_are_served() {
    answers_a_second_client_while_the_first_is_served("prethreaded");
}

#[test]
fn worker_answers_while_others_are_served() {
    answers_a_second_client_while_the_first_is_served("worker");
}

#[test]
fn async_answers_while_others_are_served() {
    answers_a_second_client_while_the_first_is_served("async");
}

#[test]
fn iterative_answers_one_after_the_other() {
    answers_one_after_the_other("iterative");
}

/// A loop holds both clients at once, but a handler that sleeps holds up all of them.
#[test]
fn loops_answer_one_after_the_other() {
    let loops = ["poll", "epoll", "epoll --trigger edge", "uring"];
    for model in loops.into_iter().filter(|model| can_run(model)) {
        answers_one_after_the_other(model);
    }
}

/// When the second client has its answer, the first has had its own for some time.
fn answers_one_after_the_other(model: &str) {
    let server = Server::start(model, &[]);
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

/// A kept connection holds the only worker, even while it is idle.
pub(crate) fn a_kept_connection_holds_its_worker(model: &str) {
    let one = ["--workers", "1", "--threads", "1"];
    let options = [&one[..], &["--keep-alive-timeout", "1s"]].concat();
    let server = Server::start(model, &options);
    let first = server.connect();
    wire::get(&first, "/");
    assert_eq!(read_answer(&first).status(), 200);
    let second = server.connect();
    wire::get_and_close(&second, "/");
    assert_eq!(read_answer(&second).status(), 200);
    // The server has closed the first before it accepted the second.
    first.set_nonblocking(true).unwrap();
    assert_eq!(first.peek(&mut [0]).unwrap(), 0, "{model}");
}

#[test]
fn a_process_or_thread_serves_one_client_at_a_time() {
    for model in ["iterative", "prefork", "prethreaded", "worker"] {
        a_kept_connection_holds_its_worker(model);
    }
}

#[test]
fn prefork_serves_as_many_as_it_has_workers() {
    serves_as_many_as_it_has_workers("prefork");
}

/// The pool's size is the limit: N clients are served at once, the next waits.
pub(crate) fn serves_as_many_as_it_has_workers(model: &str) {
    let server = Server::start(model, &["--workers", "2", "--max-wait", "1000s"]);
    let busy: Vec<TcpStream> = (0..2).map(|_| server.connect()).collect();
    for client in &busy {
        wire::get(client, "/sleep?ms=1000000");
        server.wait_until_read(client);
    }
    let third = server.connect();
    wire::get(&third, "/");
    let peer = third.local_addr().unwrap();
    let socket = proc::socket(server.address, peer).unwrap();
    assert!(socket.unread > 0, "no worker is left to read it");
}

#[test]
fn fork_turns_away_whom_it_cannot_serve() {
    rejects_the_third("fork");
}

#[test]
fn threaded_turns_away_whom_it_cannot_serve() {
    rejects_the_third("threaded");
}

#[test]
fn loops_turn_away_whom_they_may_not_serve() {
    let single = [
        "poll",
        "epoll",
        "epoll --trigger edge",
        "event --workers 1",
        "uring",
    ];
    for model in single.into_iter().filter(|model| can_run(model)) {
        rejects_the_third(model);
    }
}

#[test]
fn async_turns_away_whom_it_may_not_serve() {
    rejects_the_third("async");
}

/// A child forked while a rejected client reads its 503 must not hold that connection open.
#[test]
fn fork_closes_those_it_has_rejected() {
    let options = ["--max-connections", "1", "--keep-alive-timeout", "300s"];
    let server = Server::start("fork", &options);
    let first = server.connect();
    wire::get(&first, "/");
    assert_eq!(read_answer(&first).status(), 200);
    let mut away = server.connect();
    assert_eq!(read_answer(&away).status(), 503);
    drop(first);
    let mut next = server.connect();
    wait_for("the place is free", || {
        next = server.connect();
        wire::get(&next, "/");
        read_answer(&next).status() == 200
    });
    wait_for("its connection is closed for good", || {
        away.write_all(b"x").is_err()
    });
}

/// The third gets a 503 that it can read, whether its request comes before it or not.
fn rejects_the_third(model: &str) {
    let server = Server::start(model, &["--max-connections", "2"]);
    let kept: Vec<TcpStream> = (0..2).map(|_| server.connect()).collect();
    for client in &kept {
        wire::get(client, "/");
        assert_eq!(read_answer(client).status(), 200);
    }
    for sends in [true, false] {
        let third = server.connect();
        if sends {
            wire::get(&third, "/");
        }
        let (answer, was_reset) = read_to_end(&third);
        assert!(!was_reset, "a reset would have destroyed the answer");
        let answer = wire::Answer::take(&mut &answer[..], false).expect("a whole answer");
        assert_eq!(answer.status(), 503);
        assert_eq!(answer.field("Connection"), Some("close"));
        let retry_after: u32 = answer.field("Retry-After").unwrap().parse().unwrap();
        assert!(retry_after > 0);
    }
    // The admitted clients are still served, and a free place goes to a new client.
    wire::get(&kept[0], "/");
    assert_eq!(read_answer(&kept[0]).status(), 200);
    drop(kept);
    wait_for("service is as before", || {
        let client = server.connect();
        wire::get_and_close(&client, "/");
        read_to_end(&client).0.starts_with(b"HTTP/1.1 200 OK\r\n")
    });
}
