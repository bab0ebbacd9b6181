//! The service manager's ways: `sd_notify(3)` and `sd_listen_fds(3)`.

use std::net::TcpListener;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixDatagram;
use std::process::Command;

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::support::server::{BINARY, Server};
use crate::support::{DEADLINE, proc, wait_for};
use crate::{ask, for_every_model};

for_every_model! {
    the_manager_hears_that_the_server_is_ready,
    an_inherited_listener_is_served,
}

/// The manager's end of the notification socket.
struct Manager {
    _directory: TempDir,
    path: String,
    socket: UnixDatagram,
}

impl Manager {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        Self {
            _directory: directory,
            path: path.to_str().unwrap().to_owned(),
            socket,
        }
    }

    fn start(&self, model: &str, environment: &[(&str, &str)]) -> Server {
        let mut launcher = Command::new(BINARY);
        launcher.env("NOTIFY_SOCKET", &self.path);
        launcher.envs(environment.iter().copied());
        Server::start_by(launcher, model, &[])
    }

    /// The next message.
    #[track_caller]
    fn hears(&self) -> String {
        let mut octets = [0; 4096];
        let count = self.socket.recv(&mut octets).unwrap();
        String::from_utf8_lossy(&octets[..count]).into_owned()
    }
}

fn the_manager_hears_that_the_server_is_ready(model: &str) {
    let manager = Manager::new();
    let mut server = manager.start(model, &[]);
    assert_eq!(manager.hears().trim(), "READY=1");
    assert_eq!(ask(&server, "/").status(), 200);
    server.signal(Signal::SIGTERM);
    assert_eq!(server.wait().code(), Some(0));
}

/// By the time that the master lies down until its next tick, a second later, the word is out.
#[cfg(target_arch = "x86_64")]
#[test]
fn the_manager_hears_it_before_the_master_goes_to_sleep() {
    const BREATHERS_MAX_MS: i64 = 100;
    let manager = Manager::new();
    let server = manager.start("prefork", &[]);
    wait_for("the master sleeps", || {
        // While somebody is about to become ready it sleeps for moments.
        let sleeps_for = proc::poll_timeout(server.pid());
        sleeps_for.is_some_and(|ms| ms > BREATHERS_MAX_MS)
    });
    manager.socket.set_nonblocking(true).unwrap();
    assert_eq!(manager.hears().trim(), "READY=1");
}

#[test]
fn a_reload_begins_and_ends_with_a_word() {
    let manager = Manager::new();
    let server = manager.start("prefork", &[]);
    assert_eq!(manager.hears().trim(), "READY=1");
    let workers: Vec<i32> = server.children().iter().map(|it| it.pid).collect();
    server.signal(Signal::SIGHUP);
    let said = manager.hears();
    let since = said
        .lines()
        .find_map(|line| line.strip_prefix("MONOTONIC_USEC="));
    assert!(said.starts_with("RELOADING=1\n"), "{said}");
    assert!(since.unwrap().parse::<u64>().unwrap() > 0, "{said}");
    assert_eq!(manager.hears().trim(), "READY=1");
    // All old ones have been told to go by then. One of them may still have a client in hand.
    wait_for("those who serve are others", || {
        let answer = ask(&server, "/pid").text();
        let pid = answer.split(' ').next().unwrap().parse().unwrap();
        !workers.contains(&pid)
    });
}

#[test]
fn a_stop_is_announced() {
    let manager = Manager::new();
    let mut server = manager.start("prefork", &[]);
    assert_eq!(manager.hears().trim(), "READY=1");
    server.signal(Signal::SIGTERM);
    assert_eq!(manager.hears().trim(), "STOPPING=1");
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn a_successor_is_the_main_process_when_its_predecessor_leaves() {
    let manager = Manager::new();
    let mut server = manager.start("prefork", &[]);
    assert_eq!(manager.hears().trim(), "READY=1");
    let workers: Vec<i32> = server.children().iter().map(|it| it.pid).collect();
    server.signal(Signal::SIGUSR2);
    assert_eq!(manager.hears().trim(), "READY=1");
    let is_successor = |pid: &i32| !workers.contains(pid);
    let successor = server
        .children()
        .iter()
        .map(|it| it.pid)
        .find(is_successor)
        .unwrap();
    server.signal(Signal::SIGTERM);
    assert_eq!(manager.hears().trim(), format!("MAINPID={successor}"));
    assert_eq!(server.wait().code(), Some(0));
    kill(Pid::from_raw(successor), Signal::SIGKILL).unwrap();
}

#[test]
fn the_watchdog_is_fed() {
    let manager = Manager::new();
    let _server = manager.start("prefork", &[("WATCHDOG_USEC", "500000")]);
    assert_eq!(manager.hears().trim(), "READY=1");
    for _ in 0..3 {
        assert_eq!(manager.hears().trim(), "WATCHDOG=1");
    }
}

/// The manager's clock runs on when another process becomes the main one, whose own first word may
/// be half the time away.
#[test]
fn the_watchdog_is_fed_with_every_change() {
    let manager = Manager::new();
    let mut server = manager.start("prefork", &[("WATCHDOG_USEC", "3600000000")]);
    for word in ["READY=1", "WATCHDOG=1"] {
        assert_eq!(manager.hears().trim(), word);
    }
    server.signal(Signal::SIGUSR2);
    for word in ["READY=1", "WATCHDOG=1"] {
        assert_eq!(manager.hears().trim(), word);
    }
    server.signal(Signal::SIGTERM);
    let said = manager.hears();
    let successor = said.trim().strip_prefix("MAINPID=").unwrap();
    assert_eq!(manager.hears().trim(), "WATCHDOG=1");
    kill(Pid::from_raw(successor.parse().unwrap()), Signal::SIGKILL).unwrap();
    assert_eq!(server.wait().code(), Some(0));
}

/// Runs the server as systemd does: the socket is descriptor 3, and its process ID, which only the
/// process itself knows before it begins, in the environment.
fn activated(listener: &TcpListener, pid: &str, model: &str) -> Server {
    let descriptor = listener.as_raw_fd();
    let mut launcher = Command::new("bash");
    let script =
        format!("export LISTEN_FDS=1 LISTEN_PID={pid}; exec \"$0\" \"$@\" 3<&{descriptor}");
    launcher.args(["-c", &script, BINARY]);
    fcntl(listener, FcntlArg::F_SETFD(FdFlag::empty())).unwrap();
    let server = Server::start_by(launcher, model, &[]);
    fcntl(listener, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).unwrap();
    server
}

fn an_inherited_listener_is_served(model: &str) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut server = activated(&listener, "$$", model);
    assert_eq!(server.address, listener.local_addr().unwrap());
    assert_eq!(ask(&server, "/").status(), 200);
    server.signal(Signal::SIGTERM);
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn what_is_meant_for_another_process_is_left_alone() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = activated(&listener, "1", "iterative");
    assert_ne!(server.address, listener.local_addr().unwrap());
}
