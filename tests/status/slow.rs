//! The slow log, and requests that must not be in it.

use std::io::Write;
use std::thread;
use std::time::Duration;

use crate::support::server::Server;
use crate::support::wait_for;
use crate::support::wire::{self, read_answer};
use crate::{for_every_model, get, report};

for_every_model! {
    slow_requests_are_counted_and_logged,
    without_the_option_nothing_is_slow,
    a_slow_client_is_no_slow_request,
}

fn slow_requests_are_counted_and_logged(model: &str) {
    let server = Server::start(model, &["--slow-ms", "300"]);
    get(&server, "/");
    let client = server.connect();
    let address = client.local_addr().unwrap();
    wire::get_and_close(&client, "/sleep?ms=400&a='b'");
    assert_eq!(read_answer(&client).status(), 200);
    get(&server, "/");
    assert_eq!(report(&server).slow, 1);
    let said = server.said();
    let lines: Vec<&str> = said
        .lines()
        .filter(|line| line.contains(" slow: "))
        .collect();
    let [line] = lines[..] else {
        panic!("one slow request: {said}");
    };
    let what = "ms for 'GET /sleep?ms=400&a='b' HTTP/1.1' from ";
    assert!(line.contains(what), "{line}");
    assert!(line.ends_with(&format!(" from {address}")), "{line}");
    let ms = line
        .split(" slow: ")
        .nth(1)
        .unwrap()
        .split(' ')
        .next()
        .unwrap();
    assert!(ms.parse::<u64>().unwrap() >= 400, "{line}");
}

fn without_the_option_nothing_is_slow(model: &str) {
    let server = Server::start(model, &[]);
    get(&server, "/sleep?ms=400");
    assert_eq!(report(&server).slow, 0);
    assert!(!server.said().contains("slow"), "{}", server.said());
}

/// The time in which the bytes of a request arrive does not count: the client took it.
fn a_slow_client_is_no_slow_request(model: &str) {
    let server = Server::start(model, &["--slow-ms", "400"]);
    let mut client = server.connect();
    let request = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody";
    for part in request.chunks(20) {
        client.write_all(part).unwrap();
        thread::sleep(Duration::from_millis(300));
    }
    assert_eq!(read_answer(&client).text(), "body");
    wait_for("it is counted", || report(&server).requests == 1);
    assert_eq!(report(&server).slow, 0);
}
