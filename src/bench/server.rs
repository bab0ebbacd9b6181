//! The server under test: a child process, from its start to the proof that nothing is left of it.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

use super::accounting::ProcessTree;
use super::contender::{Contender, Foreign, Ready};
use super::failure::Failure;
use super::streams::{StderrTail, first_line_of};
use super::waiting::wait_until;
use crate::sys::guarded::guard;

/// How long a server may take until it listens.
const START_DEADLINE: Duration = Duration::from_secs(10);
/// How long it may take to end after SIGTERM.
const STOP_DEADLINE: Duration = Duration::from_secs(10);
/// How long its processes may take to be gone after its master has ended.
const SWEEP_DEADLINE: Duration = Duration::from_secs(2);
/// How long one attempt to reach a foreign server may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);
/// What programs add to the number of the signal that ended them, as shells do.
const SHELL_SIGNAL_BASE: i32 = 128;
/// What a server says before the address once it answers connections.
const LISTENING: &str = "listening on http://";

/// A running server. Dropping it kills all its processes.
pub struct ServerUnderTest {
    child: Child,
    address: SocketAddr,
    stop_signal: Signal,
    is_foreign: bool,
    /// For the files of a foreign server; it goes when the server is gone.
    _directory: Scratch,
    stderr_tail: StderrTail,
    /// All its processes are known to be gone, so their numbers may belong to others by now.
    gone: bool,
}

impl ServerUnderTest {
    /// Starts the contender on a port of its own on loopback, on `cpus` only, and waits until it
    /// answers connections. `program` is the `servers` of contenders that name no other.
    ///
    /// # Errors
    /// [`Failure::DidNotStart`], with what it said.
    pub fn start(
        program: &Path,
        who: &Contender,
        cpus: &[usize],
    ) -> Result<ServerUnderTest, Failure> {
        let not_started = |reason: String| Failure::DidNotStart { reason };
        let port = match &who.foreign {
            Some(_) => free_port().map_err(|error| not_started(error.to_string()))?,
            None => 0,
        };
        let directory = Scratch::new().map_err(|error| not_started(error.to_string()))?;
        let mut child = spawn(program, who, (port, &directory.0), cpus)
            .map_err(|error| not_started(error.to_string()))?;
        let stderr_tail = StderrTail::of(child.stderr.take());
        let first_line = first_line_of(child.stdout.take());
        // From here on an error drops the server, and that ends its processes.
        let chosen = SocketAddr::from(([127, 0, 0, 1], port));
        let mut server = ServerUnderTest {
            child,
            address: chosen,
            stop_signal: stop_signal(who),
            is_foreign: who.foreign.is_some(),
            _directory: directory,
            stderr_tail,
            gone: false,
        };
        let ready = match who.foreign {
            Some(ref foreign) => server.wait_until_ready(&foreign.ready),
            None => server.wait_until_listening(&first_line),
        };
        server.address = ready.map_err(not_started)?;
        Ok(server)
    }

