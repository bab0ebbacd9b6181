//! Several addresses, and Unix sockets among them.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};

use crate::support::server::Server;
use crate::support::{DEADLINE, wait_for, wire};
use crate::{ask, for_every_model, refused};

for_every_model! {
    every_address_is_served,
    the_queue_of_every_address_is_answered_at_a_stop,
    a_unix_socket_is_served_and_its_file_goes_at_the_end,
    a_server_that_leaves_at_once_takes_its_socket_along,
    a_unix_socket_goes_with_few_privileges,
}

/// An address with a port that is free now.
fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.2:0").unwrap();
    listener.local_addr().unwrap()
}

fn connect(address: SocketAddr) -> TcpStream {
    let client = TcpStream::connect_timeout(&address, DEADLINE).unwrap();
    client.set_read_timeout(Some(DEADLINE)).unwrap();
    client
}

/// The functions that write and read requests take this type, and use it as a descriptor.
fn connect_unix(path: &Path) -> TcpStream {
    let client = UnixStream::connect(path).unwrap();
    client.set_read_timeout(Some(DEADLINE)).unwrap();
    TcpStream::from(OwnedFd::from(client))
}

#[track_caller]
fn status_of(client: &TcpStream, path: &str) -> u16 {
    wire::get_and_close(client, path);
    wire::read_answer(client).status()
}

/// A strategy with an accept queue for each worker refuses Unix sockets.
fn takes_unix(model: &str) -> bool {
    !model.contains("reuseport")
}

/// One address has clients all the time, and the other one now and then.
fn every_address_is_served(model: &str) {
    let second = free_address();
    let server = Server::start(model, &["--workers", "2", "--bind", &second.to_string()]);
    for _ in 0..5 {
        for _ in 0..4 {
            assert_eq!(ask(&server, "/").status(), 200);
        }
        assert_eq!(status_of(&connect(second), "/"), 200);
    }
}

/// The processes are suspended until clients wait at both addresses and the stop was asked for.
fn the_queue_of_every_address_is_answered_at_a_stop(model: &str) {
    let second = free_address();
    let mut server = Server::start(model, &["--workers", "2", "--bind", &second.to_string()]);
    assert_eq!(ask(&server, "/").status(), 200);
    let processes = server.tree();
    let signal_all = |signal| {
        for process in &processes {
            // A child of `fork` may have ended.
            let _ = kill(Pid::from_raw(process.pid), signal);
        }
    };
    signal_all(Signal::SIGSTOP);
    let clients: Vec<TcpStream> = (0..3)
        .flat_map(|_| [server.connect(), connect(second)])
        .collect();
    for client in &clients {
        wire::get(client, "/");
    }
    server.signal(Signal::SIGTERM);
    signal_all(Signal::SIGCONT);
    for client in &clients {
        assert_eq!(wire::read_answer(client).status(), 200);
    }
    assert_eq!(server.wait().code(), Some(0));
}

