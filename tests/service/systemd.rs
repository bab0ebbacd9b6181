//! The service manager's protocols: `sd_notify(3)` and `sd_listen_fds(3)`.

use std::fs;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener, UnixStream};
use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use servers::models;
use tempfile::TempDir;

use crate::support::server::{BINARY, Server};
use crate::support::{DEADLINE, proc, wait_for, wire};
use crate::{ask, for_every_model};

for_every_model! {
    the_manager_hears_that_the_server_is_ready,
    the_manager_hears_it_from_a_sandbox_and_at_an_abstract_address,
    a_hangup_ends_no_service,
    an_inherited_listener_is_served,
}

/// The manager's end of the notification socket.
struct Manager {
    _directory: Option<TempDir>,
    /// What NOTIFY_SOCKET says.
    name: String,
    socket: UnixDatagram,
}

impl Manager {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        Self {
            name: path.to_str().unwrap().to_owned(),
            _directory: Some(directory),
            socket,
        }
    }

    /// One with an abstract address, which is in no file system.
    fn abstract_one(model: &str) -> Self {
        let name = format!("servers-test-{}-{model}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let socket = UnixDatagram::bind_addr(&address).unwrap();
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        Self {
            _directory: None,
            name: format!("@{name}"),
            socket,
        }
    }

    fn start(&self, model: &str, environment: &[(&str, &str)]) -> Server {
        self.start_with(model, environment, &[])
    }

    fn start_with(&self, model: &str, environment: &[(&str, &str)], options: &[&str]) -> Server {
        let mut launcher = Command::new(BINARY);
        launcher.env("NOTIFY_SOCKET", &self.name);
        launcher.envs(environment.iter().copied());
        Server::start_by(launcher, model, options)
    }

    /// Receives the next message.
    #[track_caller]
    fn hears(&self) -> String {
        let mut bytes = [0; 4096];
        let count = self.socket.recv(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..count]).into_owned()
    }

    /// Receives the next message, which must be READY, and returns its status.
    #[track_caller]
    fn hears_ready(&self) -> String {
        let said = self.hears();
        let status = said.strip_prefix("READY=1\nSTATUS=");
        status.expect(&said).to_owned()
    }
}

/// A master that is no child of the test. Dropping this kills it.
struct Successor(i32);

impl Drop for Successor {
    fn drop(&mut self) {
        let _ = kill(Pid::from_raw(self.0), Signal::SIGKILL);
    }
}

fn the_manager_hears_that_the_server_is_ready(model: &str) {
    let manager = Manager::new();
    let mut server = manager.start(model, &[]);
    manager.hears_ready();
    assert_eq!(ask(&server, "/").status(), 200);
    server.signal(Signal::SIGTERM);
    assert_eq!(server.wait().code(), Some(0));
}

/// The master notifies before it waits for its next tick, a second later.
#[cfg(target_arch = "x86_64")]
#[test]
fn the_manager_hears_it_before_the_master_goes_to_sleep() {
    const SHORT_WAIT_MAX_MS: i64 = 100;
    let manager = Manager::new();
    let server = manager.start("prefork", &[]);
    wait_for("the master sleeps", || {
        // While a worker is about to become ready, the master waits for moments only.
        let sleeps_for = proc::poll_timeout(server.pid());
        sleeps_for.is_some_and(|ms| ms > SHORT_WAIT_MAX_MS)
    });
    manager.socket.set_nonblocking(true).unwrap();
    manager.hears_ready();
}

fn the_manager_hears_it_from_a_sandbox_and_at_an_abstract_address(model: &str) {
    let manager = Manager::abstract_one(model);
    let _server = manager.start_with(model, &[], &["--sandbox"]);
    manager.hears_ready();
}

/// Only the process that notifies the manager holds a socket to it.
#[test]
fn a_worker_cannot_talk_to_the_manager() {
    let manager = Manager::new();
    let server = manager.start("prefork", &[]);
    manager.hears_ready();
    let sockets = |pid| {
        let held = proc::Process::find(pid).unwrap().descriptors();
        held.iter().filter(|it| it.starts_with("socket:")).count()
    };
    assert_eq!(sockets(server.pid()), 2, "the port and the manager");
    for worker in server.children() {
        assert_eq!(sockets(worker.pid), 1, "the port");
    }
}

