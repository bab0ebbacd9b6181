//! Workers that are replaced for their memory or their age, and the scores by which the kernel
//! chooses a process when memory runs out.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;

use nix::sys::signal::Signal;

use crate::support::server::Server;
use crate::support::wire::{self, read_answer};
use crate::support::{limited, wait_for};
use crate::{assert_serves, for_every_pool, start_model, workers};

for_every_pool! {
    a_worker_that_uses_too_much_memory_is_replaced,
    old_workers_are_replaced_one_after_the_other,
    a_slow_client_of_an_old_worker_gets_all_of_its_answer,
    a_flood_of_log_lines_is_cut_and_counted,
    the_master_is_killed_last_when_memory_runs_out,
}

fn a_worker_that_uses_too_much_memory_is_replaced(model: &str) {
    let server = start_model(model, 1, &["--lab", "--max-memory", "200"]);
    let before = workers(&server);
    let leak = |path: &str| {
        let client = server.connect();
        wire::get_and_close(&client, path);
        assert_eq!(read_answer(&client).status(), 200);
    };
    leak("/leak?mib=50");
    // Two rounds of the master's measurement.
    std::thread::sleep(std::time::Duration::from_millis(2500));
    assert_eq!(workers(&server), before, "it may have so much");
    leak("/leak?mib=200");
    wait_for("it is replaced", || {
        let now = workers(&server);
        now.len() == 1 && now != before
    });
    let said = server.said();
    let line = said.lines().find(|line| line.contains("--max-memory"));
    let line = line.unwrap_or_default();
    let pid = before[0];
    assert!(
        line.contains(&format!("worker in slot 0 ({pid}) has 2")),
        "{said}"
    );
    assert!(line.contains(" MiB of memory"), "{line}");
    assert!(!said.contains("exited"), "it was wanted: {said}");
    assert_serves(&server);
}

/// The pool never has fewer workers than it should have, but for those that are just starting.
fn old_workers_are_replaced_one_after_the_other(model: &str) {
    let options = ["--max-age", "1s", "--max-age-jitter", "500ms"];
    let server = start_model(model, 3, &options);
    let before: BTreeSet<i32> = workers(&server).into_iter().collect();
    wait_for("all were replaced", || {
        assert_serves(&server);
        let now: BTreeSet<i32> = workers(&server).into_iter().collect();
        now.len() >= 3 && now.is_disjoint(&before)
    });
    let said = server.said();
    for pid in before {
        assert!(said.contains(&format!("({pid}) is ")), "{said}");
    }
    assert!(said.contains(" s old (--max-age): it leaves and is replaced"));
}

fn a_slow_client_of_an_old_worker_gets_all_of_its_answer(model: &str) {
    let server = start_model(model, 1, &["--max-age", "1s"]);
    let before = workers(&server);
    let mut lazy = server.connect();
    wire::get_and_close(&lazy, "/bytes?n=50000000");
    lazy.read_exact(&mut [0; 1000]).unwrap();
    wait_for("its successor serves", || workers(&server).len() >= 2);
    assert_serves(&server);
    assert!(workers(&server).contains(&before[0]));
    let (rest, was_reset) = wire::read_to_end(&lazy);
    assert!(rest.len() > 49_000_000 && !was_reset, "{}", rest.len());
    wait_for("it has left", || !workers(&server).contains(&before[0]));
}

/// Each client ends a worker. The first sixty are logged, one by one.
fn a_flood_of_log_lines_is_cut_and_counted(model: &str) {
    let options = ["--max-requests", "1", "--threads", "1"];
    let server = start_model(model, 2, &options);
    for _ in 0..150 {
        assert_serves(&server);
    }
    let said = server.said();
    let count = said.lines().count();
    assert!((30..=140).contains(&count), "{count}: {said}");
    assert!(said.contains("(--max-requests): it leaves and is replaced"));
}

/// The kernel kills the process with the highest score.
fn the_master_is_killed_last_when_memory_runs_out(model: &str) {
    // A worker that was killed may just have gone.
    let score = |pid: i32| -> Option<i32> {
        let text = fs::read_to_string(format!("/proc/{pid}/oom_score_adj")).ok()?;
        text.trim().parse().ok()
    };
    let own = score(std::process::id().cast_signed()).unwrap();
    let server = start_model(model, 2, &[]);
    assert_serves(&server);
    let is_lower = |server: &Server| {
        let master = score(server.pid()).unwrap();
        let of_workers: Vec<i32> = workers(server).into_iter().filter_map(score).collect();
        of_workers.len() == 2 && of_workers.iter().all(|&it| it > master && it >= own)
    };
    wait_for("the workers are more exposed", || is_lower(&server));
    // A worker that comes later is as exposed as the first.
    crate::send(workers(&server)[0], Signal::SIGKILL);
    wait_for("and their successors", || is_lower(&server));
    drop(server);
    // Only a privileged process may lower a score: without root the workers raise theirs.
    let number = 700 + model.len() as u32;
    let Some((launcher, _place)) = limited::few_processes("1000", limited::user(number)) else {
        return;
    };
    let server = Server::start_by(launcher, model, &["--workers", "2"]);
    assert_serves(&server);
    wait_for("the same without root", || {
        is_lower(&server) && score(server.pid()) == Some(own)
    });
}
