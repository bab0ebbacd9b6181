//! A run as a person sees it: the question, and Ctrl-C.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use nix::pty::openpty;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::beside_others;
use super::support::proc::{self, Process};
use super::support::server::BINARY;
use super::support::{DEADLINE, wait_for};

/// A lab on a terminal of its own.
struct Terminal {
    master: File,
    child: Child,
    written: String,
}

impl Terminal {
    fn start(arguments: &[&str]) -> Terminal {
        let pair = openpty(None, None).unwrap();
        let side = |fd: &OwnedFd| Stdio::from(fd.try_clone().unwrap());
        let mut command = Command::new(BINARY);
        command.arg("lab").args(arguments).env("NO_COLOR", "1");
        command.stdin(side(&pair.slave)).stdout(side(&pair.slave));
        let child = command.stderr(side(&pair.slave)).spawn().unwrap();
        // The command holds copies of the slave, without which a read tells of the end.
        drop((command, pair.slave));
        Terminal {
            master: File::from(pair.master),
            child,
            written: String::new(),
        }
    }

    fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }

    /// Reads until this has been written.
    #[track_caller]
    fn read_until(&mut self, words: &str) {
        let deadline = Instant::now() + DEADLINE;
        let mut buffer = [0; 4096];
        while !self.written.contains(words) {
            assert!(
                Instant::now() < deadline,
                "{words:?} not in {}",
                self.written
            );
            match self.master.read(&mut buffer) {
                // EIO is how a terminal tells that the other side has gone.
                Ok(0) | Err(_) => panic!("{words:?} not in {}", self.written),
                Ok(count) => self.written += &String::from_utf8_lossy(&buffer[..count]),
            }
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        proc::kill_tree(self.pid());
        let _ = self.child.wait();
    }
}

const LAB: &[&str] = &["one-thread-one-connection", "--quick"];

#[test]
fn a_terminal_asks_for_a_prediction_and_says_whether_it_was_right() {
    let _others = beside_others();
    for (typed, words) in [
        ("b\n", "You predicted b. You were right."),
        // What is no choice is asked for again.
        ("z\nA\n", "You predicted a. It came out differently."),
    ] {
        let mut terminal = Terminal::start(LAB);
        terminal.read_until("or Enter to skip: ");
        assert!(
            terminal.written.contains("What do you expect?"),
            "{}",
            terminal.written
        );
        terminal.master.write_all(typed.as_bytes()).unwrap();
        terminal.read_until("Read on: ");
        let said = terminal.written.clone();
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn enter_skips_the_question_and_an_option_leaves_it_out() {
    let _others = beside_others();
    let mut skipped = Terminal::start(LAB);
    skipped.read_until("or Enter to skip: ");
    skipped.master.write_all(b"\n").unwrap();
    skipped.read_until("Read on: ");
    assert!(
        !skipped.written.contains("You predicted"),
        "{}",
        skipped.written
    );
    let mut not_asked = Terminal::start(&[LAB, &["--no-ask"]].concat());
    not_asked.read_until("Read on: ");
    assert!(
        !not_asked.written.contains("What do you expect?"),
        "{}",
        not_asked.written
    );
}

#[test]
fn ctrl_c_ends_a_lab_and_leaves_no_process() {
    let _others = beside_others();
    let terminal = Terminal::start(&["grow-and-shrink", "--no-ask"]);
    let pid = terminal.pid();
    let servers = || -> Vec<Process> {
        let mut tree = proc::tree(pid);
        tree.retain(|it| it.pid != pid);
        tree
    };
    wait_for("the pools run", || servers().len() > 10);
    let running = servers();
    kill(Pid::from_raw(pid), Signal::SIGINT).unwrap();
    let mut terminal = terminal;
    terminal.read_until("servers: interrupted");
    wait_for("the lab ends", || {
        terminal.child.try_wait().unwrap().is_some()
    });
    assert_eq!(terminal.child.wait().unwrap().code(), Some(1));
    wait_for("no server is left", || {
        !running.iter().any(Process::is_alive)
    });
}

#[test]
fn ctrl_c_ends_the_question_too() {
    let _others = beside_others();
    let mut terminal = Terminal::start(LAB);
    terminal.read_until("or Enter to skip: ");
    kill(Pid::from_raw(terminal.pid()), Signal::SIGINT).unwrap();
    terminal.read_until("servers: interrupted");
    wait_for("the lab ends", || {
        terminal.child.try_wait().unwrap().is_some()
    });
    assert_eq!(terminal.child.wait().unwrap().code(), Some(1));
}
