//! A server under test: the real binary as a child process.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::FileExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{LazyLock, mpsc};
use std::thread;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::proc::{self, Process};
use super::{DEADLINE, wait_for};

/// The binary that Cargo has built for this test.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_servers");

/// A running server. Dropping it kills the server, and shows its log if the test has failed.
pub(crate) struct Server {
    child: Child,
    errors: File,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// `servers run MODEL --bind 127.0.0.1:0 OPTIONS`, listening. The model may come with options
    /// of its own, as in `prefork --accept flock`.
    #[track_caller]
    pub(crate) fn start(model: &str, options: &[&str]) -> Self {
        Self::start_by(Command::new(BINARY), model, options)
    }

    /// The same with a launcher that ends in `exec`: the process ID stays the server's.
    #[track_caller]
    pub(crate) fn start_by(launcher: Command, model: &str, options: &[&str]) -> Self {
        Self::start_with(launcher, model, options, Stdio::null())
    }

    /// The same with `stdin` as the launcher's standard input.
    #[track_caller]
    pub(crate) fn start_with(
        launcher: Command,
        model: &str,
        options: &[&str],
        stdin: Stdio,
    ) -> Self {
        let errors = tempfile::tempfile().unwrap();
        let mut child = wrapped(launcher)
            .arg("run")
            .args(model.split(' '))
            .args(["--bind", "127.0.0.1:0"])
            .args(without_pool(model, options))
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(errors.try_clone().unwrap())
            .spawn()
            .unwrap();
        let Some(address) = first_line(&mut child).and_then(|line| announced(&line)) else {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("{model} did not announce itself: {}", said(&errors));
        };
        Self {
            child,
            errors,
            address,
        }
    }

    pub(crate) fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }

    /// The server and all its descendants.
    pub(crate) fn tree(&self) -> Vec<Process> {
        proc::tree(self.pid())
    }

    /// Its direct children that have not died.
    pub(crate) fn children(&self) -> Vec<Process> {
        let mut tree = self.tree();
        tree.retain(|process| process.parent == self.pid() && process.state != 'Z');
        tree
    }

    #[track_caller]
    pub(crate) fn connect(&self) -> TcpStream {
        let client = TcpStream::connect_timeout(&self.address, DEADLINE).unwrap();
        client.set_nodelay(true).unwrap();
        client.set_read_timeout(Some(DEADLINE)).unwrap();
        client.set_write_timeout(Some(DEADLINE)).unwrap();
        client
    }

    /// Waits until the server has read all that `client` has sent: it is at work on it.
    #[track_caller]
    pub(crate) fn wait_until_read(&self, client: &TcpStream) {
        let peer = client.local_addr().unwrap();
        wait_for("the server reads the request", || {
            let socket = proc::socket(self.address, peer);
            socket.is_some_and(|socket| socket.unread == 0)
        });
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid()), signal).unwrap();
    }

    /// Whether it has not ended yet.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits until it has ended by itself: how it did.
    #[track_caller]
    pub(crate) fn wait(&mut self) -> ExitStatus {
        wait_for("the server ends", || {
            self.child.try_wait().unwrap().is_some()
        });
        self.child.try_wait().unwrap().unwrap()
    }

    /// What it has said on standard error so far.
    pub(crate) fn said(&self) -> String {
        said(&self.errors)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Once it has been reaped, its process ID may belong to another process.
        if let Ok(None) = self.child.try_wait() {
            proc::kill_tree(self.pid());
        }
        // It fails only if it is gone already.
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("the server said: {}", self.said());
        }
    }
}

/// The options without `--workers`, for models that have no pool and would refuse it: a test of all
/// models gives the same options to each.
fn without_pool<'o>(model: &str, options: &[&'o str]) -> Vec<&'o str> {
    let mut kept = options.to_vec();
    let at = kept.iter().position(|option| *option == "--workers");
    if let Some(at) = at.filter(|_| !super::has_master(model)) {
        kept.drain(at..at + 2);
    }
    kept
}

/// Wraps the launcher in others. `setpriv(1)` ties the server to the thread that starts it
/// (`PR_SET_PDEATHSIG`), so that it does not outlive a test that is killed. `env(1)` gives SIGHUP
/// its default effect, which `nohup cargo test` takes away. A wrapper that this machine does not
/// have is left out.
fn wrapped(launcher: Command) -> Command {
    const WRAPPERS: [&[&str]; 2] = [
        &["setpriv", "--pdeathsig", "KILL"],
        &["env", "--default-signal=HUP"],
    ];
    static WORDS: LazyLock<Vec<&str>> = LazyLock::new(|| {
        let works = |words: &&[&str]| {
            let tried = Command::new(words[0])
                .args(&words[1..])
                .arg("true")
                .output();
            tried.is_ok_and(|output| output.status.success())
        };
        WRAPPERS
            .into_iter()
            .filter(works)
            .flatten()
            .copied()
            .collect()
    });
    let Some((first, rest)) = WORDS.split_first() else {
        return launcher;
    };
    let mut command = Command::new(first);
    command.args(rest).arg(launcher.get_program());
    command.args(launcher.get_args());
    for (name, value) in launcher.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
}

/// The first line on standard output. The rest is read and dropped, so that the pipe never fills
/// up.
fn first_line(child: &mut Child) -> Option<String> {
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let (sender, line) = mpsc::channel();
    thread::spawn(move || {
        let mut line = String::new();
        let _ = output.read_line(&mut line);
        let _ = sender.send(line);
        let _ = std::io::copy(&mut output, &mut std::io::sink());
    });
    line.recv_timeout(DEADLINE).ok()
}

/// The address in `listening on http://ADDR:PORT`.
pub(crate) fn announced(line: &str) -> Option<SocketAddr> {
    let address = line.strip_prefix("listening on http://")?;
    address.strip_suffix('\n')?.parse().ok()
}

/// The server writes at the file's cursor, which it shares with this process: reading must not
/// move it.
fn said(errors: &File) -> String {
    let mut bytes = vec![0; usize::try_from(errors.metadata().unwrap().len()).unwrap()];
    errors.read_exact_at(&mut bytes, 0).unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}
