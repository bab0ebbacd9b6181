//! No close loses data: every answer that has begun arrives whole, and then the end, not a reset.
//!
//! If a process closes a socket that holds unread bytes, the kernel resets the connection, and what
//! the client has not received yet is lost. The clients here leave unread bytes in every way that
//! HTTP permits, and in some that it does not.

use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::for_every_model;
use crate::support::server::Server;
use crate::support::wire::{self, Answer, find, read_to_end};
use crate::support::{has_master, wait_for};

for_every_model! {
    an_empty_line_behind_the_last_body_costs_no_answer,
    a_short_answer_ends_with_fin_though_bytes_are_unread,
    a_file_arrives_whole_though_bytes_are_unread,
    bytes_behind_the_close_cut_no_large_answer,
    a_stop_answers_whole_what_it_has_begun,
    the_last_answer_of_a_worker_is_whole,
    a_client_that_pipelines_beyond_the_limit_gets_all_permitted_answers,
    a_413_reaches_a_client_that_sends_five_megabytes,
    whatever_ends_a_connection_every_answer_is_whole,
}

/// How long a client waits before it reads, so that the server has decided to close by then.
const LATE: Duration = Duration::from_millis(300);

fn echo(length: usize) -> Vec<u8> {
    let head = format!(
        "POST /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
    );
    [head.as_bytes(), &vec![b'e'; length], b"\r\n"].concat()
}

/// Some old clients send an empty line behind a body (RFC 9112 section 2.2).
fn an_empty_line_behind_the_last_body_costs_no_answer(model: &str) {
    let server = Server::start(model, &[]);
    let client = server.connect();
    wire::send(&client, &echo(1_000_000));
    thread::sleep(LATE);
    assert_eq!(read_whole(&client)[0].body.len(), 1_000_000);
}

fn a_short_answer_ends_with_fin_though_bytes_are_unread(model: &str) {
    let server = Server::start(model, &[]);
    for _ in 0..20 {
        let client = server.connect();
        let request = echo(20_000);
        let (body, line) = request.split_at(request.len() - 2);
        wire::send(&client, body);
        wire::send(&client, line);
        assert_eq!(read_whole(&client)[0].status(), 200);
    }
}

fn a_file_arrives_whole_though_bytes_are_unread(model: &str) {
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("big.bin"), vec![b'f'; 3_000_000]).unwrap();
    let server = Server::start(model, &["--root", root.path().to_str().unwrap()]);
    let client = server.connect();
    let head = "GET /files/big.bin HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\
        Content-Length: 2000\r\n\r\n";
    wire::send(&client, &[head.as_bytes(), &[b'x'; 2000], b"\r\n"].concat());
    thread::sleep(LATE);
    assert_eq!(read_whole(&client)[0].body.len(), 3_000_000);
}

