//! What is special about completions: memory that the kernel uses, and kernels without io_uring.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use nix::sys::signal::Signal;
use nix::sys::socket::{setsockopt, sockopt};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter};

use crate::assert_serves;
use crate::support::server::{BINARY, Server};
use crate::support::wire::{self, read_answer};
use crate::support::{can_run, proc, wait_for};

/// Hundreds of connections break off while the kernel sends to them, reads a file for them or
/// receives from them. Meanwhile other clients post and compare what they get. Memory that was
/// reused too early would show in it.
#[test]
fn memory_outlives_its_operations() {
    if !can_run("uring") {
        return;
    }
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("file"), vec![b'f'; 3_000_000]).unwrap();
    let options = ["--root", root.path().to_str().unwrap()];
    let mut server = Server::start("uring", &options);
    for _ in 0..20 {
        assert_serves(&server);
    }
    let descriptors = |server: &Server| server.tree()[0].descriptors().len();
    wait_for("only what stays is open", || sockets(&server) == 1);
    let before = descriptors(&server);
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let (server, is_over) = (&server, &is_over);
        let honest: Vec<_> = (0..4u8)
            .map(|number| scope.spawn(move || echo_until(server, number, is_over)))
            .collect();
        for round in 0..100 {
            break_off(server, round);
        }
        is_over.store(true, Ordering::Relaxed);
        for client in honest {
            assert!(client.join().unwrap() > 0, "they were served all the while");
        }
    });
    wait_for("as many descriptors as before", || {
        descriptors(&server) == before
    });
    assert_serves(&server);
    server.signal(Signal::SIGTERM);
    assert_eq!(server.wait().code(), Some(0), "{}", server.said());
    assert_eq!(server.said(), "");
}

fn sockets(server: &Server) -> usize {
    let all = server.tree()[0].descriptors();
    let sockets = all.iter().filter(|target| target.starts_with("socket:"));
    sockets.count()
}

/// Posts bodies of all sizes, each of bytes of its own, until the others are done. Returns how many
/// it has posted.
fn echo_until(server: &Server, number: u8, is_over: &AtomicBool) -> usize {
    let mut client = server.connect();
    let mut count = 0;
    // A connection carries a thousand requests.
    while count < 900 && (count == 0 || !is_over.load(Ordering::Relaxed)) {
        let length = 1 + (count * 7919) % 100_000;
        let body = vec![number ^ count as u8; length];
        let head = format!("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n\r\n");
        wire::send(&client, &[head.as_bytes(), &body].concat());
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            client.read_exact(&mut byte).unwrap();
            head.extend(byte);
        }
        let mut content = vec![0; length];
        client.read_exact(&mut content).unwrap();
        assert!(content == body, "bytes of another client");
        count += 1;
    }
    count
}

/// Six clients, each in another stage of a request, disappear.
fn break_off(server: &Server, round: usize) {
    let clients: Vec<TcpStream> = (0..6).map(|_| server.connect()).collect();
    let upload = [
        b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 900000\r\n\r\n".to_vec(),
        vec![b'u'; 100_000],
    ];
    wire::get(&clients[0], "/bytes?n=5000000");
    wire::get(&clients[1], "/files/file");
    wire::send(&clients[2], &upload.concat());
    wire::send(
        &clients[3],
        &b"GET / HTTP/1.1\r\nHost: h\r\n\r\n".repeat(200),
    );
    wire::get(&clients[4], "/");
    for (index, mut client) in clients.into_iter().enumerate() {
        // The server may get some way with them first, if their request is complete.
        if ![2, 5].contains(&index) && (round + index).is_multiple_of(3) {
            let _ = client.read(&mut [0; 1000]);
        }
        if (round + index).is_multiple_of(2) {
            let at_once = libc::linger {
                l_onoff: 1,
                l_linger: 0,
            };
            setsockopt(&client, sockopt::Linger, &at_once).unwrap();
        }
    }
}

