//! `--pidfile`: it names the running server, and keeps a second one from starting.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use servers::service::Pidfile;

use crate::support::server::{BINARY, Server};
use crate::support::{proc, wait_for, wire};
use crate::{ask, for_every_model, refused};

for_every_model! {
    the_file_names_the_server_for_as_long_as_it_runs,
    a_second_server_is_refused_and_a_killed_one_is_no_obstacle,
    a_client_that_reads_the_file_does_not_release_its_lock,
    a_server_that_leaves_at_once_takes_its_file_along,
    a_server_that_leaves_by_force_takes_its_file_along,
}

fn id_in(path: &Path) -> Option<i32> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

fn the_file_names_the_server_for_as_long_as_it_runs(model: &str) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("pid");
    let mut server = Server::start(model, &["--pidfile", path.to_str().unwrap()]);
    assert_eq!(id_in(&path), Some(server.pid()));
    server.signal(Signal::SIGTERM);
    assert_eq!(server.wait().code(), Some(0));
    assert!(!path.exists());
}

fn a_second_server_is_refused_and_a_killed_one_is_no_obstacle(model: &str) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("pid");
    let option = format!("--pidfile={}", path.display());
    let mut server = Server::start(model, &[&option]);
    assert_no_second(&server, model, &option);
    server.signal(Signal::SIGKILL);
    server.wait();
    assert!(path.exists(), "a killed server cannot clean up");
    let next = Server::start(model, &[&option]);
    assert_eq!(id_in(&path), Some(next.pid()));
}

/// POSIX record locks (`fcntl`) end when any thread of the process closes the file, here the
/// handler that sends it. The pidfile needs another kind of lock.
fn a_client_that_reads_the_file_does_not_release_its_lock(model: &str) {
    let directory = tempfile::tempdir().unwrap();
    let option = format!("--pidfile={}", directory.path().join("pid").display());
    let root = format!("--root={}", directory.path().display());
    let server = Server::start(model, &[&option, &root]);
    assert_eq!(
        ask(&server, "/files/pid").text(),
        format!("{}\n", server.pid())
    );
    assert_no_second(&server, model, &option);
}

fn a_server_that_leaves_at_once_takes_its_file_along(model: &str) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("pid");
    for signal in [Signal::SIGINT, Signal::SIGQUIT] {
        let mut server = Server::start(model, &["--pidfile", path.to_str().unwrap()]);
        assert_eq!(ask(&server, "/").status(), 200);
        assert!(path.exists());
        server.signal(signal);
        assert_eq!(server.wait().code(), Some(0));
        assert!(!path.exists(), "{signal}");
    }
}

/// By force: when the graceful timeout is over, or at a second signal.
fn a_server_that_leaves_by_force_takes_its_file_along(model: &str) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("pid");
    for (grace, is_hurried) in [("300ms", false), ("1000s", true)] {
        let grace = format!("--graceful-timeout={grace}");
        let options = [
            "--pidfile",
            path.to_str().unwrap(),
            &grace,
            "--max-wait=1000s",
        ];
        let mut server = Server::start(model, &options);
        let client = server.connect();
        wire::get(&client, "/sleep?ms=1000000");
        server.wait_until_read(&client);
        server.signal(Signal::SIGTERM);
        if is_hurried {
            // Two signals that are pending at once would be one.
            wait_for("the first signal arrives", || {
                proc::pending_signals(server.pid()) == 0
            });
            server.signal(Signal::SIGTERM);
        }
        assert_eq!(server.wait().code(), Some(1), "{}", server.said());
        assert!(!path.exists(), "{grace}");
    }
}

/// Asserts that a second server with this file is refused, and told which process holds it.
#[track_caller]
fn assert_no_second(server: &Server, model: &str, option: &str) {
    let words: Vec<&str> = ["run"].into_iter().chain(model.split(' ')).collect();
    let said = refused(
        1,
        &[&words[..], &["--bind", "127.0.0.1:0", option]].concat(),
    );
    let holder = format!("process {} holds it", server.pid());
    assert!(said.contains(&holder), "{said}");
}

/// If an operator removes the file, a second server can start, which then owns the name.
#[test]
fn another_servers_file_is_left_to_it() {
    for (signal, model) in [
        (Signal::SIGTERM, "iterative"),
        (Signal::SIGQUIT, "iterative"),
        (Signal::SIGTERM, "prefork"),
        (Signal::SIGQUIT, "prefork"),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pid");
        let option = format!("--pidfile={}", path.display());
        let mut first = Server::start(model, &[&option]);
        fs::remove_file(&path).unwrap();
        let second = Server::start(model, &[&option]);
        first.signal(signal);
        assert_eq!(first.wait().code(), Some(0));
        assert_eq!(id_in(&path), Some(second.pid()), "{signal} {model}");
    }
}

#[test]
fn a_place_that_another_server_has_taken_is_not_taken_back() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("pid");
    let mut old = Pidfile::take(&path, None).unwrap();
    fs::rename(&path, path.with_extension("oldbin")).unwrap();
    let option = format!("--pidfile={}", path.display());
    let other = Server::start("iterative", &[&option]);
    let why = old.put_back().unwrap_err().to_string();
    assert!(why.contains(&format!("process {}", other.pid())), "{why}");
    assert_eq!(id_in(&path), Some(other.pid()));
}

#[test]
fn a_file_of_another_kind_is_not_overwritten() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("servers.toml");
    fs::write(&path, "workers = 2\n").unwrap();
    let option = format!("--pidfile={}", path.display());
    let said = refused(1, &["run", "prefork", "--bind", "127.0.0.1:0", &option]);
    assert!(said.contains("stays as it is"), "{said}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "workers = 2\n");
}

/// Opening a FIFO waits for the other end, which may never come.
#[test]
fn a_named_pipe_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("pid");
    mkfifo(&path, Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
    let option = format!("--pidfile={}", path.display());
    let said = refused(1, &["run", "prefork", "--bind", "127.0.0.1:0", &option]);
    assert!(said.contains("no regular file"), "{said}");
}

/// On a full disk (here in a mount namespace) the file can be created, and not be written.
#[test]
fn a_file_that_cannot_be_written_is_not_left_behind() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().to_str().unwrap();
    let fill = "mount -t tmpfs -o size=4k none \"$0\" && head -c 4096 /dev/zero > \"$0/full\"";
    let in_there = |script: &str| {
        let mut command = Command::new("timeout");
        command.args(["--kill-after=5", "20", "unshare", "-rm", "sh", "-c", script]);
        command.args([place, BINARY]).stdin(Stdio::null());
        command.output().unwrap()
    };
    if !in_there(fill).status.success() {
        eprintln!("skipped: no file system may be mounted here");
        return;
    }
    let run = "\"$1\" run prefork --bind 127.0.0.1:0 --pidfile \"$0/pid\"; ls \"$0\"";
    let output = in_there(&format!("{fill}; {run}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("cannot take --pidfile"), "{said}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "full\n", "{said}");
}
