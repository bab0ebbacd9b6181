//! Workers that are killed at any moment: their counts survive, no reader hangs, and no reader
//! shows a request that no client has sent.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::thread;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::server::Server;
use crate::support::wait_for;
use crate::support::wire::{self, try_read_answer};
use crate::{get, hold, report};

/// Children that the random test kills.
const KILLS: usize = 300;

#[test]
fn totals_survive_the_death_of_workers() {
    let server = Server::start("prefork", &["--workers", "3"]);
    for _ in 0..30 {
        get(&server, "/");
    }
    // A worker counts the last bytes just after it has sent them, and then waits again.
    wait_for("all are counted", || {
        let report = report(&server);
        report.requests == 30 && report.idle == 3
    });
    let before = report(&server);
    for child in server.children() {
        kill(Pid::from_raw(child.pid), Signal::SIGKILL).unwrap();
    }
    wait_for("other workers wait", || {
        let now = report(&server);
        let is_new = |at: usize| now.workers[at].pid != before.workers[at].pid;
        now.idle == 3 && (0..3).all(is_new)
    });
    let after = report(&server);
    assert_eq!(
        (after.requests, after.bytes),
        (before.requests, before.bytes)
    );
    for (old, new) in before.workers.iter().zip(&after.workers) {
        assert_eq!((old.requests, old.bytes), (new.requests, new.bytes));
    }
    get(&server, "/");
    wait_for("the count goes on", || report(&server).requests == 31);
}

#[test]
fn a_dead_worker_leaves_its_slot_empty() {
    let server = Server::start("fork", &["--max-wait", "1000s"]);
    let held = hold(&server);
    wait_for("it is there", || report(&server).scoreboard == "W");
    kill(Pid::from_raw(server.children()[0].pid), Signal::SIGKILL).unwrap();
    wait_for("it has gone", || report(&server).scoreboard == ".");
    let report = report(&server);
    assert_eq!((report.busy, report.open), (0, 0));
    assert_eq!(report.workers[0].client, None);
    drop(held);
}

/// Whether a client may have sent this line: it repeats one letter, [`length_of`] times.
fn is_possible(line: &str) -> bool {
    let Some(rest) = line.strip_prefix("GET /?") else {
        return false;
    };
    let letters = rest.split(' ').next().unwrap();
    let first = letters.chars().next().unwrap_or('a');
    let length = length_of(first);
    // The scoreboard cuts a long line. In a short one the version follows.
    let is_whole = letters.len() == length && "HTTP/1.1".starts_with(rest[length..].trim_start());
    let is_cut = line.len() == 64 && letters.len() < length;
    letters.chars().all(|letter| letter == first) && (is_whole || is_cut)
}

fn length_of(letter: char) -> usize {
    3 * (letter as usize - 'a' as usize + 1)
}

/// `fork` has no back-off after crashes, so children can be killed at every moment: while they
/// start, while they write their record, in the middle of an answer.
#[test]
fn children_killed_by_the_hundreds_leave_nothing_torn_behind() {
    let server = &Server::start("fork", &[]);
    let (killed, done) = (&AtomicUsize::new(0), &AtomicBool::new(false));
    thread::scope(|scope| {
        for seed in 0..4 {
            scope.spawn(move || ask_on_and_on(server, seed, done));
        }
        scope.spawn(move || {
            while killed.load(Relaxed) < KILLS {
                for child in server.children() {
                    let is_killed = kill(Pid::from_raw(child.pid), Signal::SIGKILL).is_ok();
                    killed.fetch_add(usize::from(is_killed), Relaxed);
                }
            }
            done.store(true, Relaxed);
        });
        let mut last = 0;
        while !done.load(Relaxed) {
            let report = report(server);
            assert!(
                report.requests >= last,
                "{} requests after {last}",
                report.requests
            );
            last = report.requests;
            for worker in report.workers {
                let line = worker.request.unwrap_or_else(|| "GET /?aaa".to_owned());
                assert!(is_possible(&line), "no client has sent {line:?}");
            }
        }
    });
    let answer = get(server, "/status?json");
    assert_eq!(answer.status(), 200);
    wait_for("all slots are empty again", || report(server).busy == 0);
}

