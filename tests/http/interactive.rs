//! Cases that take several steps: 100 Continue, and refusals while the client still sends.

use std::net::Shutdown;

use crate::for_every_model;
use crate::support::server::Server;
use crate::support::wire::{self, read_answer, read_to_end};

for_every_model! {
    a_client_that_expects_100_gets_it_before_it_sends_the_body,
    a_client_that_expects_100_gets_it_before_it_sends_chunks,
    a_body_that_is_there_already_needs_no_100,
    a_413_can_be_read_by_a_client_that_goes_on_sending,
    a_431_can_be_read_by_a_client_that_goes_on_sending,
    pid_shows_three_numbers,
    an_unknown_path_leads_to_known_ones,
}

const CONTINUE: &str = "HTTP/1.1 100 Continue";

/// RFC 9110 §10.1.1. A 1xx has no Content-Length (§8.6).
fn a_client_that_expects_100_gets_it_before_it_sends_the_body(model: &str) {
    let server = Server::start(model, &[]);
    let client = server.connect();
    for round in 0..2 {
        let head = b"POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\n\
            Content-Length: 5\r\n\r\n";
        wire::send(&client, head);
        assert_eq!(read_answer(&client).lines, [CONTINUE], "round {round}");
        wire::send(&client, b"hello");
        let answer = read_answer(&client);
        assert_eq!((answer.status(), answer.text().as_str()), (200, "hello"));
    }
}

fn a_client_that_expects_100_gets_it_before_it_sends_chunks(model: &str) {
    let server = Server::start(model, &[]);
    let client = server.connect();
    let head = b"POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n\
        Transfer-Encoding: chunked\r\n\r\n";
    wire::send(&client, head);
    assert_eq!(read_answer(&client).lines, [CONTINUE]);
    wire::send(&client, b"5\r\nhello\r\n0\r\n\r\n");
    assert_eq!(read_answer(&client).text(), "hello");
}

/// RFC 9110 §10.1.1 lets a server omit the 100 then. This one does, since the client does not wait
/// for it.
fn a_body_that_is_there_already_needs_no_100(model: &str) {
    let server = Server::start(model, &[]);
    let client = server.connect();
    let request = b"POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n\
        Content-Length: 5\r\n\r\nhello";
    wire::send(&client, request);
    let answer = read_answer(&client);
    assert_eq!((answer.status(), answer.text().as_str()), (200, "hello"));
}

/// RFC 9112 §9.6: a close while the client sends would reset the connection, and the client could
/// lose the answer.
fn a_413_can_be_read_by_a_client_that_goes_on_sending(model: &str) {
    let server = Server::start(model, &["--limit-body", "1000"]);
    let client = server.connect();
    let head = b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n";
    wire::send(&client, head);
    wire::send(&client, &vec![b'x'; 1_000_000]);
    client.shutdown(Shutdown::Write).unwrap();
    let (answer, was_reset) = read_to_end(&client);
    let text = String::from_utf8_lossy(&answer);
    assert!(
        text.starts_with("HTTP/1.1 413 Content Too Large\r\n"),
        "{text:?}"
    );
    assert!(!was_reset, "the connection was reset behind {text:?}");
}

fn a_431_can_be_read_by_a_client_that_goes_on_sending(model: &str) {
    let server = Server::start(model, &[]);
    let client = server.connect();
    wire::send(&client, b"GET / HTTP/1.1\r\nHost: h\r\nX: ");
    wire::send(&client, &vec![b'x'; 1_000_000]);
    client.shutdown(Shutdown::Write).unwrap();
    let (answer, was_reset) = read_to_end(&client);
    let text = String::from_utf8_lossy(&answer);
    assert!(
        text.starts_with("HTTP/1.1 431 Request Header Fields Too Large\r\n"),
        "{text:?}"
    );
    assert!(!was_reset, "the connection was reset behind {text:?}");
}

/// The 404 names routes, and each of them answers.
fn an_unknown_path_leads_to_known_ones(model: &str) {
    let server = Server::start(model, &[]);
    let get = |path: &str| {
        let client = server.connect();
        wire::get(&client, path);
        read_answer(&client)
    };
    let missing = get("/nowhere");
    assert_eq!(missing.status(), 404);
    let text = missing.text();
    let (_, routes) = text.trim_end().split_once("try ").expect("routes to try");
    for route in routes.split(", ") {
        assert_eq!(get(route).status(), 200, "{route}");
    }
}

/// `/pid` answers `pid tid slot`, and the process is one of the server's.
fn pid_shows_three_numbers(model: &str) {
    let server = Server::start(model, &[]);
    let client = server.connect();
    wire::get(&client, "/pid");
    let text = read_answer(&client).text();
    let numbers: Vec<i32> = text
        .split_whitespace()
        .map(|word| word.parse().unwrap())
        .collect();
    assert_eq!(numbers.len(), 3, "{text:?}");
    let pids: Vec<i32> = server.tree().iter().map(|process| process.pid).collect();
    assert!(pids.contains(&numbers[0]), "{text:?} is not of {pids:?}");
}