/// The client has said `Connection: close` and sends more all the same, when the server has sent
/// all and the client has not read it. RFC 9112 section 9.6 forbids it, and tells the server to
/// close in stages, since a reset would destroy the answer.
fn bytes_behind_the_close_cut_no_large_answer(model: &str) {
    const LENGTH: usize = 300_000;
    let server = Server::start(model, &[]);
    for _ in 0..3 {
        let client = server.connect();
        wire::get_and_close(&client, &format!("/bytes?n={LENGTH}"));
        thread::sleep(LATE);
        wire::send(&client, b"GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        thread::sleep(LATE);
        let answers = read_whole(&client);
        assert_eq!(answers.len(), 1);
        assert_eq!(answers[0].body.len(), LENGTH);
    }
}

/// The second answer says that it is the last. Meanwhile the client has sent a third request.
fn a_stop_answers_whole_what_it_has_begun(model: &str) {
    let mut server = Server::start(model, &[]);
    let client = server.connect();
    wire::get(&client, "/sleep?ms=400");
    server.wait_until_read(&client);
    server.signal(Signal::SIGTERM);
    wire::get(&client, "/bytes?n=3000000");
    wait_for("the second answer begins", || {
        let mut seen = [0; 4096];
        let count = client.peek(&mut seen).unwrap();
        find(&seen[..count], b"3000000").is_some()
    });
    wire::get(&client, "/");
    thread::sleep(LATE);
    let answers = read_whole(&client);
    assert_eq!(answers[1].body.len(), 3_000_000);
    assert_eq!(answers[1].field("Connection"), Some("close"));
    assert_eq!(answers.len(), 2, "nothing is answered behind the last");
    drop(client);
    assert_eq!(server.wait().code(), Some(0), "{}", server.said());
}

/// A master replaces a worker while it answers. The answer is whole, and so is the last one, though
/// the client has sent many more requests, which nothing answers.
fn the_last_answer_of_a_worker_is_whole(model: &str) {
    const LENGTH: usize = 3_000_000;
    let large = format!("GET /bytes?n={LENGTH} HTTP/1.1\r\nHost: h\r\n\r\n");
    if !has_master(model) {
        return;
    }
    for options in [
        &["--workers", "1"][..],
        &["--workers", "1", "--max-requests", "2"],
    ] {
        let server = Server::start(model, options);
        let client = server.connect();
        wire::send(&client, large.repeat(50).as_bytes());
        wait_for("the answer begins", || {
            let mut seen = [0; 4096];
            client.peek(&mut seen).unwrap() == seen.len()
        });
        let is_reload = options.len() == 2;
        if is_reload {
            let old = server.children()[0].pid;
            server.signal(Signal::SIGHUP);
            wait_for("the old worker leaves", || {
                let title = std::fs::read_to_string(format!("/proc/{old}/cmdline"));
                title.is_ok_and(|it| it.contains("(leaving)"))
            });
        }
        thread::sleep(LATE);
        let answers = read_whole(&client);
        assert!(answers.iter().all(|it| it.body.len() == LENGTH));
        let last = answers.last().unwrap();
        assert_eq!(last.field("Connection"), Some("close"), "{options:?}");
        // What socket buffers hold may have been answered before.
        let most = if is_reload { 49 } else { 2 };
        assert!((2..=most).contains(&answers.len()), "{}", answers.len());
    }
}

fn a_client_that_pipelines_beyond_the_limit_gets_all_permitted_answers(model: &str) {
    let server = Server::start(model, &["--keep-alive-requests", "200"]);
    let client = Arc::new(server.connect());
    let sender = send_beside(
        &client,
        b"GET /bytes?n=20000 HTTP/1.1\r\nHost: h\r\n\r\n".repeat(10_000),
    );
    thread::sleep(LATE);
    assert_eq!(read_whole(&client).len(), 200);
    drop(client);
    sender.join().unwrap();
}

fn a_413_reaches_a_client_that_sends_five_megabytes(model: &str) {
    let server = Server::start(model, &[]);
    let client = Arc::new(server.connect());
    let head = b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5000000\r\n\r\n";
    let request = [&head[..], &vec![b'b'; 5_000_000]].concat();
    let sender = send_beside(&client, request);
    let is_sent = sender.join().unwrap();
    assert!(is_sent, "the server must take what it has asked to be sent");
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_whole(&client)[0].status(), 413);
}

/// Sends on a thread of its own. Whether all of it could be sent.
fn send_beside(client: &Arc<TcpStream>, bytes: Vec<u8>) -> thread::JoinHandle<bool> {
    let client = Arc::clone(client);
    thread::spawn(move || (&*client).write_all(&bytes).is_ok())
}

/// All answers until the server closes: whole ones, and no reset behind them.
#[track_caller]
fn read_whole(client: &TcpStream) -> Vec<Answer> {
    let (bytes, was_reset) = read_to_end(client);
    let mut rest = &bytes[..];
    let mut answers = Vec::new();
    while let Some(answer) = Answer::take(&mut rest, false) {
        answers.push(answer);
    }
    let (received, whole) = (bytes.len(), answers.len());
    assert!(!was_reset, "reset after {received} bytes, {whole} answers");
    assert!(rest.is_empty(), "{} bytes of half an answer", rest.len());
    answers
}

