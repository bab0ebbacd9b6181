//! The server under test: a child process, from its start to the proof that nothing is left of it.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

use super::accounting::Group;
use super::failure::Failure;
use super::plan::Contender;
use super::streams::{LastWords, first_line_of};
use crate::sys::guarded::guard;

/// How long a server may take until it listens.
const START_DEADLINE: Duration = Duration::from_secs(10);
/// How long it may take to end after SIGTERM.
const STOP_DEADLINE: Duration = Duration::from_secs(10);
/// How long its processes may take to be gone after its master has ended.
const SWEEP_DEADLINE: Duration = Duration::from_secs(2);
/// How often the conditions above are looked at.
const POLL_INTERVAL: Duration = Duration::from_millis(2);
/// What a server says before the address once it answers connections.
const LISTENING: &str = "listening on http://";

/// A running server. Dropping it kills all its processes.
pub struct Server {
    child: Child,
    address: SocketAddr,
    last_words: LastWords,
    /// All its processes are known to be gone, so their numbers may belong to others by now.
    gone: bool,
}

impl Server {
    /// Starts `program run …` on a port of its own on loopback, on `cpus` only, and waits until it
    /// listens.
    ///
    /// # Errors
    /// [`Failure::DidNotStart`], with what it said.
    pub fn start(program: &Path, who: &Contender, cpus: &[usize]) -> Result<Server, Failure> {
        let not_started = |reason: String| Failure::DidNotStart { reason };
        let mut child =
            spawn(program, who, cpus).map_err(|error| not_started(error.to_string()))?;
        let last_words = LastWords::of(child.stderr.take());
        let first_line = first_line_of(child.stdout.take());
        // From here on an error drops the server, and that ends its processes.
        let unknown = SocketAddr::from(([0, 0, 0, 0], 0));
        let mut server = Server {
            child,
            address: unknown,
            last_words,
            gone: false,
        };
        server.address = server
            .wait_until_listening(&first_line)
            .map_err(not_started)?;
        Ok(server)
    }

    fn wait_until_listening(
        &mut self,
        first_line: &Receiver<String>,
    ) -> Result<SocketAddr, String> {
        match first_line.recv_timeout(START_DEADLINE) {
            Ok(line) => listening_address(&line)
                .ok_or_else(|| format!("its first line was '{}'", line.trim_end())),
            Err(RecvTimeoutError::Timeout) => Err(format!(
                "it did not listen within {} s",
                START_DEADLINE.as_secs()
            )),
            Err(RecvTimeoutError::Disconnected) => Err(match self.wait_for_end(STOP_DEADLINE) {
                Some(status) => self.obituary(status),
                None => "it closed its standard output".to_owned(),
            }),
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// All its processes.
    pub fn group(&self) -> Group {
        Group(self.pid())
    }

    /// Whether it still runs.
    ///
    /// # Errors
    /// [`Failure::Died`], with how.
    pub fn check_alive(&mut self) -> Result<(), Failure> {
        match self.child.try_wait() {
            Ok(Some(status)) => Err(Failure::Died {
                how: self.obituary(status),
            }),
            _ => Ok(()),
        }
    }

    /// Stops it with SIGTERM, and verifies that it ended well, that none of its processes is left
    /// and that its port is free.
    ///
    /// # Errors
    /// What of this is not so. Whatever is left has been killed.
    pub fn stop(mut self) -> Result<(), Failure> {
        self.check_alive()?;
        // The child has not been reaped, so the number is still its own.
        kill(self.pid(), Signal::SIGTERM).ok();
        let Some(status) = self.wait_for_end(STOP_DEADLINE) else {
            return Err(Failure::DidNotStop {
                deadline_s: STOP_DEADLINE.as_secs(),
            });
        };
        if !status.success() {
            return Err(Failure::StoppedBadly {
                how: self.obituary(status),
            });
        }
        self.verify_nothing_left()
            .map_err(|what| Failure::LeftBehind { what })
    }

    fn verify_nothing_left(&mut self) -> Result<(), String> {
        wait_until(SWEEP_DEADLINE, || {
            (killpg(self.pid(), None).is_err()).then_some(())
        })
        .ok_or_else(|| match self.group().count() {
            Ok(1) => "1 process".to_owned(),
            Ok(count) => format!("{count} processes"),
            Err(_) => "processes".to_owned(),
        })?;
        self.gone = true;
        // std sets SO_REUSEADDR, so connections in TIME_WAIT are no obstacle; a listener is.
        TcpListener::bind(self.address)
            .map(drop)
            .map_err(|error| format!("its port ({error})"))
    }

    fn wait_for_end(&mut self, deadline: Duration) -> Option<ExitStatus> {
        wait_until(deadline, || self.child.try_wait().ok().flatten())
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }

    /// `exit code 1, "servers: cannot bind"`, or `signal 9`.
    fn obituary(&self, status: ExitStatus) -> String {
        let end = match (status.code(), status.signal()) {
            (Some(code), _) => format!("exit code {code}"),
            (None, Some(signal)) => format!("signal {signal}"),
            (None, None) => status.to_string(),
        };
        self.last_words
            .get(SWEEP_DEADLINE)
            .map_or(end.clone(), |line| format!("{end}, \"{line}\""))
    }
}

impl Drop for Server {
    /// Kills the whole group, unless it is known to be gone.
    fn drop(&mut self) {
        if !self.gone {
            killpg(self.pid(), Signal::SIGKILL).ok();
            self.child.wait().ok();
        }
    }
}

fn spawn(program: &Path, who: &Contender, cpus: &[usize]) -> io::Result<Child> {
    let mut command = Command::new(program);
    command
        .arg("run")
        .args(&who.arguments)
        .args(["--bind", "127.0.0.1:0"]);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    guard(&mut command, cpus)?.spawn()
}

fn listening_address(line: &str) -> Option<SocketAddr> {
    line.trim_end()
        .strip_prefix(LISTENING)?
        .trim_end_matches('/')
        .parse()
        .ok()
}

/// Asks for `answer` again and again until there is one or the time is over.
pub(super) fn wait_until<T>(limit: Duration, mut answer: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + limit;
    loop {
        let found = answer();
        if found.is_some() || Instant::now() >= deadline {
            return found;
        }
        thread::sleep(POLL_INTERVAL);
    }
}
