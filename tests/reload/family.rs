//! A master and its successors. Only the first is a child of the test. The pidfile names the
//! others.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::support::proc::{self, Process};
use crate::support::server::{BINARY, Server};
use crate::support::wait_for;
use crate::support::wire;

/// A server in a directory of its own: its program, its pidfile, its configuration.
pub(crate) struct Family {
    directory: TempDir,
    /// The first of them.
    pub(crate) first: Server,
    pub(crate) address: SocketAddr,
}

impl Family {
    /// `servers run MODEL --config FILE OPTIONS`, by a link to the program.
    pub(crate) fn start(model: &str, config: &str, options: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let program = directory.path().join("servers");
        symlink(BINARY, &program).unwrap();
        let file = directory.path().join("servers.toml");
        fs::write(&file, config).unwrap();
        let pidfile = format!("--pidfile={}", directory.path().join("pid").display());
        let config = format!("--config={}", file.display());
        let options = [&[config.as_str(), pidfile.as_str()], options].concat();
        let first = Server::start_by(Command::new(program), model, &options);
        Self {
            address: first.address,
            directory,
            first,
        }
    }

    /// Writes another configuration.
    pub(crate) fn configure(&self, text: &str) {
        fs::write(self.path("servers.toml"), text).unwrap();
    }

    /// Replaces the program by another one, as deployments do it: by a link.
    pub(crate) fn install(&self, program: &Path) {
        let new = self.path("new");
        symlink(program, &new).unwrap();
        fs::rename(new, self.path("servers")).unwrap();
    }

    /// Puts a program there that waits until it is [let](Family::let_it) and then does `what`, as a
    /// shell understands it.
    pub(crate) fn install_waiting(&self, what: &str) {
        let (program, signal) = (self.path("waiting"), self.path("go"));
        let _ = fs::remove_file(&signal);
        let wait = format!("while [ ! -e '{}' ]; do sleep 0.02; done", signal.display());
        // A shell writes it. If this process wrote it, a child that another test forks just then
        // would have it open for writing as well, and `exec` would fail (ETXTBSY).
        let written = Command::new("sh")
            .args(["-c", "printf %s \"$1\" >\"$0\" && chmod 755 \"$0\""])
            .arg(&program)
            .arg(format!("#!/bin/sh\n{wait}\n{what}\n"))
            .status();
        assert!(written.unwrap().success());
        self.install(&program);
    }

    /// Lets the program of [`Family::install_waiting`] go on.
    pub(crate) fn let_it(&self) {
        fs::write(self.path("go"), "").unwrap();
    }

    /// Waits until a process of the family logs this.
    #[track_caller]
    pub(crate) fn wait_for_words(&self, words: &str) {
        wait_for(words, || self.first.said().contains(words));
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The master that the file names.
    pub(crate) fn named(&self, file: &str) -> Option<i32> {
        fs::read_to_string(self.path(file))
            .ok()?
            .trim()
            .parse()
            .ok()
    }

    /// The master that the pidfile names.
    #[track_caller]
    pub(crate) fn master(&self) -> i32 {
        self.named("pid").expect("a process ID in the pidfile")
    }

    /// Starts a successor of `old`, and waits until it has workers that serve.
    #[track_caller]
    pub(crate) fn upgrade(&self) -> (i32, i32) {
        let old = self.master();
        signal(old, Signal::SIGUSR2);
        wait_for("the successor is ready", || {
            let named = self.named("pid").filter(|&pid| pid != old);
            named.is_some_and(|pid| !children(pid).is_empty())
        });
        (old, self.master())
    }

    /// The process ID of the worker that answers a request now.
    #[track_caller]
    pub(crate) fn served_by(&self) -> i32 {
        let client = self.first.connect();
        wire::get_and_close(&client, "/pid");
        let text = wire::read_answer(&client).text();
        text.split(' ').next().unwrap().parse().unwrap()
    }
}

impl Drop for Family {
    fn drop(&mut self) {
        // A test may fail before a successor is in the pidfile, and after the first master ended.
        // These processes, and no others, have paths of this directory on their command line.
        let place = self.directory.path().display().to_string();
        loop {
            let family = proc::naming(&place);
            if family.is_empty() {
                break;
            }
            for pid in family {
                let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}

pub(crate) fn signal(pid: i32, signal: Signal) {
    kill(Pid::from_raw(pid), signal).unwrap();
}

/// Whether the process runs. A zombie does not.
pub(crate) fn is_alive(pid: i32) -> bool {
    Process::find(pid).is_some_and(|process| process.is_alive())
}

/// The workers of a master: children that run the same program and have not ended.
pub(crate) fn children(master: i32) -> Vec<i32> {
    let tree = proc::tree(master).into_iter();
    let children = tree.filter(|it| it.parent == master && it.is_alive());
    children.map(|it| it.pid).collect()
}
