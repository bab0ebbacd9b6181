//! The service manager's ways: `sd_notify(3)` and `sd_listen_fds(3)`.

use std::net::TcpListener;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixDatagram;
use std::process::Command;

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::sys::signal::Signal;
use tempfile::TempDir;

use crate::support::DEADLINE;
use crate::support::server::{BINARY, Server};
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

    fn start(&self, model: &str, options: &[&str]) -> Server {
        let mut launcher = Command::new(BINARY);
        launcher.env("NOTIFY_SOCKET", &self.path);
        Server::start_by(launcher, model, options)
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
