//! Log files that are renamed while two masters live: each of them opens the files anew when it is
//! told to, for all its processes.

use std::fs;
use std::net::TcpListener;
use std::path::Path;

use nix::sys::signal::Signal;
use nix::unistd::geteuid;

use crate::family::{Family, children, is_alive, signal};
use crate::support::proc::Process;
use crate::support::{wait_for, wire};

const FILES: [&str; 2] = ["log", "access"];

/// Renames both files to `NAME.ENDING`.
fn rename(place: &Path, ending: &str) {
    for name in FILES {
        fs::rename(place.join(name), place.join(format!("{name}{ending}"))).unwrap();
    }
}

fn text(place: &Path, name: &str) -> String {
    fs::read_to_string(place.join(name)).unwrap_or_default()
}

/// A master with its workers and its process for the status, without its successor.
fn processes(master: i32, successor: Option<i32>) -> Vec<i32> {
    let mut all = children(master);
    all.retain(|&pid| Some(pid) != successor);
    all.push(master);
    all
}

/// How many of the processes have both files open, under names with this ending.
fn holders(processes: &[i32], ending: &str) -> usize {
    let has_both = |pid: &&i32| {
        let held = Process::find(**pid).map_or_else(Vec::new, |it| it.descriptors());
        let has = |file: &str| {
            held.iter()
                .any(|it| it.ends_with(&format!("/{file}{ending}")))
        };
        FILES.into_iter().all(has)
    };
    processes.iter().filter(has_both).count()
}

/// Signals a master, and waits until all of its processes have the new files.
#[track_caller]
fn reopen(master: i32, successor: Option<i32>) {
    signal(master, Signal::SIGUSR1);
    wait_for("all processes have the new files", || {
        let all = processes(master, successor);
        holders(&all, "") == all.len()
    });
}

/// The children that serve clients, by their titles.
fn workers(master: i32) -> Vec<i32> {
    let mut all = children(master);
    all.retain(|pid| {
        let title = fs::read_to_string(format!("/proc/{pid}/cmdline"));
        title.is_ok_and(|it| it.contains("servers: worker"))
    });
    all
}

/// Asks until each of these workers has answered. A request takes a while, so that others have to
/// take the next.
#[track_caller]
fn be_served_by_all(family: &Family, workers: &[i32]) {
    let mut left = workers.to_vec();
    wait_for("each worker serves", || {
        let held: Vec<_> = workers.iter().map(|_| family.first.connect()).collect();
        for client in &held {
            wire::get(client, "/sleep?ms=30");
        }
        for client in &held {
            assert_eq!(wire::read_answer(client).status(), 200);
            wire::get_and_close(client, "/pid");
            let text = wire::read_answer(client).text();
            let pid: i32 = text.split(' ').next().unwrap().parse().unwrap();
            left.retain(|&it| it != pid);
        }
        left.is_empty()
    });
}

/// Each has two workers and a process for the status.
#[test]
fn both_masters_of_an_upgrade_follow_renamed_files() {
    for model in ["prefork", "prefork --accept pass", "worker", "event"] {
        let logs = tempfile::tempdir().unwrap();
        let place = logs.path();
        let free = TcpListener::bind("127.0.0.2:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let log = format!("--log-file={}", place.join("log").display());
        let access = format!("--access-log={}", place.join("access").display());
        let status = format!("--status-bind={free}");
        let mut options = vec![log.as_str(), &access, &status];
        if geteuid().is_root() {
            options.extend(["--user", "nobody", "--sandbox"]);
        }
        let family = Family::start(model, "workers = 2\n", &options);
        let (old, new) = family.upgrade();
        wait_for("all processes are there", || {
            processes(old, Some(new)).len() == 4 && processes(new, None).len() == 4
        });

        // First the old one: the new one still has the old files.
        rename(place, ".1");
        reopen(old, Some(new));
        assert_eq!(holders(&processes(new, None), ".1"), 4, "{model}");
        let opened = format!("servers[{old}]: SIGUSR1: ");
        assert_eq!(text(place, "log").matches(&opened).count(), 2, "{model}");
        reopen(new, None);
        let before = FILES.map(|name| text(place, &format!("{name}.1")));
        be_served_by_all(&family, &workers(new));
        let after = FILES.map(|name| text(place, &format!("{name}.1")));
        assert_eq!(after, before, "{model}");
        assert!(text(place, "access").contains("GET /pid"), "{model}");

        // Then the new one alone, and a worker that starts later.
        signal(old, Signal::SIGTERM);
        wait_for("the old master is gone", || !is_alive(old));
        rename(place, ".2");
        reopen(new, None);
        let victim = workers(new)[0];
        signal(victim, Signal::SIGKILL);
        wait_for("the worker is replaced", || {
            let all = processes(new, None);
            all.len() == 4 && !all.contains(&victim) && holders(&all, "") == 4
        });
        let before = FILES.map(|name| text(place, &format!("{name}.2")));
        be_served_by_all(&family, &workers(new));
        let after = FILES.map(|name| text(place, &format!("{name}.2")));
        assert_eq!(after, before, "{model}");
        assert!(text(place, "access").contains("GET /pid"), "{model}");
    }
}
