//! What only event loops have to promise: no client starves or is forgotten, and many are held.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use servers::scoreboard::{View, Wakes};

use crate::assert_serves;
use crate::support::server::Server;
use crate::support::wire::{self, read_answer, read_to_end};
use crate::support::{can_run, proc, wait_for};

/// Runs a test on each of the loops, and makes it one test.
macro_rules! on_each_loop {
    ($($test:ident),* $(,)?) => {
        mod poll {
            $(#[test] fn $test() { super::$test("poll"); })*
        }
        mod epoll {
            $(#[test] fn $test() { super::$test("epoll"); })*
        }
        mod epoll_edge {
            $(#[test] fn $test() { super::$test("epoll --trigger edge"); })*
        }
        mod event {
            $(#[test] fn $test() { super::$test("event --workers 1"); })*
        }
        mod event_edge {
            $(#[test] fn $test() { super::$test("event --workers 1 --trigger edge"); })*
        }
        mod uring {
            $(#[test] fn $test() { if super::can_run("uring") { super::$test("uring"); } })*
        }
    };
}

on_each_loop! {
    a_client_that_pipelines_without_end_starves_no_other,
    a_client_that_reads_without_end_starves_no_other,
    a_client_that_writes_without_end_starves_no_other,
    no_wake_up_is_lost,
    an_end_behind_the_last_bytes_is_seen,
    thousands_are_held_at_once,
    thousands_of_deadlines_are_met,
    thousands_of_idle_connections_do_not_hold_up_a_stop,
    those_who_are_connected_are_served_while_descriptors_lack,
    the_queue_is_drained_through_a_lack_of_descriptors,
    a_request_that_arrives_while_the_loop_is_held_up_is_not_late,
}

/// A client that keeps the server busy for as long as this value lives.
struct Busy {
    over: &'static AtomicBool,
    socket: TcpStream,
}

impl Busy {
    /// Runs `write` and `read`, on a thread each, again and again.
    fn start(server: &Server, write: fn(&TcpStream) -> bool, read: fn(&TcpStream) -> bool) -> Self {
        let over: &'static AtomicBool = Box::leak(Box::default());
        let socket = server.connect();
        for act in [write, read] {
            let socket = socket.try_clone().unwrap();
            thread::spawn(move || while !over.load(Relaxed) && act(&socket) {});
        }
        Self { over, socket }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.over.store(true, Relaxed);
        // Wakes the threads that wait for the connection.
        let _ = self.socket.shutdown(Shutdown::Both);
    }
}

fn take_all(mut client: &TcpStream) -> bool {
    client
        .read(&mut [0; 256 * 1024])
        .is_ok_and(|count| count > 0)
}

/// Other clients get their answers, one after the other, though one client never stops.
#[track_caller]
fn assert_not_starved(server: &Server, busy: &Busy) {
    for _ in 0..5 {
        assert_serves(server);
    }
    let peer = busy.socket.local_addr().unwrap();
    let socket = proc::socket(server.address, peer).expect("it is still connected");
    assert!(!socket.has_ended);
}

/// The client has sent more work than the server can do while the test waits.
fn a_client_that_pipelines_without_end_starves_no_other(model: &str) {
    let server = Server::start(model, &["--keep-alive-requests", "1000000000"]);
    let write = |mut client: &TcpStream| {
        let requests = b"GET /sleep?ms=20 HTTP/1.1\r\nHost: h\r\n\r\n".repeat(2000);
        client.write_all(&requests).is_ok()
    };
    let busy = Busy::start(&server, write, take_all);
    assert_eq!(busy.socket.peek(&mut [0]).unwrap(), 1);
    assert_not_starved(&server, &busy);
}

fn a_client_that_reads_without_end_starves_no_other(model: &str) {
    let options = ["--max-bytes", "1000000000000000"];
    let server = Server::start(model, &options);
    let wait = |_: &TcpStream| {
        thread::sleep(Duration::from_millis(10));
        true
    };
    let busy = Busy::start(&server, wait, take_all);
    wire::get(&busy.socket, "/bytes?n=1000000000000000");
    assert_not_starved(&server, &busy);
}

/// A body in chunks of one byte, each of which is work.
fn a_client_that_writes_without_end_starves_no_other(model: &str) {
    let server = Server::start(model, &["--limit-body", "1000000000000"]);
    let write = |mut client: &TcpStream| client.write_all(&b"1\r\nx\r\n".repeat(10_000)).is_ok();
    let busy = Busy::start(&server, |_| false, take_all);
    let head = b"PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    wire::send(&busy.socket, head);
    let socket = busy.socket.try_clone().unwrap();
    let over = busy.over;
    thread::spawn(move || while !over.load(Relaxed) && write(&socket) {});
    assert_not_starved(&server, &busy);
}

/// Bodies larger than all buffers go up and come back in pieces of every size, at every pace. After
/// a lost wake-up no byte would move.
fn no_wake_up_is_lost(model: &str) {
    // On a busy machine a short pause may become a long one.
    let patient = ["--keep-alive-timeout", "300s"];
    let server = Server::start(
        model,
        &[&["--limit-body", "8000000"], &patient[..]].concat(),
    );
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    thread::scope(|scope| {
        for number in 0..6 {
            let server = &server;
            scope.spawn(move || echo_in_pieces(server, seed.wrapping_add(number)));
        }
    });
    assert_serves(&server);
}

fn echo_in_pieces(server: &Server, seed: u64) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let client = server.connect();
    for _ in 0..3 {
        let body: Vec<u8> = (0..rng.usize(1..6_000_000)).map(|at| at as u8).collect();
        let head = format!(
            "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        thread::scope(|scope| {
            let mut rng = rng.fork();
            let (client, body) = (&client, &body);
            scope.spawn(move || {
                wire::send(client, head.as_bytes());
                let mut rest = &body[..];
                while !rest.is_empty() {
                    let piece = 1 + rng.usize(..rest.len()).min(1 << rng.u8(0..21));
                    wire::send(client, &rest[..piece]);
                    rest = &rest[piece..];
                    pause(&mut rng);
                }
            });
        });
        let mut received = Vec::new();
        let mut part = vec![0; 1 << 20];
        while wire::find(&received, b"\r\n\r\n")
            .is_none_or(|end| received.len() < end + 4 + body.len())
        {
            let size = 1 << rng.u8(0..21);
            let count = (&client).read(&mut part[..size]).unwrap();
            let begun = String::from_utf8_lossy(&received[..received.len().min(80)]);
            assert!(count > 0, "the server closed in the middle of {begun:?}");
            received.extend_from_slice(&part[..count]);
            pause(&mut rng);
        }
        assert!(received.ends_with(&body), "the echo differs");
    }
}

/// Pauses now and then, so that the server has used up what it has received.
fn pause(rng: &mut fastrand::Rng) {
    if rng.u8(0..20) == 0 {
        thread::sleep(Duration::from_micros(rng.u64(0..3000)));
    }
}

/// The bytes of a request and the end of the connection arrive together: one report for both.
fn an_end_behind_the_last_bytes_is_seen(model: &str) {
    let server = Server::start(model, &["--head-timeout", "300s"]);
    for _ in 0..50 {
        let client = server.connect();
        wire::get(&client, "/sleep?ms=1");
        client.shutdown(Shutdown::Write).unwrap();
        assert_eq!(read_answer(&client).status(), 200);
        assert_eq!(read_to_end(&client), (Vec::new(), false));
        let client = server.connect();
        wire::send(&client, b"GET / HT");
        client.shutdown(Shutdown::Write).unwrap();
        assert_eq!(read_to_end(&client), (Vec::new(), false));
    }
}

/// At most as many clients as the test may have descriptors for.
const MANY: usize = 1000;

fn many(server: &Server) -> Vec<TcpStream> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
    // Tests run side by side in one process.
    let count = MANY.min(usize::try_from(hard).unwrap() / 16);
    (0..count).map(|_| server.connect()).collect()
}

/// Bytes of memory that an idle connection may use.
const IDLE_MAX: u64 = 4096;

/// All clients are connected before the first sends a request, and each is answered twice. In
/// between they are idle, and cost little.
fn thousands_are_held_at_once(model: &str) {
    let server = Server::start(
        model,
        &["--keep-alive-timeout", "300s", "--backlog", "4096"],
    );
    assert_serves(&server);
    let before_kib = proc::anonymous_kib(server.pid());
    let clients = many(&server);
    for _ in 0..2 {
        for client in &clients {
            wire::get(client, "/");
        }
        for client in &clients {
            assert_eq!(read_answer(client).status(), 200);
        }
        let used_kib = proc::anonymous_kib(server.pid()) - before_kib;
        let allowed_kib = clients.len() as u64 * IDLE_MAX / 1024 + 512;
        assert!(used_kib <= allowed_kib, "{used_kib} KiB of {allowed_kib}");
    }
}

/// Half of the clients send nothing, the others half a head.
fn thousands_of_deadlines_are_met(model: &str) {
    let server = Server::start(model, &["--head-timeout", "2s", "--backlog", "4096"]);
    let clients = many(&server);
    for client in clients.iter().step_by(2) {
        wire::send(client, b"GET / HTTP/1.1\r\n");
    }
    for (number, client) in clients.iter().enumerate() {
        let (answer, _) = read_to_end(client);
        let is_late = answer.starts_with(b"HTTP/1.1 408 ");
        assert_eq!(
            (is_late, answer.is_empty()),
            (number % 2 == 0, number % 2 == 1)
        );
    }
    assert_serves(&server);
}

fn thousands_of_idle_connections_do_not_hold_up_a_stop(model: &str) {
    let options = ["--keep-alive-timeout", "300s", "--backlog", "4096"];
    let mut server = Server::start(model, &options);
    let clients = many(&server);
    for client in &clients {
        wire::get(client, "/");
    }
    for client in &clients {
        assert_eq!(read_answer(client).status(), 200);
    }
    server.signal(Signal::SIGTERM);
    for client in &clients {
        assert_eq!(read_to_end(client), (Vec::new(), false));
    }
    assert_eq!(server.wait().code(), Some(0), "{}", server.said());
}

/// Starts a server that may have 16 descriptors.
fn start_with_few_descriptors(model: &str, options: &[&str]) -> Server {
    let mut launcher = std::process::Command::new("sh");
    let limited = ["-c", "ulimit -n 16; exec \"$0\" \"$@\""];
    launcher.args(limited).arg(crate::support::server::BINARY);
    Server::start_by(launcher, model, options)
}

fn those_who_are_connected_are_served_while_descriptors_lack(model: &str) {
    let options = ["--keep-alive-timeout", "300s", "--head-timeout", "300s"];
    let server = start_with_few_descriptors(model, &options);
    let first = server.connect();
    wire::get(&first, "/");
    assert_eq!(read_answer(&first).status(), 200);
    let others: Vec<TcpStream> = (0..30).map(|_| server.connect()).collect();
    wait_for("the log says what is missing", || {
        server.said().contains("accept: ")
    });
    for _ in 0..20 {
        wire::get(&first, "/");
        assert_eq!(read_answer(&first).status(), 200);
    }
    // Each client that leaves makes room for another.
    for client in others {
        wire::get(&client, "/");
        assert_eq!(read_answer(&client).status(), 200);
    }
}

fn the_queue_is_drained_through_a_lack_of_descriptors(model: &str) {
    let mut server = start_with_few_descriptors(model, &[]);
    let clients: Vec<TcpStream> = (0..30).map(|_| server.connect()).collect();
    wait_for("the log says what is missing", || {
        server.said().contains("accept: ")
    });
    for client in &clients {
        wire::get_and_close(client, "/sleep?ms=5");
    }
    server.signal(Signal::SIGTERM);
    for client in &clients {
        assert_eq!(read_answer(client).status(), 200);
    }
    assert_eq!(server.wait().code(), Some(0), "{}", server.said());
}

/// The loop sleeps for longer than a client may be idle. The client has sent its next request in
/// time.
fn a_request_that_arrives_while_the_loop_is_held_up_is_not_late(model: &str) {
    let server = Server::start(model, &["--keep-alive-timeout", "2s"]);
    let (slow, prompt) = (server.connect(), server.connect());
    wire::get(&prompt, "/");
    assert_eq!(read_answer(&prompt).status(), 200);
    wire::get(&slow, "/sleep?ms=3000");
    // Long enough for the loop to sleep. If it does not sleep yet, the test shows nothing.
    thread::sleep(Duration::from_millis(200));
    wire::get(&prompt, "/");
    assert_eq!(read_answer(&prompt).status(), 200);
    assert_eq!(read_answer(&slow).status(), 200);
}

/// While a handler holds up a worker's loop, the clients of that worker wait and no others.
#[test]
fn a_worker_that_is_held_up_holds_up_its_own_clients() {
    for model in ["event", "event --accept epoll"] {
        let options = ["--max-wait", "1000s", "--keep-alive-timeout", "300s"];
        let server = Server::start(model, &[&["--workers", "2"], &options[..]].concat());
        let mut clients: Vec<(TcpStream, String)> = Vec::new();
        let worker_of = |client: &TcpStream| {
            wire::get(client, "/pid");
            read_answer(client).text()
        };
        // Until both workers have a client, and one of them a second one.
        wait_for("two clients at one worker and one at the other", || {
            let client = server.connect();
            let worker = worker_of(&client);
            clients.push((client, worker));
            let at_first = clients.iter().filter(|it| it.1 == clients[0].1).count();
            at_first >= 2 && at_first < clients.len()
        });
        let held_up = clients[0].1.clone();
        wire::get(&clients[0].0, "/sleep?ms=1000000");
        server.wait_until_read(&clients[0].0);
        for (client, worker) in &clients[1..] {
            wire::get(client, "/pid");
            if *worker != held_up {
                assert_eq!(read_answer(client).text(), *worker);
            }
        }
        let waiting = clients[1..].iter().filter(|it| it.1 == held_up);
        for (client, _) in waiting {
            client.set_nonblocking(true).unwrap();
            let peeked = client.peek(&mut [0]);
            assert!(peeked.is_err(), "{model}: answered by a worker that sleeps");
        }
        // For a client that comes now the kernel wakes a worker whose loop is free.
        for _ in 0..10 {
            assert_serves(&server);
        }
    }
}

fn wakes(server: &Server) -> Vec<Wakes> {
    let view = View::of_process(server.pid().cast_unsigned()).unwrap();
    view.wakes()
}

/// However the connections are spread, each is counted by the worker that has accepted it.
#[test]
fn every_connection_is_counted_once() {
    for strategy in ["exclusive", "exclusive --requeue 0", "epoll", "reuseport"] {
        let server = Server::start(&format!("event --accept {strategy}"), &["--workers", "3"]);
        for _ in 0..300 {
            assert_serves(&server);
        }
        let accepted: u64 = wakes(&server).iter().map(|wakes| wakes.accepted).sum();
        assert_eq!(accepted, 300, "{strategy}");
    }
}

/// The kernel wakes all workers that wait, and one gets the connection: the others were woken in
/// vain. EPOLLEXCLUSIVE avoids that with one queue for all.
#[test]
fn a_herd_is_woken_in_vain() {
    let server = Server::start("event --accept epoll", &["--workers", "4"]);
    wait_for("a worker is woken in vain", || {
        assert_serves(&server);
        wakes(&server).iter().any(|wakes| wakes.in_vain > 0)
    });
}

/// The kernel wakes one worker and no other. If that worker is stopped or dead, another one takes
/// the connection.
#[test]
fn a_connection_outlives_the_worker_that_was_woken_for_it() {
    let server = Server::start("event --accept exclusive", &["--workers", "3"]);
    wait_for("three workers", || server.children().len() == 3);
    for _ in 0..10 {
        assert_serves(&server);
    }
    for worker in server.children().iter().take(2) {
        kill(Pid::from_raw(worker.pid), Signal::SIGSTOP).unwrap();
    }
    for _ in 0..10 {
        assert_serves(&server);
    }
}
