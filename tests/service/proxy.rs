//! `--proxy-protocol`: a balancer names its client in front of the first request.

use std::fs;
use std::net::Shutdown;

use crate::support::server::Server;
use crate::support::wait_for;
use crate::support::wire::{self, read_answer, read_to_end};
use crate::{ask, for_every_model};

for_every_model! {
    a_header_may_arrive_in_any_two_parts,
    a_connection_without_a_header_is_closed_and_logged,
}

const TEXT: &[u8] = b"PROXY TCP4 192.0.2.7 10.0.0.1 51234 80\r\n";
/// Version 2, from 2001:db8::7.
const BINARY: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x21\0\x24\
    \x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07\
    \x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\
    \xc8\x22\0\x50";
const REQUEST: &[u8] = b"GET /pid HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

fn a_header_may_arrive_in_any_two_parts(model: &str) {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("access");
    let option = format!("--access-log={}", log.display());
    let server = Server::start(model, &["--proxy-protocol", "--workers", "2", &option]);
    for (header, client) in [(TEXT, "192.0.2.7"), (BINARY, "2001:db8::7")] {
        for at in 0..=header.len() {
            let stream = [header, REQUEST].concat();
            let (first, second) = stream.split_at(at);
            let connection = server.connect();
            if at > 0 {
                wire::send(&connection, first);
                server.wait_until_read(&connection);
            }
            wire::send(&connection, second);
            assert_eq!(read_answer(&connection).status(), 200, "cut at {at}");
        }
        let text = fs::read_to_string(&log).unwrap();
        let begin = format!("{client} - - [");
        let lines = text.lines().filter(|line| line.starts_with(&begin));
        assert_eq!(lines.count(), header.len() + 1, "{text}");
    }
}

fn a_connection_without_a_header_is_closed_and_logged(model: &str) {
    let server = Server::start(model, &["--proxy-protocol", "--head-timeout", "500ms"]);
    for (sent, words) in [
        (REQUEST, "closed: no PROXY header from 127.0.0.1:"),
        (
            b"PROXY TCP4 1 2 3 4\r\n",
            "closed: a malformed PROXY line from",
        ),
        (b"PROXY TCP4 192.0.2.7", "closed: a late PROXY header from"),
    ] {
        let client = server.connect();
        wire::send(&client, sent);
        let (answer, _) = read_to_end(&client);
        assert_eq!(String::from_utf8_lossy(&answer), "");
        wait_for("it is logged", || server.said().contains(words));
    }
    let client = server.connect();
    wire::send(&client, b"PROXY TCP4 192.0.2.7");
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_to_end(&client).0, b"");
    let words = "closed: an incomplete PROXY header from";
    wait_for("it is logged", || server.said().contains(words));
    // A balancer that checks the port without a word is no fault.
    let lines = |server: &Server| server.said().matches("closed: ").count();
    let before = lines(&server);
    drop(server.connect());
    let client = server.connect();
    wire::send(&client, &[TEXT, REQUEST].concat());
    assert_eq!(read_answer(&client).status(), 200);
    assert_eq!(lines(&server), before, "{}", server.said());
}

/// The address of the socket is the balancer's, so `--status local` would let every client in.
#[test]
fn the_status_is_off_unless_asked_for() {
    for (options, status) in [(&[][..], 404), (&["--status=anyone"], 200)] {
        let server = Server::start("epoll", &[&["--proxy-protocol"], options].concat());
        let client = server.connect();
        let request = b"GET /status?auto HTTP/1.1\r\nHost: a\r\n\r\n";
        wire::send(&client, &[TEXT, request].concat());
        assert_eq!(read_answer(&client).status(), status);
    }
}

/// Without the option nothing is believed: the header is a request that is none.
#[test]
fn without_the_option_a_header_is_refused() {
    let server = Server::start("epoll", &[]);
    for header in [TEXT, BINARY] {
        let client = server.connect();
        wire::send(&client, &[header, REQUEST].concat());
        assert_eq!(read_answer(&client).status(), 400);
    }
    assert_eq!(ask(&server, "/").status(), 200);
}