/// A client sends one request after the other and reads no answer. The server stops receiving from
/// it, keeps a bounded amount of what it has received, and serves the other clients.
#[test]
fn a_client_that_pipelines_without_end_is_held_back() {
    if !can_run("uring") {
        return;
    }
    let server = Server::start("uring", &["--send-timeout", "300s"]);
    let before_kib = proc::anonymous_kib(server.pid());
    let clients: Vec<TcpStream> = (0..10).map(|_| server.connect()).collect();
    let requests = b"GET /bytes?n=100000 HTTP/1.1\r\nHost: h\r\n\r\n".repeat(1000);
    for mut client in &clients {
        client.set_nonblocking(true).unwrap();
        let (mut sent, mut refused) = (0, 0);
        wait_for("nothing more is taken from it", || {
            let took = client.write(&requests).unwrap_or(0);
            sent += took;
            assert!(sent < 100_000_000, "without end");
            refused = if took == 0 { refused + 1 } else { 0 };
            refused == 20
        });
    }
    assert_serves(&server);
    let after_kib = proc::anonymous_kib(server.pid());
    // By now every provided buffer may have been used.
    let limit_kib = before_kib + 2 * 1024 + 10 * 256 + 1024;
    assert!(after_kib < limit_kib, "{before_kib} to {after_kib} KiB");
    // Once the client reads, it gets its answers.
    clients[0].set_nonblocking(false).unwrap();
    for _ in 0..300 {
        assert_eq!(read_large(&clients[0]), 100_000);
    }
}

/// Reads an answer. Returns the length of its content.
fn read_large(mut client: &TcpStream) -> usize {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    let head = String::from_utf8(head).unwrap();
    let length = head.split("Content-Length: ").nth(1).unwrap();
    let length: usize = length.split("\r\n").next().unwrap().parse().unwrap();
    let mut content = vec![0; length];
    client.read_exact(&mut content).unwrap();
    assert!(content.iter().all(|&byte| byte == b'x'));
    length
}

/// Many requests in one delivery, in the first receive and in later ones.
#[test]
fn pipelined_requests_are_all_answered() {
    if !can_run("uring") {
        return;
    }
    let server = Server::start("uring", &[]);
    let client = server.connect();
    for _ in 0..3 {
        wire::send(&client, &b"GET / HTTP/1.1\r\nHost: h\r\n\r\n".repeat(300));
        for _ in 0..300 {
            assert_eq!(read_answer(&client).text(), "Hello, World!\n");
        }
    }
}

#[test]
fn a_kernel_without_io_uring_is_told_from_one_that_forbids_it() {
    let absent = run_without_io_uring(libc::ENOSYS);
    assert_refused(&absent, &["cannot run uring", "no io_uring", "5.19"]);
    let forbidden = run_without_io_uring(libc::EPERM);
    let words = ["cannot run uring", "kernel.io_uring_disabled", "seccomp"];
    assert_refused(&forbidden, &words);
}

#[track_caller]
fn assert_refused(output: &Output, words: &[&str]) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(output.stdout.is_empty(), "it announces no port");
    assert_eq!(said.lines().count(), 1, "{said}");
    for word in words {
        assert!(said.contains(word), "no {word:?} in {said}");
    }
}

/// `servers run uring` where io_uring_setup(2) fails with this error. A process inherits the filter
/// of the thread that starts it (seccomp(2)).
fn run_without_io_uring(errno: i32) -> Output {
    let filter = SeccompFilter::new(
        [(libc::SYS_io_uring_setup, Vec::new())].into(),
        SeccompAction::Allow,
        SeccompAction::Errno(errno.cast_unsigned()),
        std::env::consts::ARCH.try_into().unwrap(),
    );
    let program: BpfProgram = filter.unwrap().try_into().unwrap();
    let start = move || {
        apply_filter(&program).unwrap();
        let arguments = ["run", "uring", "--bind", "127.0.0.1:0"];
        Command::new(BINARY).args(arguments).output().unwrap()
    };
    thread::spawn(start).join().unwrap()
}
