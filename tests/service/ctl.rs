//! `servers ctl`: it says what has come of a signal, and touches no process but the server.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use nix::sys::signal::Signal;
use servers::scoreboard::View;

use crate::support::proc::{self, Process};
use crate::support::server::{BINARY, Server};
use crate::support::{has_master, wait_for, wire};
use crate::{ask, for_every_model};

for_every_model! {
    a_stop_is_done_when_the_server_has_ended,
    only_a_master_can_be_asked_for_a_reload,
    what_a_killed_server_has_left_is_refused,
}

struct Controlled {
    directory: tempfile::TempDir,
    server: Server,
}

impl Controlled {
    fn start(model: &str, options: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let pidfile = format!("--pidfile={}", directory.path().join("pid").display());
        let config = directory.path().join("servers.toml");
        fs::write(&config, "").unwrap();
        let config = format!("--config={}", config.display());
        let server = Server::start(model, &[&[&*pidfile, &*config], options].concat());
        Self { directory, server }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn configure(&self, text: &str) {
        fs::write(self.path("servers.toml"), text).unwrap();
    }

    fn ctl(&self, arguments: &[&str]) -> Output {
        ctl(&self.path("pid"), arguments)
    }
}

fn ctl(pidfile: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new("timeout");
    command.args(["--kill-after=5", "100", BINARY, "ctl"]);
    command.args(arguments).arg("--pidfile").arg(pidfile);
    command.output().unwrap()
}

/// The sentence on standard output or standard error, according to the exit code.
#[track_caller]
fn says(output: &Output, code: i32) -> String {
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    let (said, silent) = match code {
        0 => (&output.stdout, &output.stderr),
        _ => (&output.stderr, &output.stdout),
    };
    assert!(silent.is_empty(), "{output:?}");
    String::from_utf8(said.clone()).unwrap()
}

fn generation(server: &Server) -> u64 {
    let view = View::of_process(server.pid().cast_unsigned()).unwrap();
    view.pool().generation
}

fn a_stop_is_done_when_the_server_has_ended(model: &str) {
    let mut it = Controlled::start(model, &["--workers", "2"]);
    assert_eq!(ask(&it.server, "/").status(), 200);
    let said = says(&it.ctl(&["status"]), 0);
    assert!(
        said.contains(&format!(" at {}\n", it.server.address)),
        "{said}"
    );
    let said = says(&it.ctl(&["stop"]), 0);
    let pid = it.server.pid();
    assert_eq!(said, format!("stopped: process {pid} has ended\n"));
    assert!(!Process::find(pid).is_some_and(|it| it.is_alive()));
    assert_eq!(it.server.wait().code(), Some(0));
    let said = says(&it.ctl(&["stop"]), 1);
    assert!(said.contains("no server runs"), "{said}");
}

fn only_a_master_can_be_asked_for_a_reload(model: &str) {
    let mut it = Controlled::start(model, &["--workers", "2"]);
    let output = it.ctl(&["reload"]);
    if has_master(model) {
        let said = says(&output, 0);
        assert!(said.starts_with("reloaded: generation 2; "), "{said}");
        return;
    }
    for action in ["reload", "upgrade"] {
        let said = says(&it.ctl(&[action]), 1);
        assert!(said.contains("has no master"), "{said}");
    }
    assert!(it.server.is_running());
    assert_eq!(ask(&it.server, "/").status(), 200);
}

/// The file stays, and its process ID may be that of another program by now.
fn what_a_killed_server_has_left_is_refused(model: &str) {
    let mut it = Controlled::start(model, &["--workers", "2"]);
    it.server.signal(Signal::SIGKILL);
    it.server.wait();
    let said = says(&it.ctl(&["stop"]), 1);
    assert!(said.contains("is stale: there is no process"), "{said}");
    let mut other = Command::new("sleep").arg("1000").spawn().unwrap();
    fs::write(it.path("pid"), format!("{}\n", other.id())).unwrap();
    let said = says(&it.ctl(&["stop"]), 1);
    assert!(said.contains("has no scoreboard"), "{said}");
    // A server, but one with another pidfile.
    let server = Server::start(model, &[]);
    fs::write(it.path("pid"), format!("{}\n", server.pid())).unwrap();
    let said = says(&it.ctl(&["stop"]), 1);
    assert!(said.contains("does not hold it"), "{said}");
    assert!(other.try_wait().unwrap().is_none());
    assert_eq!(ask(&server, "/").status(), 200);
    other.kill().unwrap();
    other.wait().unwrap();
}

#[test]
fn a_reload_is_done_when_all_workers_are_new() {
    for model in ["prefork", "worker", "event"] {
        let it = Controlled::start(model, &["--workers", "3"]);
        wait_for("three workers", || it.server.children().len() == 3);
        for expected in 2..5 {
            let old = it.server.children();
            let said = says(&it.ctl(&["reload"]), 0);
            assert!(said.contains(&format!("generation {expected}")), "{said}");
            assert_eq!(generation(&it.server), expected);
            // Those of before serve no new client, and may still be ending.
            let new = it.server.children();
            let is_new = |it: &&Process| !old.iter().any(|before| before.pid == it.pid);
            assert!(new.iter().filter(is_new).count() == 3, "{old:?} {new:?}");
        }
    }
}

/// What was changed by hand is forgotten.
#[test]
fn a_reload_sets_the_number_of_workers_outright() {
    for model in ["prefork", "worker", "event"] {
        let it = Controlled::start(model, &[]);
        let count = |expected: usize| {
            wait_for("so many workers", || it.server.children().len() == expected);
        };
        it.configure("workers = 2\n");
        says(&it.ctl(&["reload"]), 0);
        count(2);
        for expected in [3, 4] {
            it.server.signal(Signal::SIGTTIN);
            count(expected);
        }
        says(&it.ctl(&["reload"]), 0);
        count(2);
        it.server.signal(Signal::SIGTTOU);
        count(1);
        it.configure("workers = 3\n");
        says(&it.ctl(&["reload"]), 0);
        count(3);
        assert_eq!(ask(&it.server, "/").status(), 200);
    }
}

#[test]
fn a_reload_that_is_refused_fails_with_the_reason() {
    let it = Controlled::start("prefork", &[]);
    it.configure("workers = \"no\"\n");
    let said = says(&it.ctl(&["reload"]), 1);
    assert!(said.contains("servers.toml:1: workers: "), "{said}");
    let output = it.ctl(&["reload", "--json"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&said["action"], &said["outcome"]),
        (&"reload".into(), &"failed".into())
    );
    assert_eq!(said["pid"], it.server.pid());
    assert!(
        said["detail"].as_str().unwrap().contains("servers.toml:1"),
        "{said}"
    );
    assert_eq!(generation(&it.server), 1);
    let said = says(&it.ctl(&["status"]), 0);
    assert!(
        said.contains("last reload: failed: ") && said.contains("servers.toml:1"),
        "{said}"
    );
    it.configure("workers = 2\n");
    says(&it.ctl(&["reload"]), 0);
    let said = says(&it.ctl(&["status"]), 0);
    assert!(said.contains("last reload: generation 2; "), "{said}");
}

#[test]
fn a_stop_without_an_end_is_a_time_out() {
    let mut it = Controlled::start("prefork", &["--workers", "1", "--max-wait", "600s"]);
    let client = it.server.connect();
    wire::get(&client, "/sleep?ms=600000");
    it.server.wait_until_read(&client);
    let said = says(&it.ctl(&["stop", "--timeout", "300ms"]), 3);
    assert!(said.contains("has not ended yet"), "{said}");
    // A second signal ends it by force, and that is no success.
    let said = says(&it.ctl(&["stop"]), 1);
    assert!(said.contains("not in good order"), "{said}");
    assert_eq!(it.server.wait().code(), Some(1));
}

#[test]
fn an_upgrade_is_done_when_the_new_process_serves_alone() {
    for model in ["prefork", "worker", "event"] {
        let mut it = Controlled::start(model, &["--workers", "2"]);
        let said = says(&it.ctl(&["upgrade"]), 0);
        assert!(said.starts_with("upgraded: process "), "{said}");
        assert!(!it.server.is_running(), "the old one has ended");
        let named: i32 = fs::read_to_string(it.path("pid"))
            .unwrap()
            .trim()
            .parse()
            .unwrap();
        assert_ne!(named, it.server.pid());
        assert_eq!(ask(&it.server, "/").status(), 200);
        let said = says(&it.ctl(&["stop"]), 0);
        assert_eq!(said, format!("stopped: process {named} has ended\n"));
    }
}

#[test]
fn an_upgrade_that_fails_says_why_and_the_server_goes_on() {
    let mut it = Controlled::start("prefork", &["--workers", "2"]);
    it.configure("workers = \"no\"\n");
    let said = says(&it.ctl(&["upgrade"]), 1);
    assert!(said.contains("the successor "), "{said}");
    assert!(it.server.is_running());
    assert_eq!(ask(&it.server, "/").status(), 200);
    it.configure("");
    says(&it.ctl(&["upgrade"]), 0);
    let pid = fs::read_to_string(it.path("pid")).unwrap();
    proc::kill_tree(pid.trim().parse().unwrap());
}

#[test]
fn wrong_calls_have_code_2() {
    for arguments in [&["restart"][..], &["stop", "--timeout", "0s"]] {
        let output = ctl(Path::new("/nowhere"), arguments);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
    }
    let output = ctl(Path::new("/nowhere"), &["status"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
}
