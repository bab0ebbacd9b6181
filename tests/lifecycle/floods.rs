//! Log lines that clients can cause as often as they like. All processes of a server write so many
//! a minute together, however short each of them lives.

use std::fs;
use std::process::Command;
use std::time::Instant;

use crate::for_every_model;
use crate::support::server::{BINARY, Server};
use crate::support::wire::{self, read_answer};
use crate::support::{has_master, wait_for};

for_every_model! {
    a_flood_of_slow_requests_and_panics_is_cut,
    a_flood_of_lost_lines_is_one_line,
    a_flood_of_records_that_fail_is_one_line,
    a_flood_of_files_that_cannot_be_opened_is_cut,
    a_flood_without_proxy_headers_is_cut,
}

/// More than any kind of line may be written in a minute.
const FLOOD: usize = 100;
const A_MINUTE_MAX: usize = 60;

/// A server, and when it was started.
struct Flooded {
    server: Server,
    started: Instant,
}

impl Flooded {
    /// Where there is a master, each worker answers one request and ends.
    fn start(model: &str, options: &[&str]) -> Self {
        let started = Instant::now();
        let brief = ["--max-requests", "1", "--workers", "4"];
        let brief = if has_master(model) { &brief[..] } else { &[] };
        let server = Server::start(model, &[options, brief].concat());
        Self { server, started }
    }

    /// Asks on a connection of its own for each.
    fn ask(&self, path: &str, status: u16) {
        for _ in 0..FLOOD {
            let client = self.server.connect();
            wire::get_and_close(&client, path);
            assert_eq!(read_answer(&client).status(), status, "{path}");
        }
    }

    /// Asserts that there are lines of this kind, and not more than that for each minute so far.
    #[track_caller]
    fn assert_few(&self, words: &str, a_minute_max: usize) {
        let said = self.server.said();
        let count = said.lines().filter(|line| line.contains(words)).count();
        let minutes = self.started.elapsed().as_secs() as usize / 60 + 1;
        let most = minutes * a_minute_max;
        assert!((1..=most).contains(&count), "{count} × {words:?}: {said}");
    }
}

fn a_flood_without_proxy_headers_is_cut(model: &str) {
    let flooded = Flooded::start(model, &["--proxy-protocol"]);
    for _ in 0..FLOOD {
        let client = flooded.server.connect();
        wire::get_and_close(&client, "/");
        assert_eq!(wire::read_to_end(&client).0, b"");
    }
    flooded.assert_few("no PROXY header", A_MINUTE_MAX);
}

fn a_flood_of_slow_requests_and_panics_is_cut(model: &str) {
    let flooded = Flooded::start(model, &["--slow-ms", "1", "--lab"]);
    flooded.ask("/sleep?ms=2", 200);
    flooded.assert_few(" ms for 'GET /sleep", A_MINUTE_MAX);
    flooded.ask("/panic", 500);
    flooded.assert_few("panicked at ", A_MINUTE_MAX);
}

/// `/dev/full` is a full disk (`full(4)`).
fn a_flood_of_lost_lines_is_one_line(model: &str) {
    let flooded = Flooded::start(model, &["--access-log", "/dev/full"]);
    flooded.ask("/", 200);
    flooded.assert_few("lines of the access log are lost", 1);
}

/// No file of the server may become large, neither its trace nor its log.
fn a_flood_of_records_that_fail_is_one_line(model: &str) {
    let directory = tempfile::tempdir().unwrap();
    let trace = format!("--trace={}", directory.path().join("trace").display());
    let mut launcher = Command::new("prlimit");
    launcher.args(["--fsize=4096:", BINARY]);
    let started = Instant::now();
    let server = Server::start_by(launcher, model, &[&trace, "--workers", "2"]);
    let flooded = Flooded { server, started };
    flooded.ask("/", 200);
    flooded.assert_few("the trace ends here", 1);
}

/// The process that serves has no descriptor left for a file.
fn a_flood_of_files_that_cannot_be_opened_is_cut(model: &str) {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("file"), "text").unwrap();
    let root = root.path().to_str().unwrap();
    let started = Instant::now();
    let server = Server::start(model, &["--root", root, "--keep-alive-timeout", "300s"]);
    let flooded = Flooded { server, started };
    let client = flooded.server.connect();
    wire::get(&client, "/pid");
    let text = read_answer(&client).text();
    let serving = text.split(' ').next().unwrap();
    let limited = Command::new("prlimit")
        .args(["--pid", serving, "--nofile=3:"])
        .status();
    assert!(limited.unwrap().success());
    for _ in 0..FLOOD {
        wire::get(&client, "/files/file");
        assert_eq!(read_answer(&client).status(), 500);
    }
    wait_for("it says so", || flooded.server.said().contains("files: "));
    flooded.assert_few("files: ", A_MINUTE_MAX);
}