    /// Waits for a foreign server as its command says.
    fn wait_until_ready(&mut self, ready: &Ready) -> Result<SocketAddr, String> {
        let address = self.address;
        let ended = wait_until(START_DEADLINE, || match self.child.try_wait() {
            Ok(Some(status)) => Some(Err(status)),
            _ => is_ready(address, ready).then_some(Ok(())),
        });
        match ended {
            Some(Ok(())) => Ok(address),
            Some(Err(status)) => Err(self.exit_reason(status)),
            None => Err(format!(
                "it {} within {} s",
                unready(ready),
                START_DEADLINE.as_secs()
            )),
        }
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
                Some(status) => self.exit_reason(status),
                None => "it closed its standard output".to_owned(),
            }),
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// All its processes.
    pub fn processes(&self) -> ProcessTree {
        ProcessTree(self.pid())
    }

    /// Whether it still runs.
    ///
    /// # Errors
    /// [`Failure::Died`], with how.
    pub fn check_alive(&mut self) -> Result<(), Failure> {
        match self.child.try_wait() {
            Ok(Some(status)) => Err(Failure::Died {
                how: self.exit_reason(status),
            }),
            _ => Ok(()),
        }
    }

    /// Stops it with its stop signal, and verifies that it ended well, that none of its processes
    /// is left and that its port is free.
    ///
    /// # Errors
    /// The first of these that is not so. Processes that were left have been killed.
    pub fn stop(mut self) -> Result<(), Failure> {
        self.check_alive()?;
        // The child has not been reaped, so the number is still its own.
        kill(self.pid(), self.stop_signal).ok();
        let Some(status) = self.wait_for_end(STOP_DEADLINE) else {
            return Err(Failure::DidNotStop {
                deadline_s: STOP_DEADLINE.as_secs(),
            });
        };
        if !status.success() && !self.is_ended_by_its_stop_signal(status) {
            return Err(Failure::StoppedBadly {
                how: self.exit_reason(status),
            });
        }
        self.verify_nothing_left()
            .map_err(|what| Failure::LeftBehind { what })
    }

    /// A foreign server may leave its end to the signal, or report it as shells do. Ours end with
    /// exit code 0.
    fn is_ended_by_its_stop_signal(&self, status: ExitStatus) -> bool {
        let number = self.stop_signal as i32;
        self.is_foreign
            && (status.signal() == Some(number)
                || status.code() == Some(SHELL_SIGNAL_BASE + number))
    }

    fn verify_nothing_left(&mut self) -> Result<(), String> {
        wait_until(SWEEP_DEADLINE, || {
            matches!(self.processes().count(), Ok(0)).then_some(())
        })
        .ok_or_else(|| match self.processes().count() {
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
    fn exit_reason(&self, status: ExitStatus) -> String {
        let end = match (status.code(), status.signal()) {
            (Some(code), _) => format!("exit code {code}"),
            (None, Some(signal)) => format!("signal {signal}"),
            (None, None) => status.to_string(),
        };
        self.stderr_tail
            .get(SWEEP_DEADLINE)
            .map_or(end.clone(), |line| format!("{end}, \"{line}\""))
    }
}

impl Drop for ServerUnderTest {
    /// Kills all its processes, unless they are known to be gone.
    fn drop(&mut self) {
        if !self.gone {
            self.processes().kill();
            killpg(self.pid(), Signal::SIGKILL).ok();
            self.child.wait().ok();
        }
    }
}

fn spawn(
    program: &Path,
    who: &Contender,
    (port, directory): (u16, &Path),
    cpus: &[usize],
) -> io::Result<Child> {
    let mut command = match &who.foreign {
        Some(foreign) => foreign_command(foreign, port, directory)?,
        None => {
            let mut command = Command::new(who.program.as_deref().unwrap_or(program));
            command.arg("run").args(&who.arguments);
            command.args(["--bind", "127.0.0.1:0"]);
            command
        }
    };
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    guard(&mut command, cpus)?.spawn()
}

/// The command, with its files where it will find them.
fn foreign_command(foreign: &Foreign, port: u16, directory: &Path) -> io::Result<Command> {
    let fill = |text: &String| {
        text.replace(Foreign::PORT, &port.to_string())
            .replace(Foreign::DIRECTORY, &directory.display().to_string())
    };
    for (name, text) in &foreign.files {
        fs::write(directory.join(name), fill(text))?;
    }
    let mut words = foreign.command.iter().map(fill);
    let program = words.next().ok_or(io::ErrorKind::InvalidInput)?;
    let mut command = Command::new(program);
    command.args(words);
    Ok(command)
}

/// A directory of its own for each server, removed in the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> io::Result<Scratch> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Relaxed);
        let name = format!("servers-bench-{}-{number}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        fs::create_dir(&directory)?;
        // Apache's children are another user, who has to read the page.
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o755))?;
        Ok(Scratch(directory))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

/// A port that was free a moment ago. Ours need none: they choose one and say which.
fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Whether the server at `address` is ready.
fn is_ready(address: SocketAddr, ready: &Ready) -> bool {
    match ready {
        Ready::Answers => status_of(address, "/").is_ok(),
        Ready::Connects => TcpStream::connect_timeout(&address, ANSWER_TIMEOUT).is_ok(),
        Ready::Path(path) => status_of(address, path).is_ok_and(|it| (b'1'..b'4').contains(&it)),
    }
}

/// What a server has failed to do that is not ready.
fn unready(ready: &Ready) -> String {
    match ready {
        Ready::Answers => "did not answer".to_owned(),
        Ready::Connects => "took no connection".to_owned(),
        Ready::Path(path) => format!("did not answer {path} with a status below 400"),
    }
}

/// The first digit of the status with which `path` is answered.
fn status_of(address: SocketAddr, path: &str) -> io::Result<u8> {
    let mut connection = TcpStream::connect_timeout(&address, ANSWER_TIMEOUT)?;
    connection.set_read_timeout(Some(ANSWER_TIMEOUT))?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    connection.write_all(request.as_bytes())?;
    let mut start = *b"HTTP/1.1 200";
    connection.read_exact(&mut start)?;
    match start.strip_prefix(b"HTTP/1.") {
        Some(&[_, b' ', class, ..]) => Ok(class),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

fn stop_signal(who: &Contender) -> Signal {
    let named = who.foreign.as_ref().map(|it| it.stop.parse());
    named.and_then(Result::ok).unwrap_or(Signal::SIGTERM)
}

fn listening_address(line: &str) -> Option<SocketAddr> {
    line.trim_end()
        .strip_prefix(LISTENING)?
        .trim_end_matches('/')
        .parse()
        .ok()
}
