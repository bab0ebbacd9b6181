//! `--trace`: each connection's events are complete and in order, in every model, and both sides
//! join into lanes.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

#[path = "support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Output};

use nix::sys::signal::Signal;
use servers::trace::{Event, Kind, Record, Side, Timeline, read};
use support::server::{BINARY, Server};
use support::{wait_for, wire};

use Event::{Accepted, Answered, Closed, FirstByte, Handed, Taken};

for_every_model!(
    events_are_complete_and_in_order,
    both_sides_join_into_lanes,
    a_silent_client_that_resets_is_closed,
);

/// What one connection with two requests leaves behind.
const TWO_REQUESTS: [Event; 9] = [
    Accepted, Taken, FirstByte, Handed, Answered, FirstByte, Handed, Answered, Closed,
];

fn events_are_complete_and_in_order(model: &str) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("trace");
    let server = traced(model, &file, &["--workers", "2"]);
    let mut ports = Vec::new();
    for _ in 0..3 {
        let client = server.connect();
        ports.push(port(&client));
        wire::get(&client, "/");
        assert_eq!(wire::read_answer(&client).status(), 200);
        wire::get_and_close(&client, "/who");
        wire::read_to_end(&client);
    }
    let records = wait_for_closes(&file, 3);
    assert_eq!(records[0].event, Event::Trace);
    assert_eq!(records[0].note.as_deref(), Some(support::first_word(model)));
    let by_port = by_port(&records);
    for port in ports {
        let mine = &by_port[&port];
        let events: Vec<Event> = mine.iter().map(|it| it.event).collect();
        assert_eq!(events, TWO_REQUESTS, "{model}, port {port}");
        assert!(mine.is_sorted_by_key(|it| it.ns), "{model}: {mine:?}");
        // The worker that takes a connection keeps it; only tasks may change their thread.
        let workers = mine[1..].iter().map(|it| (it.pid, it.thread));
        let workers: Vec<_> = workers.collect();
        let is_same = workers.iter().all(|it| *it == workers[0]);
        assert!(is_same || model == "async", "{model}: {workers:?}");
        assert!(mine.iter().all(|it| it.side == Side::Server));
    }
}

fn both_sides_join_into_lanes(model: &str) {
    let directory = tempfile::tempdir().unwrap();
    let of_server = directory.path().join("server");
    let of_clients = directory.path().join("clients");
    let mut server = traced(model, &of_server, &["--workers", "2"]);
    let url = format!("http://{}/", server.address);
    let loaded = servers(&[
        "load",
        &url,
        "-c",
        "3",
        "-n",
        "12",
        "--no-keep-alive",
        "--quiet",
        "--trace",
        of_clients.to_str().unwrap(),
    ]);
    assert!(loaded.status.success(), "{loaded:?}");
    server.signal(Signal::SIGTERM);
    assert_eq!(server.wait().code(), Some(0));
    let timeline = Timeline::of([records(&of_server), records(&of_clients)].concat());
    let connections = timeline.lanes.iter().flat_map(|it| &it.connections);
    let mut count = 0;
    for connection in connections {
        let of = |side, event| connection.when(side, event);
        let steps = [
            of(Side::Client, Event::Connecting),
            of(Side::Server, Accepted),
            of(Side::Server, Taken),
            of(Side::Server, Handed),
            of(Side::Client, Answered),
        ];
        assert!(steps.iter().all(Option::is_some), "{model}: {connection:?}");
        assert!(steps.is_sorted(), "{model}: {connection:?}");
        let handler = connection
            .spans
            .iter()
            .filter(|it| it.kind == Kind::Handler);
        assert_eq!(handler.count(), 1, "{model}: {connection:?}");
        count += 1;
    }
    assert_eq!(count, 12, "{model}");
    assert_eq!(timeline.lanes.len(), 3, "a lane for each client");
    assert!(!timeline.workers.is_empty());
}

/// The kernel no longer knows the port of such a client when its connection is closed.
fn a_silent_client_that_resets_is_closed(model: &str) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("trace");
    let server = traced(model, &file, &["--workers", "1"]);
    let client = server.connect();
    let port = port(&client);
    wait_for("a worker takes the client", || {
        by_port(&records(&file))
            .get(&port)
            .is_some_and(|it| it.len() == 2)
    });
    wire::reset(client);
    let records = wait_for_closes(&file, 1);
    let events = events_of(&records, port);
    assert_eq!(events, [Accepted, Taken, Closed], "{model}");
}

#[test]
fn a_client_beyond_the_limit_is_rejected_and_not_taken() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("trace");
    let server = traced("threaded", &file, &["--max-connections", "1"]);
    let _silent = server.connect();
    wait_for("a worker takes the silent client", || {
        records(&file).iter().any(|it| it.event == Taken)
    });
    let client = server.connect();
    let port = port(&client);
    wire::get(&client, "/");
    assert_eq!(wire::read_answer(&client).status(), 503);
    let records = records(&file);
    let events = events_of(&records, port);
    assert_eq!(events, [Accepted, Event::Rejected]);
}

/// In `--accept pass` the master accepts, and the descriptor has another number in the worker.
#[test]
fn a_passed_connection_is_accepted_by_the_master_and_taken_by_the_worker() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("trace");
    let server = traced("prefork --accept pass", &file, &["--workers", "2"]);
    let client = server.connect();
    wire::get_and_close(&client, "/");
    wire::read_to_end(&client);
    let records = wait_for_closes(&file, 1);
    let mine = &by_port(&records)[&port(&client)];
    assert_eq!((mine[0].event, mine[1].event), (Accepted, Taken));
    assert_eq!(mine[0].pid, Some(server.pid().cast_unsigned()));
    assert_ne!(mine[1].pid, mine[0].pid);
}

