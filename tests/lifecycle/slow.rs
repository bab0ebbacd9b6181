//! Clients that are slow, on purpose or not: they cost bounded memory and bounded time.

use std::fs::File;
use std::io::Read;
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use crate::for_every_model;
use crate::support::server::Server;
use crate::support::wire::{self, read_answer};
use crate::support::{has_master, proc, wait_for};

for_every_model! {
    an_answer_that_is_not_read_is_not_collected,
    an_upload_costs_no_more_than_its_limit,
    an_echo_that_is_not_read_is_given_up,
    a_file_that_is_not_read_is_given_up,
    a_body_at_the_least_rate_outlives_the_body_timeout,
    a_body_earns_nothing_without_a_rate,
    draining_ends_though_the_client_goes_on_sending,
    draining_ends_with_the_time_that_it_may_take,
}

/// One place for clients: while one client holds it, no other is served.
const ONE_PLACE: [&str; 6] = ["--workers", "1", "--threads", "1", "--max-connections", "1"];

/// Memory that a server may use besides: buffers, a stack, the pages that a child has copied.
const SLACK_KIB: u64 = 4 * 1024;

#[track_caller]
fn start(model: &str, options: &[&str]) -> Server {
    Server::start(model, &[&ONE_PLACE, options].concat())
}

/// Waits until the place is free again: a new client is answered. Others may get a 503 before it.
#[track_caller]
fn assert_freed(server: &Server) {
    wait_for("the place is free", || {
        let client = server.connect();
        wire::get_and_close(&client, "/");
        read_answer(&client).status() == 200
    });
}

/// The answer has a gigabyte. The client reads a tenth of it and stops.
pub(crate) fn an_answer_that_is_not_read_is_not_collected(model: &str) {
    let server = start(model, &["--send-timeout", "300s"]);
    let mut client = server.connect();
    wire::get(&client, "/");
    assert_eq!(read_answer(&client).status(), 200);
    let before_kib = proc::anonymous_kib(server.pid());
    wire::get(&client, "/bytes?n=1000000000");
    let mut part = vec![0; 1 << 20];
    for _ in 0..100 {
        client.read_exact(&mut part).unwrap();
    }
    let after_kib = proc::anonymous_kib(server.pid());
    assert!(after_kib < before_kib + SLACK_KIB, "{after_kib} KiB");
}

/// All but the last byte of 20 MB has arrived. The server uses the memory of that body and no more.
fn an_upload_costs_no_more_than_its_limit(model: &str) {
    let server = start(model, &["--limit-body", "20000000"]);
    let client = server.connect();
    wire::get(&client, "/");
    assert_eq!(read_answer(&client).status(), 200);
    let before_kib = proc::anonymous_kib(server.pid());
    let head = b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 20000000\r\n\r\n";
    wire::send(&client, head);
    wire::send(&client, &vec![b'x'; 19_999_999]);
    server.wait_until_read(&client);
    let after_kib = proc::anonymous_kib(server.pid());
    let limit_kib = before_kib + 20_000_000 / 1024 + SLACK_KIB;
    assert!(after_kib < limit_kib, "{after_kib} KiB");
    wire::send(&client, b"x");
    assert_eq!(read_answer(&client).status(), 405);
}

/// A large upload is echoed to a client that does not read.
fn an_echo_that_is_not_read_is_given_up(model: &str) {
    let options = ["--limit-body", "50000000", "--send-timeout", "300ms"];
    let server = start(model, &options);
    let client = server.connect();
    wire::send(
        &client,
        b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 50000000\r\n\r\n",
    );
    wire::send(&client, &vec![b'x'; 50_000_000]);
    assert_freed(&server);
    assert!(wire::read_to_end(&client).0.len() < 50_000_000);
}

fn a_file_that_is_not_read_is_given_up(model: &str) {
    let root = tempfile::tempdir().unwrap();
    let file = File::create(root.path().join("sparse")).unwrap();
    file.set_len(500_000_000).unwrap();
    let path = root.path().to_str().unwrap();
    let server = start(model, &["--root", path, "--send-timeout", "300ms"]);
    let pool = |server: &Server| -> Vec<i32> {
        let children = server.children();
        children.iter().map(|process| process.pid).collect()
    };
    // Before the first client is served, the pool may not be complete.
    assert_freed(&server);
    let before = pool(&server);
    let client = server.connect();
    wire::get(&client, "/files/sparse");
    assert_freed(&server);
    if has_master(model) {
        assert_eq!(pool(&server), before, "the worker goes on");
    }
    assert_eq!(server.said(), "", "that is nothing to log");
    assert!(wire::read_to_end(&client).0.len() < 500_000_000);
}

/// The body pauses for longer than the half second that it is given. By then its bytes have earned
/// a hundred seconds.
fn a_body_at_the_least_rate_outlives_the_body_timeout(model: &str) {
    assert_eq!(post_with_a_pause(model, "10"), 200);
}

fn a_body_earns_nothing_without_a_rate(model: &str) {
    assert_eq!(post_with_a_pause(model, "0"), 408);
}

fn post_with_a_pause(model: &str, rate: &str) -> u16 {
    let server = start(model, &["--body-timeout", "500ms", "--body-rate", rate]);
    let client = server.connect();
    wire::send(
        &client,
        b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1001\r\n\r\n",
    );
    wire::send(&client, &[b'x'; 1000]);
    thread::sleep(Duration::from_secs(2));
    wire::send(&client, b"x");
    read_answer(&client).status()
}

/// A refused client goes on sending, and each byte earns it another second.
fn draining_ends_though_the_client_goes_on_sending(model: &str) {
    let options = [
        "--linger-timeout",
        "300s",
        "--linger-rate",
        "1",
        "--linger-max",
        "500ms",
    ];
    let server = start(model, &options);
    let client = refused(&server);
    wire::send(&client, &[b'x'; 100]);
    assert_freed(&server);
}

/// A refused client keeps its connection and sends nothing.
fn draining_ends_with_the_time_that_it_may_take(model: &str) {
    let server = start(model, &["--linger-timeout", "300ms"]);
    let client = refused(&server);
    assert_freed(&server);
    drop(client);
}

fn refused(server: &Server) -> TcpStream {
    let client = server.connect();
    wire::send(&client, b"nonsense\r\n\r\n");
    assert_eq!(read_answer(&client).status(), 400);
    client
}