fn a_unix_socket_is_served_and_its_file_goes_at_the_end(model: &str) {
    if !takes_unix(model) {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    let bind = format!("--bind=unix:{}", path.display());
    for _ in 0..2 {
        let mut server = Server::start(model, &[&bind, "--socket-mode=600"]);
        let file = fs::symlink_metadata(&path).unwrap();
        assert!(file.file_type().is_socket());
        assert_eq!(file.mode() & 0o777, 0o600);
        // Its clients are on this machine, so they may see the status.
        for target in ["/", "/status?auto"] {
            assert_eq!(status_of(&connect_unix(&path), target), 200);
        }
        // Far more than the socket's buffer takes.
        let reader = connect_unix(&path);
        wire::get_and_close(&reader, "/bytes?n=1000000");
        let (answer, was_reset) = wire::read_to_end(&reader);
        assert!(answer.len() > 1_000_000 && !was_reset, "{}", answer.len());
        assert_eq!(ask(&server, "/").status(), 200);
        // A client that is slow: the connection has the server's timeouts.
        let idle = connect_unix(&path);
        wire::send(&idle, b"GET / HTTP/1.1\r\n");
        server.signal(Signal::SIGTERM);
        wire::send(&idle, b"Host: x\r\n\r\n");
        assert_eq!(server.wait().code(), Some(0));
        assert!(!path.exists());
    }
}

fn a_server_that_leaves_at_once_takes_its_socket_along(model: &str) {
    if !takes_unix(model) {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    let bind = format!("--bind=unix:{}", path.display());
    for signal in [Signal::SIGINT, Signal::SIGQUIT] {
        let mut server = Server::start(model, &[&bind]);
        assert_eq!(status_of(&connect_unix(&path), "/"), 200);
        server.signal(signal);
        server.wait();
        assert!(!path.exists(), "{signal}");
    }
}

/// The process that makes the file still has all privileges, and the owner need not be the user
/// that serves.
fn a_unix_socket_goes_with_few_privileges(model: &str) {
    if !takes_unix(model) || !geteuid().is_root() {
        eprintln!("not root, or no Unix socket: nothing is tried");
        return;
    }
    const OWNER: u32 = 12_345;
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let path = directory.path().join("socket");
    let bind = format!("--bind=unix:{}", path.display());
    let owner = format!("--socket-owner={OWNER}:{OWNER}");
    let options = [
        &*bind,
        &owner,
        "--socket-mode=600",
        "--user",
        "nobody",
        "--sandbox",
    ];
    let mut server = Server::start(model, &options);
    let file = fs::symlink_metadata(&path).unwrap();
    assert_eq!(
        (file.uid(), file.gid(), file.mode() & 0o777),
        (OWNER, OWNER, 0o600)
    );
    assert_eq!(status_of(&connect_unix(&path), "/"), 200);
    // The kernel checks the right to write when a client connects.
    let connect_as = |user: u32| {
        let ids = [format!("--reuid={user}"), format!("--regid={user}")];
        let output = Command::new("setpriv")
            .args(ids)
            .args([
                "--clear-groups",
                "curl",
                "-sf",
                "http://a/",
                "--unix-socket",
            ])
            .arg(&path)
            .output();
        output.unwrap().status.success()
    };
    assert!(connect_as(OWNER), "{}", server.said());
    assert!(!connect_as(OWNER + 1));
    server.signal(Signal::SIGTERM);
    assert_eq!(server.wait().code(), Some(0), "{}", server.said());
}

#[test]
fn the_socket_of_a_killed_server_is_replaced_and_that_of_a_live_one_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    let bind = format!("--bind=unix:{}", path.display());
    // The workers of a killed master die a moment later.
    let gone = || wait_for("no process listens", || UnixStream::connect(&path).is_err());
    for model in ["iterative", "prefork", "epoll"] {
        let mut killed = Server::start(model, &[&bind]);
        killed.signal(Signal::SIGKILL);
        killed.wait();
        assert!(path.exists(), "{model}");
        gone();
        let live = Server::start(model, &[&bind]);
        let said = refused(1, &["run", model, "--bind=127.0.0.1:0", &bind]);
        assert!(said.contains("another server listens there"), "{said}");
        assert_eq!(status_of(&connect_unix(&path), "/"), 200);
        drop(live);
        gone();
    }
}

/// If one address cannot be had, none is served, and no file stays.
#[test]
fn a_server_listens_at_all_addresses_or_at_none() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    let bind = format!("--bind=unix:{}", path.display());
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let second = format!("--bind={}", taken.local_addr().unwrap());
    let said = refused(1, &["run", "epoll", &bind, &second]);
    assert!(said.contains("another server has this port"), "{said}");
    assert!(!path.exists());
}

#[test]
fn options_of_sockets_that_contradict_each_other_are_refused() {
    let unix = "--bind=unix:/tmp/servers-test.sock";
    for (options, words) in [
        (
            &["epoll", "--socket-mode=600"][..],
            "--socket-mode needs --bind unix:PATH",
        ),
        (
            &["epoll", "--socket-owner=root"],
            "--socket-owner needs --bind unix:PATH",
        ),
        (&["epoll", unix, "--socket-mode=888"], "three octal digits"),
        (&["epoll", "--bind=unix:here"], "absolute path"),
        (
            &["event", "--accept=reuseport", unix],
            "--accept reuseport needs IP addresses",
        ),
        (
            &["epoll", "--bind=8080", "--bind=127.0.0.1:8080"],
            "one address twice",
        ),
    ] {
        let said = refused(2, &[&["run"], options].concat());
        assert!(said.contains(words), "{said}");
    }
    let said = refused(1, &["run", "epoll", unix, "--socket-owner=no such user"]);
    assert!(said.contains("there is no user 'no such user'"), "{said}");
}

/// The names of addresses stand in the status.
#[test]
fn the_status_names_every_address() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    let (second, unix) = (free_address(), format!("unix:{}", path.display()));
    let server = Server::start("prefork", &["--bind", &second.to_string(), "--bind", &unix]);
    wait_for("the status", || {
        ask(&server, "/status?json").status() == 200
    });
    let text = ask(&server, "/status?json").text();
    let all = format!("{}, {second}, {unix}", server.address);
    assert!(text.contains(&all), "{text}");
}