/// Landlock and seccomp restrict a worker that has the file open already.
#[test]
fn a_sandboxed_worker_records_as_well() {
    for model in ["fork", "prefork", "async"] {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("trace");
        let mut options = vec!["--sandbox", "--trace", file.to_str().unwrap()];
        let checked = servers(&[&["run", model, "--check"], &options[..]].concat());
        if !checked.status.success() {
            eprintln!("skipped: {}", String::from_utf8_lossy(&checked.stderr));
            return;
        }
        options.extend(["--workers", "1"]);
        let server = Server::start(model, &options);
        let client = server.connect();
        wire::get_and_close(&client, "/");
        wire::read_to_end(&client);
        let records = wait_for_closes(&file, 1);
        let events = events_of(&records, port(&client));
        let expected = [Accepted, Taken, FirstByte, Handed, Answered, Closed];
        assert_eq!(events, expected, "{model}");
    }
}

/// The processes of a pool count together, and the last line says so.
#[test]
fn a_trace_is_bounded() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("trace");
    let server = traced("fork", &file, &["--trace-limit", "8"]);
    for _ in 0..3 {
        let client = server.connect();
        wire::get_and_close(&client, "/");
        wire::read_to_end(&client);
    }
    wait_for("the trace is full", || {
        records(&file).iter().any(|it| it.event == Event::Limit)
    });
    let records = records(&file);
    assert_eq!(records.len(), 1 + 8 + 1);
    assert!(Timeline::of(records).is_full);
}

#[test]
fn the_command_draws_in_the_terminal_and_in_files() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let server = traced("prefork", Path::new(&path("server")), &["--workers", "2"]);
    let url = format!("http://{}/sleep?ms=20", server.address);
    let loaded = servers(&[
        "load",
        &url,
        "-c",
        "4",
        "-n",
        "8",
        "-q",
        "--trace",
        &path("clients"),
    ]);
    assert!(loaded.status.success(), "{loaded:?}");
    let drawn = servers(&[
        "trace",
        &path("server"),
        &path("clients"),
        "--ascii",
        "--width",
        "60",
        "--svg",
        &path("svg"),
        "--html",
        &path("html"),
        "--perfetto",
        &path("perfetto"),
    ]);
    assert!(drawn.status.success(), "{drawn:?}");
    let text = String::from_utf8(drawn.stdout).unwrap();
    assert!(text.lines().skip(1).all(|line| line.len() <= 60), "{text}");
    for client in 1..=4 {
        assert!(text.contains(&format!("client {client}")), "{text}");
    }
    assert!(
        text.is_ascii() && text.contains("waits in the accept queue"),
        "{text}"
    );
    assert!(
        std::fs::read_to_string(path("svg"))
            .unwrap()
            .starts_with("<svg ")
    );
    assert!(
        std::fs::read_to_string(path("html"))
            .unwrap()
            .contains("client 4 has its answer")
    );
    let perfetto = std::fs::read(path("perfetto")).unwrap();
    let perfetto: serde_json::Value = serde_json::from_slice(&perfetto).unwrap();
    assert!(perfetto["traceEvents"].as_array().unwrap().len() > 16);
}

#[test]
fn what_cannot_be_traced_or_drawn_is_said() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("no-trace");
    let path = file.to_str().unwrap();
    let missing = servers(&["trace", path]);
    assert_eq!(missing.status.code(), Some(1));
    std::fs::write(&file, "GET / HTTP/1.1\n").unwrap();
    let wrong = servers(&["trace", path]);
    let said = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert_eq!(wrong.status.code(), Some(1));
    assert!(said.contains("line 1 is no record of a trace"), "{said}");
    std::fs::write(&file, "").unwrap();
    let empty = servers(&["trace", path]);
    assert_eq!(empty.status.code(), Some(1), "{empty:?}");
    // A server must not wait for the reader of a pipe, nor fill a device.
    let refused = servers(&[
        "run",
        "poll",
        "--bind",
        "127.0.0.1:0",
        "--trace",
        "/dev/null",
    ]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        said.contains("cannot write --trace /dev/null: it is no regular file"),
        "{said}"
    );
}

fn traced(model: &str, file: &Path, options: &[&str]) -> Server {
    let trace = ["--trace", file.to_str().unwrap()];
    Server::start(model, &[&trace[..], options].concat())
}

fn servers(words: &[&str]) -> Output {
    Command::new(BINARY).args(words).output().unwrap()
}

fn port(client: &TcpStream) -> u16 {
    client.local_addr().unwrap().port()
}

fn records(file: &Path) -> Vec<Record> {
    read(std::fs::read(file).unwrap().as_slice()).unwrap()
}

/// The events of the connection from this port.
fn events_of(records: &[Record], port: u16) -> Vec<Event> {
    let mine = records.iter().filter(|it| it.port == port);
    mine.map(|it| it.event).collect()
}

/// A worker closes a connection after the client has seen its end.
#[track_caller]
fn wait_for_closes(file: &Path, count: usize) -> Vec<Record> {
    wait_for("the server closes the connections", || {
        records(file).iter().filter(|it| it.event == Closed).count() == count
    });
    records(file)
}

/// The records of each connection, in the order of the file, which is that of the calls.
fn by_port(records: &[Record]) -> BTreeMap<u16, Vec<Record>> {
    let mut by_port: BTreeMap<u16, Vec<Record>> = BTreeMap::new();
    for record in records.iter().filter(|it| it.port > 0) {
        by_port.entry(record.port).or_default().push(record.clone());
    }
    by_port
}
