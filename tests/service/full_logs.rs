//! Logs that take no more: a reader that has stopped, and the limit on the size of files
//! (RLIMIT_FSIZE), at which a write raises SIGXFSZ. The server answers, replaces its workers, and
//! stops.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, mkfifo};

use crate::support::proc::status;
use crate::support::server::{BINARY, Server};
use crate::support::{has_master, wait_for};
use crate::{ask, for_every_model};

for_every_model! {
    a_standard_error_that_is_not_read_holds_up_no_answer,
    files_at_the_limit_of_their_size_end_nothing,
    a_standard_error_at_the_limit_of_its_size_ends_nothing,
}

/// Files may become so large.
const LIMIT_BYTES: u64 = 4096;

/// The server answers a slow request, which it logs, and replaces a worker that dies. It ends as
/// it should.
#[track_caller]
fn assert_serves_and_stops(server: &mut Server, model: &str) {
    for _ in 0..3 {
        assert_eq!(ask(server, "/sleep?ms=3").status(), 200);
    }
    if has_master(model) {
        let before = server.children();
        kill(Pid::from_raw(before[0].pid), Signal::SIGKILL).unwrap();
        wait_for("the worker is replaced", || {
            let now = server.children();
            now.len() == before.len() && now.iter().all(|it| it.pid != before[0].pid)
        });
        assert_eq!(ask(server, "/").status(), 200);
    }
    server.signal(Signal::SIGTERM);
    assert_eq!(server.wait().code(), Some(0));
}

/// Standard error is a full pipe or a full socket, and its other end lives.
fn a_standard_error_that_is_not_read_holds_up_no_answer(model: &str) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    mkfifo(&path, Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
    let mut pipe = File::options();
    let pipe = pipe.read(true).write(true).custom_flags(libc::O_NONBLOCK);
    let (_reader, socket) = UnixStream::pair().unwrap();
    socket.set_nonblocking(true).unwrap();
    let fill = |log: &mut dyn Write| {
        let full = log.write_all(&[b'.'; 1 << 20]).unwrap_err();
        assert_eq!(full.kind(), ErrorKind::WouldBlock);
        // What is left may be less than a line.
        while log.write(b".").is_ok() {}
    };
    let mut pipe = pipe.open(&path).unwrap();
    fill(&mut pipe);
    fill(&mut &socket);
    // The flag belongs to the socket: the server has to do without.
    socket.set_nonblocking(false).unwrap();
    let pipe = Stdio::from(File::options().read(true).write(true).open(&path).unwrap());
    for log in [pipe, Stdio::from(OwnedFd::from(socket))] {
        let mut launcher = Command::new("sh");
        launcher.args(["-c", "exec \"$0\" \"$@\" 2<&0 </dev/null", BINARY]);
        let options = ["--workers", "2", "--slow-ms", "1"];
        let mut server = Server::start_with(launcher, model, &options, log);
        assert_serves_and_stops(&mut server, model);
    }
}

/// A server of which no file may grow beyond the limit. The scoreboard is larger. Without the right
/// to lift the limit (CAP_SYS_RESOURCE) it becomes memory without a name.
fn start_limited(model: &str, options: &[&str]) -> Server {
    let mut launcher = Command::new("prlimit");
    launcher.args([&format!("--fsize={LIMIT_BYTES}:{LIMIT_BYTES}"), BINARY]);
    let own = ["--workers", "2", "--slow-ms", "1"];
    Server::start_by(launcher, model, &[&own, options].concat())
}

fn files_at_the_limit_of_their_size_end_nothing(model: &str) {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let options = ["log-file", "access-log", "pidfile", "trace"];
    let options = options.map(|name| format!("--{name}={}", path(name).display()));
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let mut server = start_limited(model, &options);
    let is_full = |path: &Path| fs::metadata(path).unwrap().len() == LIMIT_BYTES;
    let long = "x".repeat(1000);
    wait_for("all files are full", || {
        assert_eq!(ask(&server, &format!("/sleep?ms=2&{long}")).status(), 200);
        ["log-file", "access-log", "trace"]
            .iter()
            .all(|it| is_full(&path(it)))
    });
    // Renamed and opened anew, they take lines again.
    for name in ["log-file", "access-log"] {
        fs::rename(path(name), path(&format!("{name}.1"))).unwrap();
    }
    server.signal(Signal::SIGUSR1);
    wait_for("new files", || path("access-log").exists());
    wait_for("a line of a process that serves", || {
        assert_eq!(ask(&server, "/").status(), 200);
        !fs::read(path("access-log")).unwrap().is_empty()
    });
    assert!(
        fs::read_to_string(path("pidfile"))
            .unwrap()
            .contains(&server.pid().to_string())
    );
    assert_serves_and_stops(&mut server, model);
    assert!(!path("pidfile").exists());
}

/// Standard error is a regular file, which no signal opens anew.
fn a_standard_error_at_the_limit_of_its_size_ends_nothing(model: &str) {
    let mut server = start_limited(model, &[]);
    let long = "x".repeat(1000);
    wait_for("the log is full", || {
        assert_eq!(ask(&server, &format!("/sleep?ms=2&{long}")).status(), 200);
        server.said().len() as u64 == LIMIT_BYTES
    });
    let ignored = u64::from_str_radix(&status(server.pid(), "SigIgn"), 16).unwrap();
    assert!(
        ignored & 1 << (Signal::SIGXFSZ as u32 - 1) != 0,
        "{ignored:x}"
    );
    assert_serves_and_stops(&mut server, model);
}
