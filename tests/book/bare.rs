//! The bare servers of `examples/bare/` run, and its exercises are what they say.
//!
//! Each exercise is two-way: its check fails against the bare server, and passes against the
//! solution. `cargo test --test book -- --ignored exercise` asks whether a reader has solved them
//! in the bare servers themselves.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use servers::models;

use super::support::server::BINARY;
use super::support::{self, DEADLINE, proc};

/// How long a client waits where no answer is expected: a server that waits for another client
/// gives none at all.
const PATIENCE: Duration = Duration::from_secs(3);
const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";

/// The program of the examples. A run of this test alone has not built it.
static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| {
    let directory = Path::new(BINARY).parent().unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args([
        "build",
        "--quiet",
        "--locked",
        "--offline",
        "--example",
        "bare",
    ]);
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    cargo.arg("--target-dir").arg(directory.parent().unwrap());
    assert!(cargo.status().unwrap().success(), "the example is built");
    directory.join("examples/bare")
});

/// A running server in a process group of its own. Dropping it kills the group.
struct Bare {
    child: Child,
    address: SocketAddr,
}

impl Bare {
    fn start(name: &str) -> Bare {
        let mut command = Command::new(&*PROGRAM);
        command.args([name, "127.0.0.1:0"]).process_group(0);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        output.read_line(&mut line).unwrap();
        let address = line.trim().rsplit('/').next().unwrap().parse();
        let address = address.unwrap_or_else(|_| panic!("{name} said {line:?}"));
        Bare { child, address }
    }

    fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }

    fn connect(&self) -> Option<TcpStream> {
        TcpStream::connect_timeout(&self.address, DEADLINE).ok()
    }

    /// Whether a request is answered within `patience`.
    fn answers(&self, patience: Duration) -> bool {
        let Some(mut client) = self.connect() else {
            return false;
        };
        client.set_read_timeout(Some(patience)).unwrap();
        let mut answer = String::new();
        client.write_all(REQUEST).is_ok()
            && client.read_to_string(&mut answer).is_ok()
            && answer.starts_with("HTTP/1.1 200 OK\r\n")
            && answer.ends_with("\r\n\r\nhello\n")
    }

    fn children(&self) -> Vec<i32> {
        let tree = proc::tree(self.pid()).into_iter();
        let children = tree.filter(|it| it.parent == self.pid());
        children.map(|it| it.pid).collect()
    }

    fn threads(&self) -> usize {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.pid()));
        tasks.map_or(0, Iterator::count)
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        let _ = killpg(Pid::from_raw(self.pid()), Signal::SIGKILL);
        let _ = self.child.wait();
    }
}

#[test]
fn every_bare_server_answers() {
    for model in models::ALL {
        if !support::can_run(model.name) {
            continue;
        }
        let server = Bare::start(model.name);
        for _ in 0..20 {
            assert!(server.answers(DEADLINE), "{}", model.name);
        }
        // Several at once, of which the first says nothing: the bare iterative server would wait.
        if model.name != "iterative" {
            let silent = server.connect().unwrap();
            assert!(server.answers(DEADLINE), "{} beside a client", model.name);
            drop(silent);
        }
    }
}

/// Chapter 2: a silent client holds up the others for a moment only.
fn survives_a_silent_client(server: &Bare) -> bool {
    let silent = server.connect().unwrap();
    let answered = server.answers(PATIENCE);
    drop(silent);
    answered
}

/// Chapter 3: children that have ended do not pile up.
fn reaps(server: &Bare) -> bool {
    for _ in 0..10 {
        assert!(server.answers(DEADLINE));
    }
    // A child ends a moment after its client has the answer, and is reaped later still.
    (0..20).any(|_| {
        assert!(server.answers(DEADLINE));
        thread::sleep(Duration::from_millis(50));
        server.children().len() <= 3
    })
}

/// Chapter 4: dead workers are replaced.
fn replaces_workers(server: &Bare) -> bool {
    assert!(server.answers(DEADLINE));
    support::wait_for("four workers", || server.children().len() == 4);
    let workers = server.children();
    for worker in &workers {
        kill(Pid::from_raw(*worker), Signal::SIGKILL).unwrap();
    }
    // A worker that is dying may still accept a client, and takes it along.
    support::wait_for("their ends", || {
        !server.children().iter().any(|it| workers.contains(it))
    });
    server.answers(DEADLINE)
}

/// Chapter 6: the number of threads is limited, and the clients beyond it wait.
fn limits_its_threads(server: &Bare) -> bool {
    let silent: Vec<_> = (0..20).map(|_| server.connect().unwrap()).collect();
    support::wait_for("ten threads", || server.threads() > 10);
    let kept = !(0..20).any(|_| {
        thread::sleep(Duration::from_millis(50));
        server.threads() > 11
    });
    drop(silent);
    kept && server.answers(DEADLINE)
}

type Check = fn(&Bare) -> bool;

const EXERCISES: &[(&str, Check)] = &[
    ("iterative", survives_a_silent_client),
    ("fork", reaps),
    ("prefork", replaces_workers),
    ("threaded", limits_its_threads),
];

#[test]
fn an_exercise_fails_unsolved_and_passes_solved() {
    for (name, check) in EXERCISES {
        let unsolved = Bare::start(name);
        assert!(!check(&unsolved), "{name} needs no solution");
        drop(unsolved);
        let solution = Bare::start(&format!("solutions/{name}"));
        assert!(check(&solution), "the solution of {name} is none");
        assert!(solution.answers(DEADLINE), "{name} answers afterwards");
    }
}

#[test]
#[ignore = "passes when a reader has solved the exercise in examples/bare/iterative.rs"]
fn exercise_iterative() {
    assert!(survives_a_silent_client(&Bare::start("iterative")));
}

#[test]
#[ignore = "passes when a reader has solved the exercise in examples/bare/fork.rs"]
fn exercise_fork() {
    assert!(reaps(&Bare::start("fork")));
}

#[test]
#[ignore = "passes when a reader has solved the exercise in examples/bare/prefork.rs"]
fn exercise_prefork() {
    assert!(replaces_workers(&Bare::start("prefork")));
}

#[test]
#[ignore = "passes when a reader has solved the exercise in examples/bare/threaded.rs"]
fn exercise_threaded() {
    assert!(limits_its_threads(&Bare::start("threaded")));
}
