//! SIGHUP: the master reads its configuration again and replaces its workers.

use std::collections::BTreeSet;
use std::process::Command;

use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use crate::family::{Family, children, signal};
use crate::load::{Load, MODES};
use crate::support::{wait_for, wire};
use crate::ways;

/// Waits until no worker of the list is left and `count` new ones are there.
#[track_caller]
fn wait_for_others(family: &Family, old: &[i32], count: usize) {
    wait_for("all workers are new ones", || {
        let now = children(family.first.pid());
        now.len() == count && !now.iter().any(|pid| old.contains(pid))
    });
}

#[track_caller]
fn workers(family: &Family, count: usize) -> Vec<i32> {
    wait_for("the workers are there", || {
        children(family.first.pid()).len() == count
    });
    children(family.first.pid())
}

#[test]
fn no_client_notices_a_reload() {
    for (model, way) in ways() {
        for mode in MODES {
            println!("{model} {way} {mode:?}");
            let family = Family::start(model, "workers = 4\n", &[&way]);
            let mut before = workers(&family, 4);
            let load = Load::start(family.address, mode);
            for _ in 0..3 {
                signal(family.first.pid(), Signal::SIGHUP);
                wait_for_others(&family, &before, 4);
                before = workers(&family, 4);
            }
            load.end_without_an_error();
        }
    }
}

