//! Clients that misbehave do no harm to other clients.

use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::Duration;

use crate::support::proc;
use crate::support::server::Server;
use crate::support::wait_for;
use crate::support::wire::{self, read_answer, read_to_end};
use crate::{assert_serves, for_every_model};

for_every_model! {
    clients_that_reset_are_survived,
    clients_that_half_close_get_their_answer,
    clients_that_leave_at_once_are_survived,
    clients_that_send_garbage_are_told_so,
    a_client_that_never_reads_is_given_up,
    a_silent_client_is_closed,
    an_idle_client_is_closed,
    a_head_by_drips_meets_the_total_deadline,
    a_body_by_drips_meets_the_total_deadline,
}

/// The client disappears at each stage of a request: before it, in its head, in its body, behind
/// it, and in the answer.
pub(crate) fn clients_that_reset_are_survived(model: &str) {
    let server = Server::start(model, &[]);
    for part in [
        "",
        "GET / HT",
        "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhe",
        "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /bytes?n=10000000 HTTP/1.1\r\nHost: h\r\n\r\n",
    ] {
        for _ in 0..5 {
            let client = server.connect();
            wire::send(&client, part.as_bytes());
            wire::reset(client);
        }
        assert_serves(&server);
    }
}

fn clients_that_half_close_get_their_answer(model: &str) {
    let server = Server::start(model, &[]);
    let client = server.connect();
    wire::get(&client, "/sleep?ms=100");
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_answer(&client).text(), "slept 100 ms\n");
    assert_eq!(read_to_end(&client), (Vec::new(), false));
    assert_serves(&server);
}

pub(crate) fn clients_that_leave_at_once_are_survived(model: &str) {
    let server = Server::start(model, &[]);
    for _ in 0..20 {
        drop(server.connect());
    }
    assert_serves(&server);
}

fn clients_that_send_garbage_are_told_so(model: &str) {
    let server = Server::start(model, &[]);
    let mut rng = fastrand::Rng::with_seed(1);
    for _ in 0..10 {
        let client = server.connect();
        let mut garbage: Vec<u8> = (0..500).map(|_| rng.u8(..)).collect();
        garbage.extend_from_slice(b"\n\r\n\r\n");
        wire::send(&client, &garbage);
        let (answer, _) = read_to_end(&client);
        assert!(answer.starts_with(b"HTTP/1.1 400 Bad Request\r\n"));
    }
    assert_serves(&server);
}

/// The answer is larger than all buffers and the client does not read it. The worker is free again
/// when the send timeout is over.
fn a_client_that_never_reads_is_given_up(model: &str) {
    let server = Server::start(model, &["--send-timeout", "300ms", "--workers", "1"]);
    let client = server.connect();
    wire::get(&client, "/bytes?n=500000000");
    server.wait_until_read(&client);
    let peer = client.local_addr().unwrap();
    wait_for("the server gives up", || {
        let socket = proc::socket(server.address, peer);
        socket.is_none_or(|socket| socket.has_ended)
    });
    assert_serves(&server);
    let (received, _) = read_to_end(&client);
    assert!(received.len() < 500_000_000);
}

/// A client that has sent nothing gets no answer.
pub(crate) fn a_silent_client_is_closed(model: &str) {
    let server = Server::start(model, &["--head-timeout", "300ms"]);
    let client = server.connect();
    assert_eq!(read_to_end(&client), (Vec::new(), false));
    assert_serves(&server);
}

fn an_idle_client_is_closed(model: &str) {
    let server = Server::start(model, &["--keep-alive-timeout", "300ms"]);
    let client = server.connect();
    wire::get(&client, "/");
    assert_eq!(read_answer(&client).status(), 200);
    assert_eq!(read_to_end(&client), (Vec::new(), false));
    assert_serves(&server);
}

/// One byte at a time, each well before any timeout of a single read. So the total time must be
/// bounded.
fn a_head_by_drips_meets_the_total_deadline(model: &str) {
    let server = Server::start(model, &["--head-timeout", "1s"]);
    let client = server.connect();
    let head = format!("GET / HTTP/1.1\r\nHost: h\r\nX: {}", "x".repeat(1000));
    assert_eq!(drip(&client, head.as_bytes()), 408);
    assert_serves(&server);
}

fn a_body_by_drips_meets_the_total_deadline(model: &str) {
    let options = ["--body-timeout", "1s", "--body-rate", "500"];
    let server = Server::start(model, &options);
    let client = server.connect();
    let head = b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n";
    wire::send(&client, head);
    assert_eq!(drip(&client, &[b'x'; 1000]), 408);
    assert_serves(&server);
}

/// Sends a byte now and then until the server answers. Returns the status, or 0 if no answer came
/// before the last byte.
fn drip(client: &TcpStream, bytes: &[u8]) -> u16 {
    for byte in bytes {
        wire::send(client, &[*byte]);
        thread::sleep(Duration::from_millis(20));
        client.set_nonblocking(true).unwrap();
        let peeked = client.peek(&mut [0]);
        client.set_nonblocking(false).unwrap();
        if peeked.is_ok() {
            return read_answer(client).status();
        }
    }
    0
}