/// Sends requests until `done`. A killed worker closes the client's connection; the client then
/// makes a new one.
fn ask_on_and_on(server: &Server, seed: u64, done: &AtomicBool) {
    let mut random = fastrand::Rng::with_seed(seed);
    while !done.load(Relaxed) {
        let client = server.connect();
        for _ in 0..5 {
            let letter = random.char('a'..='z');
            let letters: String = std::iter::repeat_n(letter, length_of(letter)).collect();
            wire::get(&client, &format!("/?{letters}"));
            if try_read_answer(&client).is_err() {
                break;
            }
        }
    }
}

/// Writes into the scoreboard what a worker leaves that is killed while it writes a request line.
#[test]
fn a_record_that_was_left_half_written_is_marked_and_mended() {
    let server = Server::start("prefork", &["--workers", "1"]);
    get(&server, "/");
    let line = || report(&server).workers[0].request.clone();
    assert_eq!(line().as_deref(), Some("GET / HTTP/1.1"));
    // The sequence number, word 10 of the record in slot 0 behind a header of 32 words. It is odd
    // while the worker writes a line.
    let memory = scoreboard_of(&server);
    let mut number = [0; 8];
    memory.read_exact_at(&mut number, (32 + 10) * 8).unwrap();
    let odd = u64::from_ne_bytes(number) + 1;
    memory
        .write_all_at(&odd.to_ne_bytes(), (32 + 10) * 8)
        .unwrap();
    let worker = report(&server).workers[0].clone();
    assert!(
        worker.torn && worker.request.is_none() && worker.requests == 1,
        "{worker:?}"
    );
    let text = crate::top::once(&server, &[]);
    assert!(text.contains("prefork at "), "{text}");
    // The next worker in the slot clears the line, and does not take it for its own.
    kill(Pid::from_raw(server.children()[0].pid), Signal::SIGKILL).unwrap();
    wait_for("a successor", || !report(&server).workers[0].torn);
    assert_eq!(line(), None);
    get(&server, "/?new");
    assert_eq!(line().as_deref(), Some("GET /?new HTTP/1.1"));
}

/// Readers may rely on the size and the type of the scoreboard, but not on its content.
#[test]
fn a_scoreboard_full_of_noise_is_read_without_harm() {
    let server = Server::start("prefork", &["--workers", "2"]);
    let memory = scoreboard_of(&server);
    let mut random = fastrand::Rng::with_seed(7);
    for round in 0..20 {
        // Noise from the model's name on. The words before it identify the memory as a scoreboard.
        let words: Vec<u8> = (0..(12 + 128) * 8).map(|_| random.u8(..)).collect();
        memory.write_all_at(&words, 4 * 8).unwrap();
        memory
            .write_all_at(&(round % 5u64).to_ne_bytes(), 8)
            .unwrap();
        report(&server);
        crate::top::once(&server, &[]);
    }
}

/// A stopped worker (SIGSTOP) answers no request, but its record can be read.
#[test]
fn a_stopped_worker_holds_up_no_reader() {
    let server = Server::start("prefork", &["--workers", "2", "--max-wait", "1000s"]);
    let held = hold(&server);
    wait_for("one is at work", || report(&server).busy == 1);
    for child in server.children() {
        kill(Pid::from_raw(child.pid), Signal::SIGSTOP).unwrap();
    }
    let report = report(&server);
    assert_eq!((report.busy, report.idle), (1, 1));
    let text = crate::top::once(&server, &[]);
    assert!(text.contains("1/2 busy"), "{text}");
    drop(held);
}

/// The memory of the server's scoreboard, open for writing. Only a test does this.
fn scoreboard_of(server: &Server) -> fs::File {
    let directory = fs::read_dir(format!("/proc/{}/fd", server.pid())).unwrap();
    let is_it = |path: &std::path::PathBuf| {
        let target = fs::read_link(path).unwrap_or_default();
        target.to_string_lossy().contains("servers-scoreboard")
    };
    let path = directory
        .map(|entry| entry.unwrap().path())
        .find(is_it)
        .unwrap();
    OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .unwrap()
}
