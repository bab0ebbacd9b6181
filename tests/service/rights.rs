//! A process that serves clients has no more rights than it needs.

use std::fs;
use std::process::Command;

use nix::sys::signal::Signal;
use nix::unistd::{User, geteuid};
use servers::models;

use crate::support::proc::{self, Process};
use crate::support::server::{BINARY, Server};
use crate::support::wait_for;
use crate::{ask, for_every_model, refused};

for_every_model! {
    a_process_that_serves_is_not_root,
    a_process_that_serves_is_in_the_sandbox,
    no_worker_of_another_user_survives_its_master,
}

/// Only root can change users and groups, so most of these tests need it. CI runs as root.
fn is_root() -> bool {
    let is_root = geteuid().is_root();
    if !is_root {
        eprintln!("not root: nothing is tried");
    }
    is_root
}

/// What [`identity`] says of a process of user `nobody`.
fn unprivileged() -> String {
    let user = User::from_name("nobody").unwrap().unwrap();
    let (uid, gid) = (user.uid, user.gid);
    format!("{uid}\t{uid}\t{uid}\t{uid} {gid}\t{gid}\t{gid}\t{gid}")
}

fn identity(pid: i32) -> String {
    format!("{} {}", proc::status(pid, "Uid"), proc::status(pid, "Gid"))
}

/// The process ID of the worker that answers a request now.
#[track_caller]
fn serving(server: &Server) -> i32 {
    let text = ask(server, "/pid").text();
    text.split(' ').next().unwrap().parse().unwrap()
}

/// A child of `fork` lives as long as its connection, so this keeps one open while it looks.
pub(crate) fn with_the_serving_process(server: &Server, look: impl FnOnce(i32)) {
    let client = server.connect();
    crate::wire::get(&client, "/pid");
    let text = crate::wire::read_answer(&client).text();
    look(text.split(' ').next().unwrap().parse().unwrap());
}

fn a_process_that_serves_is_not_root(model: &str) {
    if !is_root() {
        return;
    }
    let server = Server::start(model, &["--user", "nobody"]);
    with_the_serving_process(&server, |pid| {
        assert_eq!(identity(pid), unprivileged());
        assert_eq!(proc::status(pid, "CapEff"), "0000000000000000");
        assert_eq!(proc::status(pid, "NoNewPrivs"), "1");
    });
    let is_root = identity(server.pid()).starts_with("0\t");
    let name = model.split(' ').next().unwrap();
    assert_eq!(is_root, models::find(name).unwrap().has_master());
}

fn a_process_that_serves_is_in_the_sandbox(model: &str) {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("file"), "text").unwrap();
    let mut server = Server::start(
        model,
        &["--sandbox", "--root", root.path().to_str().unwrap()],
    );
    with_the_serving_process(&server, |pid| {
        assert_eq!(proc::status(pid, "NoNewPrivs"), "1");
        // A filter: seccomp(2), and proc_pid_status(5).
        assert_eq!(proc::status(pid, "Seccomp"), "2");
    });
    assert_eq!(ask(&server, "/files/file").text(), "text");
    // The model still works inside it.
    for path in ["/", "/sleep?ms=1", "/cpu?ms=1", "/bytes?n=100000"] {
        assert_eq!(ask(&server, path).status(), 200, "{path}");
    }
    server.signal(Signal::SIGTERM);
    assert_eq!(server.wait().code(), Some(0), "{}", server.said());
}

/// A worker that an attacker controls can do all of this without the sandbox, and nothing within.
#[test]
fn the_sandbox_stops_an_attacker() {
    let wishes = |options: &[&str]| {
        let server = Server::start("prefork", &[&["--lab"], options].concat());
        let text = ask(&server, "/sandbox-probe").text();
        let lines = text.lines().map(str::to_owned);
        lines.collect::<Vec<_>>()
    };
    let is_granted = |wish: &String| wish.ends_with(": yes");
    let free = wishes(&[]);
    let (root, others) = free.split_last().unwrap();
    // Without root a process has no right to files and processes of other users.
    assert!(
        is_root() && is_granted(root) || root.contains("be root: no"),
        "{free:?}"
    );
    assert!(!is_root() || others.iter().all(is_granted), "{free:?}");
    let confined = wishes(&["--sandbox"]);
    let refused = |wishes: &[String]| wishes.iter().all(|it| it.contains(": no, "));
    assert!(refused(&confined[..others.len()]), "{confined:?}");
    if is_root() {
        let confined = wishes(&["--sandbox", "--user", "nobody"]);
        assert!(refused(&confined), "{confined:?}");
    }
}

/// A change of user clears PR_SET_PDEATHSIG. Set again, it kills the workers with their master.
fn no_worker_of_another_user_survives_its_master(model: &str) {
    if !is_root() {
        return;
    }
    let mut server = Server::start(model, &["--user", "nobody", "--max-wait", "1000s"]);
    let client = server.connect();
    crate::wire::get(&client, "/sleep?ms=1000000");
    server.wait_until_read(&client);
    let tree = server.tree();
    server.signal(Signal::SIGKILL);
    server.wait();
    wait_for("the whole tree is gone", || {
        !tree.iter().any(Process::is_alive)
    });
}

#[test]
fn a_dead_worker_is_replaced_by_one_with_as_few_rights() {
    if !is_root() {
        return;
    }
    let server = Server::start("prefork", &["--user", "nobody", "--workers", "1"]);
    let first = serving(&server);
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(first), Signal::SIGKILL).unwrap();
    let second = serving(&server);
    assert_ne!(first, second);
    assert_eq!(identity(second), unprivileged());
}

/// A process that is that user already may still be in groups that are not the user's.
#[test]
fn groups_are_given_up_where_the_user_stays() {
    if !is_root() {
        return;
    }
    let mut launcher = Command::new("setpriv");
    launcher.args(["--groups", "4,24", BINARY]);
    let server = Server::start_by(launcher, "prefork", &["--user", "0", "--group", "0"]);
    assert_eq!(proc::status(server.pid(), "Groups"), "4 24");
    let groups = proc::status(serving(&server), "Groups");
    assert!(
        !groups.split(' ').any(|group| ["4", "24"].contains(&group)),
        "{groups}"
    );
}

#[test]
fn an_unknown_user_is_refused() {
    for (option, word) in [
        ("--user=no-such-user", "no-such-user"),
        ("--group=no-such-group", "no-such-group"),
        // To the kernel, -1 means "do not change".
        ("--group=4294967295", "4294967295"),
    ] {
        let line = ["run", "prefork", "--bind", "127.0.0.1:0", option];
        assert!(refused(1, &line).contains(word));
    }
}