/// Under a manager SIGHUP asks for a reload. A model without a master says that it has none, and
/// goes on. Without a manager SIGHUP means that the terminal hung up.
fn a_hangup_ends_no_service(model: &str) {
    if models::find(model.split(' ').next().unwrap())
        .unwrap()
        .has_master()
    {
        return;
    }
    let manager = Manager::new();
    let mut server = manager.start(model, &[]);
    server.signal(Signal::SIGHUP);
    wait_for("it says that there is no reload", || {
        server.said().contains("SIGHUP")
    });
    assert_eq!(ask(&server, "/").status(), 200);
    server.signal(Signal::SIGTERM);
    assert_eq!(server.wait().code(), Some(0));
    let mut server = Server::start(model, &[]);
    server.signal(Signal::SIGHUP);
    assert_eq!(server.wait().signal(), Some(Signal::SIGHUP as i32));
}

#[test]
fn the_status_says_how_a_reload_ended() {
    let manager = Manager::new();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("servers.toml");
    fs::write(&path, "workers = 2\n").unwrap();
    let config = format!("--config={}", path.display());
    let server = manager.start_with("prefork", &[], &[&config]);
    let status = manager.hears_ready();
    assert_eq!(status, "generation 1; workers at its start: 2");
    for (text, words) in [
        (
            "workers = 3\n",
            vec!["generation 2; workers at its start: 3"],
        ),
        (
            "workers = \"no\"\n",
            vec!["generation 2 goes on", "refused", "'no'"],
        ),
        (
            "workers = 1\n",
            vec!["generation 3; workers at its start: 1"],
        ),
    ] {
        fs::write(&path, text).unwrap();
        server.signal(Signal::SIGHUP);
        let said = manager.hears();
        assert!(said.contains("\nSTATUS=reads its configuration"), "{said}");
        let status = manager.hears_ready();
        assert!(words.iter().all(|it| status.contains(it)), "{status}");
        assert_eq!(status.lines().count(), 1, "{status}");
    }
}

#[test]
fn a_reload_is_announced_and_so_is_its_end() {
    let manager = Manager::new();
    let server = manager.start("prefork", &[]);
    manager.hears_ready();
    let workers: Vec<i32> = server.children().iter().map(|it| it.pid).collect();
    server.signal(Signal::SIGHUP);
    let said = manager.hears();
    let since = said
        .lines()
        .find_map(|line| line.strip_prefix("MONOTONIC_USEC="));
    assert!(said.starts_with("RELOADING=1\n"), "{said}");
    assert!(since.unwrap().parse::<u64>().unwrap() > 0, "{said}");
    manager.hears_ready();
    // All old workers have been told to leave by then. One may still be serving a client.
    wait_for("a new worker serves", || {
        let answer = ask(&server, "/pid").text();
        let pid = answer.split(' ').next().unwrap().parse().unwrap();
        !workers.contains(&pid)
    });
}

