//! Whoever serves has no more rights than it needs.

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
    whoever_serves_is_not_root,
    the_sandbox_is_around_whoever_serves,
    nobody_is_left_of_another_user,
}

/// Who this is run by decides what can be tried; CI runs as root.
fn is_root() -> bool {
    let is_root = geteuid().is_root();
    if !is_root {
        eprintln!("not root: nothing is tried");
    }
    is_root
}

fn nobody() -> String {
    let user = User::from_name("nobody").unwrap().unwrap();
    let (uid, gid) = (user.uid, user.gid);
    format!("{uid}\t{uid}\t{uid}\t{uid} {gid}\t{gid}\t{gid}\t{gid}")
}

fn identity(pid: i32) -> String {
    format!("{} {}", proc::status(pid, "Uid"), proc::status(pid, "Gid"))
}

/// The process that serves, by its own account.
#[track_caller]
fn serving(server: &Server) -> i32 {
    let text = ask(server, "/pid").text();
    text.split(' ').next().unwrap().parse().unwrap()
}

/// `fork`'s children live as long as their connections, so this looks while one is there.
fn with_the_serving_process(server: &Server, look: impl FnOnce(i32)) {
    let client = server.connect();
    crate::wire::get(&client, "/pid");
    let text = crate::wire::read_answer(&client).text();
    look(text.split(' ').next().unwrap().parse().unwrap());
}

fn whoever_serves_is_not_root(model: &str) {
    if !is_root() {
        return;
    }
    let server = Server::start(model, &["--user", "nobody"]);
    with_the_serving_process(&server, |pid| {
        assert_eq!(identity(pid), nobody());
        assert_eq!(proc::status(pid, "CapEff"), "0000000000000000");
        assert_eq!(proc::status(pid, "NoNewPrivs"), "1");
    });
    let is_root = identity(server.pid()).starts_with("0\t");
    let name = model.split(' ').next().unwrap();
    assert_eq!(is_root, models::find(name).unwrap().has_master());
}

fn the_sandbox_is_around_whoever_serves(model: &str) {
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
    // What a model does all its life works as well.
    for path in ["/", "/sleep?ms=1", "/cpu?ms=1", "/bytes?n=100000"] {
        assert_eq!(ask(&server, path).status(), 200, "{path}");
    }
    server.signal(Signal::SIGTERM);
    assert_eq!(server.wait().code(), Some(0), "{}", server.said());
}

/// What a worker that has been taken over can do: all of it without a sandbox, nothing within.
#[test]
fn an_intruder_gets_nowhere() {
    let wishes = |options: &[&str]| {
        let server = Server::start("prefork", &[&["--lab"], options].concat());
        let text = ask(&server, "/sandbox-probe").text();
        let lines = text.lines().map(str::to_owned);
        lines.collect::<Vec<_>>()
    };
    let is_granted = |wish: &String| wish.ends_with(": yes");
    let free = wishes(&[]);
    let (root, others) = free.split_last().unwrap();
    // Without being root one has no right to the files and processes of others.
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

/// A change of the user unties a process from its parent's death, so that it has to be tied anew.
fn nobody_is_left_of_another_user(model: &str) {
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
    assert_eq!(identity(second), nobody());
}

/// Whoever is that user already may still be in groups that are not the user's.
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
fn who_is_not_there_cannot_be_had() {
    for (option, word) in [
        ("--user=no-such-user", "no-such-user"),
        ("--group=no-such-group", "no-such-group"),
        // To the kernel it means that nothing is to change.
        ("--group=4294967295", "4294967295"),
    ] {
        let line = ["run", "prefork", "--bind", "127.0.0.1:0", option];
        assert!(refused(1, &line).contains(word));
    }
}