/// What ends the connections of a server while its clients are at work.
#[derive(Debug, Clone, Copy)]
enum Ending {
    /// SIGTERM, after so many milliseconds.
    Stop(u64),
    /// SIGHUP: a master replaces its workers.
    Reload(u64),
    /// Workers that have answered so many requests end.
    Recycling(u64),
    /// Connections that have carried so many requests end.
    Requests(u64),
}

/// Random clients and random moments, from fixed seeds.
fn whatever_ends_a_connection_every_answer_is_whole(model: &str) {
    for seed in 0..6 {
        let mut random = fastrand::Rng::with_seed(seed);
        let ending = match random.u64(0..4) {
            0 => Ending::Requests(random.u64(1..6)),
            1 if has_master(model) => Ending::Reload(random.u64(0..200)),
            2 if has_master(model) => Ending::Recycling(random.u64(1..6)),
            _ => Ending::Stop(random.u64(0..200)),
        };
        clients_until(model, ending, random);
    }
}

fn clients_until(model: &str, ending: Ending, mut random: fastrand::Rng) {
    let mut options = vec!["--keep-alive-timeout", "1s"];
    let count;
    match ending {
        Ending::Recycling(requests) => {
            count = requests.to_string();
            options.extend(["--max-requests", &count]);
        }
        Ending::Requests(requests) => {
            count = requests.to_string();
            options.extend(["--keep-alive-requests", &count]);
        }
        _ => {}
    }
    if has_master(model) {
        options.extend(["--workers", "3"]);
    }
    let server = Server::start(model, &options);
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let (client, random) = (server.connect(), random.fork());
            thread::spawn(move || pipeline(&client, random))
        })
        .collect();
    match ending {
        Ending::Stop(ms) | Ending::Reload(ms) => {
            thread::sleep(Duration::from_millis(ms));
            let signal = match ending {
                Ending::Reload(_) => Signal::SIGHUP,
                _ => Signal::SIGTERM,
            };
            server.signal(signal);
        }
        Ending::Recycling(_) | Ending::Requests(_) => {}
    }
    for client in clients {
        if let Err(panic) = client.join() {
            eprintln!("{model}, {ending:?}: {}", server.said());
            std::panic::resume_unwind(panic);
        }
    }
}

/// One client: sends requests with pauses, one of which may be its last by its own word, and bytes
/// that belong to none; reads late.
fn pipeline(client: &TcpStream, mut random: fastrand::Rng) {
    let count = random.usize(1..6);
    let last = random.usize(0..8);
    for number in 0..count {
        let close = if number == last {
            "Connection: close\r\n"
        } else {
            ""
        };
        let size = [10, 5000, 200_000, 1_500_000][random.usize(0..4)];
        let is_get = random.bool();
        let request = if is_get {
            format!("GET /bytes?n={size} HTTP/1.1\r\nHost: h\r\n{close}\r\n")
        } else {
            let size = size.min(200_000);
            let body = "b".repeat(size);
            format!("POST /echo HTTP/1.1\r\nHost: h\r\n{close}Content-Length: {size}\r\n\r\n{body}")
        };
        wire::send(client, request.as_bytes());
        if is_get && number == last {
            // A client that has said so must send nothing more (RFC 9112 section 9.6). Behind a
            // request without a body the server closes at once: later bytes reset the connection.
            break;
        }
        if random.u8(0..3) == 0 {
            wire::send(client, b"\r\n");
        }
        thread::sleep(Duration::from_millis(random.u64(0..60)));
    }
    if random.bool() {
        // The server may have ended the connection already.
        let _ = client.shutdown(Shutdown::Write);
    }
    thread::sleep(Duration::from_millis(random.u64(0..300)));
    let answers = read_whole(client);
    assert!(answers.len() <= count, "more answers than requests");
}