/// A signal that comes during a reload begins another one.
#[test]
fn a_storm_of_reloads_is_survived() {
    let family = Family::start("prefork", "workers = 3\n", &[]);
    let before = workers(&family, 3);
    let load = Load::start(family.address, &[]);
    for _ in 0..50 {
        signal(family.first.pid(), Signal::SIGHUP);
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    wait_for_others(&family, &before, 3);
    load.end_without_an_error();
}

#[test]
fn the_new_configuration_is_in_force() {
    let family = Family::start("prefork", "workers = 2\n", &[]);
    let before = workers(&family, 2);
    family.configure("workers = 5\nkeep-alive-requests = 1\n");
    signal(family.first.pid(), Signal::SIGHUP);
    wait_for_others(&family, &before, 5);
    let client = family.first.connect();
    wire::get(&client, "/");
    assert_eq!(
        wire::read_answer(&client).field("Connection"),
        Some("close")
    );
    let before = workers(&family, 5);
    family.configure("workers = 1\n");
    signal(family.first.pid(), Signal::SIGHUP);
    wait_for_others(&family, &before, 1);
}

/// Some settings cannot change in a reload. The log names a new value for one of them. Its default,
/// written out, is no new value.
#[test]
fn a_setting_that_cannot_change_is_named_only_if_its_value_is_new() {
    let family = Family::start("worker", "workers = 2\n", &[]);
    for (text, is_told) in [
        (
            "workers = 2\nthreads = 8\naccept = \"shared\"\nbacklog = 511\n",
            false,
        ),
        ("workers = 2\nthreads = 9\n", true),
    ] {
        let before = workers(&family, 2);
        family.configure(text);
        signal(family.first.pid(), Signal::SIGHUP);
        wait_for_others(&family, &before, 2);
        let said = family.first.said();
        assert_eq!(said.contains("needs a new start"), is_told, "{said}");
    }
}

#[test]
fn a_bad_file_is_refused_with_its_line_and_the_old_pool_serves_on() {
    let family = Family::start("prefork", "workers = 2\n", &[]);
    let before = workers(&family, 2);
    for (text, words) in [
        ("workers = 2\nwrokers = 3\n", "servers.toml:2: wrokers: "),
        ("workers = 0\n", "servers.toml:1: workers: "),
        ("min-spare = 3\n", "servers.toml:1: min-spare: "),
        (
            "workers = 2\nroot = \"nowhere/at/all\"\n",
            "servers.toml:2: root: ",
        ),
        // The next start would refuse it, so the reload does.
        ("accept = \"main\"\n", "servers.toml:1: accept: "),
    ] {
        family.configure(text);
        signal(family.first.pid(), Signal::SIGHUP);
        wait_for("the fault is logged", || {
            let said = family.first.said();
            let line = said.lines().last().unwrap_or_default();
            line.contains("reload: ")
                && line.contains(words)
                && line.ends_with("nothing has changed")
        });
        assert_eq!(children(family.first.pid()), before);
        assert!(before.contains(&family.served_by()));
    }
    family.configure("workers = 2\n");
    signal(family.first.pid(), Signal::SIGHUP);
    wait_for_others(&family, &before, 2);
}

/// Opening a FIFO waits for a writer, which may never come.
#[test]
fn a_named_pipe_for_a_file_is_refused() {
    let family = Family::start("prefork", "workers = 2\n", &[]);
    let before = workers(&family, 2);
    let path = family.path("servers.toml");
    std::fs::remove_file(&path).unwrap();
    mkfifo(&path, Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
    signal(family.first.pid(), Signal::SIGHUP);
    wait_for("it is refused", || {
        family.first.said().contains("no regular file")
    });
    assert_eq!(children(family.first.pid()), before);
}

/// After SIGWINCH the operator asks for workers again. The pool gets them by the old configuration,
/// even if the new one is refused.
#[test]
fn workers_come_back_after_sigwinch_although_the_file_is_bad() {
    let family = Family::start("prefork", "workers = 2\n", &[]);
    workers(&family, 2);
    signal(family.first.pid(), Signal::SIGWINCH);
    workers(&family, 0);
    family.configure("wrokers = 2\n");
    signal(family.first.pid(), Signal::SIGHUP);
    let back = workers(&family, 2);
    assert!(back.contains(&family.served_by()));
    let said = family.first.said();
    assert!(said.contains("servers.toml:1: wrokers: "), "{said}");
    assert!(said.contains("come back"), "{said}");
}

/// An old worker need not wait for an idle connection, and ends by itself.
#[test]
fn an_old_worker_with_an_idle_client_need_not_be_killed() {
    let options = ["--keep-alive-timeout=300s", "--graceful-timeout=1s"];
    for (model, way) in ways() {
        println!("{model} {way}");
        let family = Family::start(model, "workers = 2\n", &[&options[..], &[&way]].concat());
        let before = workers(&family, 2);
        let client = family.first.connect();
        wire::get(&client, "/");
        assert_eq!(wire::read_answer(&client).status(), 200);
        signal(family.first.pid(), Signal::SIGHUP);
        wait_for_others(&family, &before, 2);
        assert_eq!(wire::read_to_end(&client), (Vec::new(), false));
        let said = family.first.said();
        assert!(!said.contains("SIGKILL"), "{said}");
    }
}

#[test]
fn settings_that_cannot_change_stay_and_are_named() {
    let family = Family::start("prefork", "workers = 2\n", &[]);
    let before = workers(&family, 2);
    family.configure(
        "workers = 2\nbacklog = 5\nthreads = 3\naccept = \"mutex\"\nplain-mutex = true\n",
    );
    signal(family.first.pid(), Signal::SIGHUP);
    wait_for_others(&family, &before, 2);
    for key in ["'backlog'", "'threads'", "'accept'", "'plain-mutex'"] {
        assert!(family.first.said().contains(key), "{}", family.first.said());
    }
}

/// Makes each worker fail before it is ready, from the next reload on.
fn want_too_much_memory(family: &Family, config: &str) {
    let status = Command::new("prlimit")
        .args(["--pid", &family.first.pid().to_string()])
        .arg("--as=4000000000:")
        .status();
    assert!(status.unwrap().success());
    family.configure(&format!(
        "{config}preload = 60000\npreload-when = \"after\"\n"
    ));
}

#[track_caller]
fn wait_for_failures(family: &Family, count: usize) {
    wait_for("workers have failed", || {
        let said = family.first.said();
        said.matches("; replacing it").count() >= count
    });
}

/// The master may not have noticed yet that its worker serves. It must not replace it by one that
/// fails.
#[test]
fn a_reload_right_behind_the_start_keeps_the_workers_that_serve() {
    let family = Family::start("prefork", "workers = 1\n", &[]);
    want_too_much_memory(&family, "workers = 1\n");
    let first = family.served_by();
    signal(family.first.pid(), Signal::SIGHUP);
    wait_for_failures(&family, 3);
    assert_eq!(family.served_by(), first);
}

/// Each new worker runs out of memory before it is ready, until the master gives the reload up.
#[test]
fn workers_that_never_get_ready_replace_no_worker() {
    let family = Family::start("prefork", "workers = 3\n", &[]);
    let before = workers(&family, 3);
    let mut serving = BTreeSet::new();
    wait_for("all workers serve", || {
        serving.insert(family.served_by());
        serving.len() == 3
    });
    let load = Load::start(family.address, &["--no-keep-alive"]);
    want_too_much_memory(&family, "workers = 3\n");
    signal(family.first.pid(), Signal::SIGHUP);
    family.wait_for_words("goes on with its own configuration");
    let now = children(family.first.pid());
    assert!(
        before.iter().all(|pid| now.contains(pid)),
        "{before:?} {now:?}"
    );
    assert!(before.contains(&family.served_by()));
    family.configure("workers = 3\n");
    signal(family.first.pid(), Signal::SIGHUP);
    wait_for_others(&family, &before, 3);
    load.end_without_an_error();
}

/// The client keeps its connection until it has its answer.
#[test]
fn a_request_in_flight_is_answered_by_its_old_worker() {
    let patient = "--keep-alive-timeout=300s";
    let family = Family::start("prefork", "workers = 2\n", &[patient]);
    let before: BTreeSet<i32> = workers(&family, 2).into_iter().collect();
    let client = family.first.connect();
    wire::get(&client, "/sleep?ms=1000");
    family.first.wait_until_read(&client);
    signal(family.first.pid(), Signal::SIGHUP);
    wait_for("a new worker", || {
        let now: BTreeSet<i32> = children(family.first.pid()).into_iter().collect();
        !now.is_subset(&before)
    });
    // The last answer promised that the connection stays open. So it does until an answer says
    // `close`.
    wait_for("an answer that ends the connection", || {
        let answer = wire::read_answer(&client);
        assert_eq!(answer.status(), 200);
        let is_last = answer.field("Connection") == Some("close");
        if !is_last {
            wire::get(&client, "/");
        }
        is_last
    });
    assert_eq!(wire::read_to_end(&client), (Vec::new(), false));
}

#[test]
fn descriptors_do_not_grow_over_reloads() {
    let root = tempfile::tempdir().unwrap();
    let config = format!("workers = 2\nroot = {:?}\n", root.path());
    let family = Family::start("prefork", &config, &["--sandbox"]);
    let mut before = workers(&family, 2);
    let mut counts = Vec::new();
    for _ in 0..4 {
        signal(family.first.pid(), Signal::SIGHUP);
        wait_for_others(&family, &before, 2);
        before = workers(&family, 2);
        let master = family.first.tree().swap_remove(0);
        counts.push(master.descriptors().len());
    }
    assert!(counts.iter().all(|&count| count == counts[0]), "{counts:?}");
}

/// Workers that cannot start are only found out when they are forked. The old ones serve on, are
/// replaced when they die, and the next reload may succeed.
#[test]
fn a_reload_whose_workers_cannot_start_is_given_up() {
    for model in ["prefork", "prefork --accept reuseport", "worker", "event"] {
        let family = Family::start(model, "workers = 2\n", &[]);
        let master = family.master();
        wait_for("two workers", || children(master).len() == 2);
        want_too_much_memory(&family, "workers = 2\n");
        signal(master, Signal::SIGHUP);
        family.wait_for_words("goes on with its own configuration");
        let victims = children(master);
        for &pid in &victims {
            let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), Signal::SIGKILL);
        }
        wait_for("the old generation replaces its own", || {
            let now = children(master);
            now.len() == 2 && !now.iter().any(|pid| victims.contains(pid))
        });
        assert!(children(master).contains(&family.served_by()), "{model}");
        let before = children(master);
        family.configure("workers = 2\n");
        signal(master, Signal::SIGHUP);
        wait_for("the next reload succeeds", || {
            let now = children(master);
            now.len() == 2 && !now.iter().any(|pid| before.contains(pid))
        });
        assert!(children(master).contains(&family.served_by()), "{model}");
    }
}
