//! The bare servers of `examples/bare/` run.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use servers::models;

use super::support::proc::{self, Process};
use super::support::server::BINARY;
use super::support::{self, DEADLINE};

pub(crate) const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";

/// The program of the examples. A run of this test alone has not built it.
pub(crate) static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| {
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
pub(crate) struct Bare {
    child: Child,
    output: BufReader<ChildStdout>,
    pub(crate) address: SocketAddr,
}

impl Bare {
    pub(crate) fn start(name: &str) -> Bare {
        Bare::start_with(name, &[])
    }

    /// With more arguments behind the address.
    pub(crate) fn start_with(name: &str, arguments: &[&str]) -> Bare {
        let mut command = Command::new(&*PROGRAM);
        command.args([name, "127.0.0.1:0"]).args(arguments);
        command.process_group(0);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let line = next_line(&mut output);
        let address = line.trim().rsplit('/').next().unwrap().parse();
        let address = address.unwrap_or_else(|_| panic!("{name} said {line:?}"));
        Bare {
            child,
            output,
            address,
        }
    }

    /// The next line that it prints, or nothing when all of its processes have ended.
    pub(crate) fn says(&mut self) -> String {
        next_line(&mut self.output)
    }

    pub(crate) fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }

    pub(crate) fn connect(&self) -> Option<TcpStream> {
        TcpStream::connect_timeout(&self.address, DEADLINE).ok()
    }

    /// Whether a request is answered within `patience`.
    pub(crate) fn answers(&self, patience: Duration) -> bool {
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

    pub(crate) fn children(&self) -> Vec<i32> {
        let tree = proc::tree(self.pid()).into_iter();
        let children = tree.filter(|it| it.parent == self.pid());
        children.map(|it| it.pid).collect()
    }

    /// How many sockets its first process has, the listener among them.
    pub(crate) fn sockets(&self) -> usize {
        let process = Process::find(self.pid()).unwrap();
        let descriptors = process.descriptors().into_iter();
        descriptors.filter(|it| it.starts_with("socket:")).count()
    }

    /// How its first process has ended: by itself with this code, or by a signal.
    pub(crate) fn exit_code(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }

    pub(crate) fn threads(&self) -> usize {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.pid()));
        tasks.map_or(0, Iterator::count)
    }
}

/// A reader may have written a loop without an end.
const PROGRAM_TIME_MAX: Duration = Duration::from_secs(60);

/// What a bare program that ends by itself has printed.
pub(crate) fn output(name: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(&*PROGRAM);
    command.arg(name).args(arguments).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let end = Instant::now() + PROGRAM_TIME_MAX;
    // It prints less than a pipe holds.
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > end {
            child.kill().unwrap();
            panic!("{name} does not end");
        }
        thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

impl Drop for Bare {
    fn drop(&mut self) {
        let _ = killpg(Pid::from_raw(self.pid()), Signal::SIGKILL);
        let _ = self.child.wait();
    }
}

fn next_line(output: &mut BufReader<ChildStdout>) -> String {
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    line
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
