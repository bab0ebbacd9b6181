//! Workers that die are replaced; a service ends only when it is told to.

use std::process::Command;
use std::time::Instant;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use servers::scoreboard::PoolEvent;

use crate::support::server::{BINARY, Server};
use crate::support::{limited, proc, wait_for, wire};
use crate::{
    assert_cut, assert_serves, count, for_every_pool, hold, send, served_by, start, start_model,
    workers,
};

for_every_pool! {
    many_killed_at_once_are_replaced_at_once,
    hundreds_of_resets_kill_no_worker,
}

#[test]
fn a_crash_costs_one_client() {
    let server = start(2, &["--lab", "--keep-alive-timeout", "300s"]);
    let kept = hold(&server, 1);
    let other = served_by(&kept[0]);
    let client = server.connect();
    wire::get(&client, "/crash");
    assert_cut(&client);
    assert_eq!(served_by(&kept[0]), other);
    assert_serves(&server);
    wait_for("the pool is whole", || workers(&server).len() == 2);
    let said = server.said();
    assert!(
        said.contains("was killed by SIGSEGV; replacing it"),
        "{said}"
    );
    assert_eq!(count(&server, PoolEvent::Crashed), 1);
}

/// Each new worker is killed as soon as it is seen. The pauses grow. When the killing ends, the
/// pool recovers. A pool whose workers were never ready would give up after as many failures.
#[test]
fn a_crash_loop_is_slowed_down_and_outlived() {
    let server = start(1, &[]);
    assert_serves(&server);
    let since = Instant::now();
    for pause in [100, 200, 400, 800, 1600] {
        let words = format!("replacing it in {pause} ms");
        wait_for(&words, || {
            for pid in workers(&server) {
                // It may have gone since it was seen.
                let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
            }
            server.said().contains(&words)
        });
    }
    assert_serves(&server);
    // The worker that serves now was forked after all pauses: the master kept them, not only
    // announced them.
    let said = server.said();
    let told = said
        .lines()
        .filter_map(|line| line.rsplit_once("replacing it in "));
    let ms: u128 = told
        .map(|(_, pause)| pause.trim_end_matches(" ms").parse::<u128>().unwrap())
        .sum();
    assert!(since.elapsed().as_millis() >= ms, "{said}");
}

/// The client resets before its request, within the head, behind it, and during the answer.
fn hundreds_of_resets_kill_no_worker(model: &str) {
    let server = start_model(model, 3, &[]);
    let before = workers(&server);
    for part in [
        "",
        "GET / HT",
        "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /bytes?n=10000000 HTTP/1.1\r\nHost: h\r\n\r\n",
    ] {
        for _ in 0..100 {
            let client = server.connect();
            wire::send(&client, part.as_bytes());
            wire::reset(client);
        }
        assert_serves(&server);
    }
    assert_eq!(workers(&server), before);
    assert_eq!(server.said(), "");
}

/// A worker that the master has to kill before it is ready counts like one that fails by itself:
/// after some of them the master gives up.
#[test]
fn a_master_gives_up_if_its_workers_hang_before_they_are_ready() {
    let preload = ["--preload", "2000", "--preload-when", "after"];
    let options = [&["--workers", "1", "--worker-timeout", "1s"], &preload[..]].concat();
    let mut server = Server::start("prefork", &options);
    wait_for("the master gives up", || {
        for pid in workers(&server) {
            // It may have gone since it was seen.
            let _ = kill(Pid::from_raw(pid), Signal::SIGSTOP);
        }
        !server.is_running()
    });
    assert_eq!(server.wait().code(), Some(1));
    let said = server.said();
    assert!(said.contains("no worker ever became ready"), "{said}");
}

/// All eight are younger than a second. That they die together is one failure, the first: no pause.
fn many_killed_at_once_are_replaced_at_once(model: &str) {
    let server = start_model(model, 8, &[]);
    let victims = workers(&server);
    victims.iter().for_each(|&pid| send(pid, Signal::SIGKILL));
    wait_for("eight new workers", || {
        let workers = workers(&server);
        workers.len() == 8 && !workers.iter().any(|pid| victims.contains(pid))
    });
    assert!(!server.said().contains(" ms"), "{}", server.said());
    assert_serves(&server);
}

/// A master can have children that it did not fork: those of the program that it was before
/// `exec`, and as process 1 of a container every orphan.
#[test]
fn unknown_children_are_reaped_and_ignored() {
    let mut launcher = Command::new("sh");
    launcher.args(["-c", "sleep 0.5 & sleep 1 & exec \"$0\" \"$@\"", BINARY]);
    let server = Server::start_by(launcher, "prefork", &["--workers", "2"]);
    wait_for("only its own children are left", || {
        let tree = proc::tree(server.pid());
        tree.len() == 3 && !tree.iter().any(|process| process.state == 'Z')
    });
    assert_eq!(server.said(), "");
    assert_serves(&server);
}

/// No worker is left and fork fails. The master tries again after growing pauses, and when fork
/// works again, the pool recovers.
#[test]
fn a_pool_without_workers_recovers_when_it_can() {
    a_pool_recovers(limited::user(1), &["--workers", "3"]);
}

/// The decision to grow is made once, not again at every try to fork.
#[test]
fn a_dynamic_pool_recovers_without_a_new_decision() {
    let spare = ["--min-spare", "3", "--max-spare", "3"];
    let said = a_pool_recovers(
        limited::user(11),
        &[&["--pool", "dynamic"], &spare[..]].concat(),
    );
    assert!(!said.contains("pool: "), "{said}");
}

/// Runs it with options that make three workers. Returns what the server logged.
#[track_caller]
fn a_pool_recovers(user: u32, options: &[&str]) -> String {
    let Some((launcher, _place)) = limited::few_processes("4:100", user) else {
        return String::new();
    };
    let server = Server::start_by(launcher, "prefork", options);
    wait_for("three workers", || workers(&server).len() == 3);
    limit_processes(&server, user, 1);
    workers(&server)
        .iter()
        .for_each(|&pid| send(pid, Signal::SIGKILL));
    wait_for("it has tried four times", || {
        count(&server, PoolEvent::ForkFailed) >= 4
    });
    let said = server.said();
    for pause in ["100ms", "200ms", "400ms"] {
        let words = format!("fork: resource temporarily unavailable; again in {pause}");
        assert!(said.contains(&words), "{said}");
    }
    assert!(workers(&server).is_empty());
    limit_processes(&server, user, 100);
    wait_for("the pool is whole", || workers(&server).len() == 3);
    assert_serves(&server);
    server.said()
}

/// Lowers or raises the soft limit, which the server's own user may do below the hard one.
fn limit_processes(server: &Server, user: u32, count: u32) {
    let user = user.to_string();
    let status = Command::new("setpriv")
        .args(["--reuid", &user, "--regid", &user, "--clear-groups"])
        .args(["prlimit", "--pid", &server.pid().to_string()])
        .arg(format!("--nproc={count}:"))
        .status()
        .unwrap();
    assert!(status.success());
}