#[test]
fn a_stop_is_announced() {
    let manager = Manager::new();
    let mut server = manager.start("prefork", &[]);
    manager.hears_ready();
    server.signal(Signal::SIGTERM);
    assert_eq!(manager.hears().trim(), "STOPPING=1");
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn a_successor_is_the_main_process_when_its_predecessor_leaves() {
    let manager = Manager::new();
    let mut server = manager.start("prefork", &[]);
    manager.hears_ready();
    let workers: Vec<i32> = server.children().iter().map(|it| it.pid).collect();
    server.signal(Signal::SIGUSR2);
    manager.hears_ready();
    let is_successor = |pid: &i32| !workers.contains(pid);
    let successor = server
        .children()
        .iter()
        .map(|it| it.pid)
        .find(is_successor)
        .map(Successor)
        .unwrap();
    server.signal(Signal::SIGTERM);
    assert_eq!(manager.hears().trim(), format!("MAINPID={}", successor.0));
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn the_watchdog_is_fed() {
    let manager = Manager::new();
    let _server = manager.start("prefork", &[("WATCHDOG_USEC", "500000")]);
    manager.hears_ready();
    for _ in 0..3 {
        assert_eq!(manager.hears().trim(), "WATCHDOG=1");
    }
}

/// When another process becomes the main one, the manager's deadline runs on. The new main process
/// would send its first word only after half the time.
#[test]
fn the_watchdog_is_fed_with_every_change() {
    let manager = Manager::new();
    let mut server = manager.start("prefork", &[("WATCHDOG_USEC", "3600000000")]);
    manager.hears_ready();
    assert_eq!(manager.hears().trim(), "WATCHDOG=1");
    server.signal(Signal::SIGUSR2);
    manager.hears_ready();
    assert_eq!(manager.hears().trim(), "WATCHDOG=1");
    server.signal(Signal::SIGTERM);
    let said = manager.hears();
    let successor = said.trim().strip_prefix("MAINPID=").unwrap();
    let _successor = Successor(successor.parse().unwrap());
    assert_eq!(manager.hears().trim(), "WATCHDOG=1");
    assert_eq!(server.wait().code(), Some(0));
}

/// Preloading may take longer than the manager's deadline. The master loads a part at a time, and
/// feeds the watchdog in between.
#[test]
fn the_watchdog_is_fed_while_a_reload_preloads() {
    let manager = Manager::new();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("servers.toml");
    fs::write(&path, "preload = 1\n").unwrap();
    let config = format!("--config={}", path.display());
    let environment = [("WATCHDOG_USEC", "40000")];
    let server = manager.start_with("prefork", &environment, &[&config]);
    // So short a deadline may have the watchdog fed before the pool is ready.
    let words = || std::iter::repeat_with(|| manager.hears());
    assert!(words().any(|word| word.starts_with("READY=1\n")));
    fs::write(&path, "preload = 1500\n").unwrap();
    server.signal(Signal::SIGHUP);
    assert!(words().any(|word| word.starts_with("RELOADING=1\n")));
    let until_ready = words().take_while(|word| !word.starts_with("READY=1"));
    let fed = until_ready
        .filter(|word| word.trim() == "WATCHDOG=1")
        .count();
    assert!(fed > 0, "the watchdog was not fed while memory was loaded");
}

/// The new manager has another socket with the same name.
#[test]
fn a_restarted_manager_is_notified() {
    let mut manager = Manager::new();
    let server = manager.start("prefork", &[]);
    manager.hears_ready();
    fs::remove_file(&manager.name).unwrap();
    manager.socket = UnixDatagram::bind(&manager.name).unwrap();
    manager.socket.set_read_timeout(Some(DEADLINE)).unwrap();
    server.signal(Signal::SIGHUP);
    assert!(manager.hears().starts_with("RELOADING=1\n"));
    manager.hears_ready();
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

/// Starts the server with this as descriptor 3. The start must fail; returns its error.
fn refused_with(descriptor: &impl AsFd, count: &str) -> String {
    let number = descriptor.as_fd().as_raw_fd();
    let script =
        format!("export LISTEN_FDS={count} LISTEN_PID=$$; exec \"$0\" run iterative 3<&{number}");
    fcntl(descriptor, FcntlArg::F_SETFD(FdFlag::empty())).unwrap();
    let mut launcher = Command::new("timeout");
    let output = launcher
        .args(["20", "bash", "-c", &script, BINARY])
        .output();
    fcntl(descriptor, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).unwrap();
    let output = output.unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_descriptor_that_cannot_be_served_is_named() {
    let no_tcp = "descriptor 3, which was handed over, is no TCP or Unix stream socket";
    let said = refused_with(&UdpSocket::bind("127.0.0.1:0").unwrap(), "1");
    assert!(said.contains(no_tcp), "{said}");
    let said = refused_with(&tempfile::tempfile().unwrap(), "1");
    assert!(said.contains(no_tcp), "{said}");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let said = refused_with(&client, "1");
    assert!(
        said.contains("descriptor 3, which was handed over, does not listen"),
        "{said}"
    );
    let said = refused_with(&listener, "99999");
    assert!(said.contains("descriptor "), "{said}");
    let said = refused_with(&listener, "many");
    assert!(said.contains("LISTEN_FDS=many"), "{said}");
}

/// Sockets of several addresses, and where the strategy allows it a Unix socket, are served. The
/// file of the latter belongs to the manager.
#[test]
fn listeners_of_several_addresses_are_served() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    // As systemd does, the launcher opens the sockets. Those of this process would have to lose
    // close-on-exec, and would leak into the servers of tests that run at the same time.
    let script = "\
        import os, socket, sys\n\
        path, count = sys.argv[1], int(sys.argv[2])\n\
        held = [socket.create_server(('127.0.0.1', 0)), socket.create_server(('127.0.0.2', 0))]\n\
        if count == 3: held.append(socket.socket(socket.AF_UNIX)); held[2].bind(path)\n\
        for number, it in enumerate(held): it.listen(); os.dup2(it.fileno(), 20 + number)\n\
        for number in range(count): os.dup2(20 + number, 3 + number)\n\
        print('second', held[1].getsockname()[1], file=sys.stderr, flush=True)\n\
        os.environ.update(LISTEN_FDS=str(count), LISTEN_PID=str(os.getpid()))\n\
        os.execv(sys.argv[3], sys.argv[3:])\n";
    for (options, count) in [("--accept=reuseport", "2"), ("--accept=shared", "3")] {
        let mut launcher = Command::new("python3");
        launcher.args(["-c", script, path.to_str().unwrap(), count, BINARY]);
        let mut server = Server::start_by(launcher, "prefork", &[options]);
        assert_eq!(ask(&server, "/").status(), 200);
        let said = server.said();
        let first = said.lines().next();
        let port = first.and_then(|it| it.strip_prefix("second ")?.parse::<u16>().ok());
        let port = port.unwrap_or_else(|| panic!("no port in {said}"));
        let mut clients = vec![TcpStream::connect(("127.0.0.2", port)).unwrap()];
        if count == "3" {
            let client = UnixStream::connect(&path).unwrap();
            clients.push(TcpStream::from(OwnedFd::from(client)));
        }
        for client in clients {
            client.set_read_timeout(Some(DEADLINE)).unwrap();
            wire::get_and_close(&client, "/");
            assert_eq!(wire::read_answer(&client).status(), 200);
        }
        server.signal(Signal::SIGTERM);
        assert_eq!(server.wait().code(), Some(0));
        assert_eq!(path.exists(), count == "3");
    }
}

/// With a listener for each worker, a worker that lacks one address would not serve it.
#[test]
fn listeners_that_cannot_be_dealt_out_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let unix = UnixListener::bind(directory.path().join("socket")).unwrap();
    let script = "export LISTEN_FDS=1 LISTEN_PID=$$; \
                  exec \"$0\" run prefork --accept reuseport 3<&0 0</dev/null";
    let mut launcher = Command::new("timeout");
    launcher.args(["20", "bash", "-c", script, BINARY]);
    let output = launcher.stdin(OwnedFd::from(unix)).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("--accept reuseport needs a port"), "{said}");
}

#[test]
fn a_listener_for_another_process_is_left_alone() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = activated(&listener, "1", "iterative");
    assert_ne!(server.address, listener.local_addr().unwrap());
}

/// The journal adds name and process ID to each line, so the line itself leaves them out.
#[test]
fn lines_for_the_journal_have_nothing_before_them() {
    for (stream, starts) in [
        ("$(stat -Lc %d:%i /dev/fd/2)", "reload: "),
        ("1:1", "servers["),
    ] {
        let script = format!("export JOURNAL_STREAM={stream}; exec \"$0\" \"$@\"");
        let mut launcher = Command::new("bash");
        launcher.args(["-c", &script, BINARY]);
        let server = Server::start_by(launcher, "prefork", &[]);
        server.signal(Signal::SIGHUP);
        wait_for("the reload is logged", || {
            server.said().contains("reload: ")
        });
        let said = server.said();
        let line = said.lines().find(|it| it.contains("reload: ")).unwrap();
        assert!(line.starts_with(starts), "{said}");
    }
}
