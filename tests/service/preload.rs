//! `--preload`: memory filled before the fork is shared; filled after it, each worker has its own.

use std::fs;

use nix::sys::signal::Signal;

use crate::support::server::Server;
use crate::support::{proc, wait_for};
use crate::{ask, for_every_model};

const MIB: u64 = 1024;

for_every_model! {
    preloaded_memory_is_there_and_requests_are_answered,
}

fn preloaded_memory_is_there_and_requests_are_answered(model: &str) {
    let server = Server::start(model, &["--preload", "16"]);
    assert_eq!(ask(&server, "/").status(), 200);
    // While the master forks workers, their shares (PSS) still change.
    wait_for("the memory is there", || {
        proc::pss_kib(server.pid()) >= 16 * MIB
    });
}

#[test]
fn memory_touched_before_the_fork_is_shared() {
    let options = ["--preload", "32", "--workers", "4"];
    let server = Server::start("prefork", &options);
    wait_for("four workers", || server.children().len() == 4);
    assert_eq!(ask(&server, "/").status(), 200);
    wait_for("all of it exists once", || {
        (32 * MIB..64 * MIB).contains(&proc::pss_kib(server.pid()))
    });
}

#[test]
fn memory_touched_after_the_fork_is_each_workers_own() {
    let options = [
        "--preload",
        "32",
        "--preload-when",
        "after",
        "--workers",
        "4",
    ];
    let server = Server::start("prefork", &options);
    assert_eq!(ask(&server, "/").status(), 200);
    wait_for("each worker has its own", || {
        proc::pss_kib(server.pid()) >= 4 * 32 * MIB
    });
}

/// The next generation uses what the first has loaded. A reload that asks for another amount frees
/// it.
#[test]
fn a_reload_does_not_load_twice() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("servers.toml");
    let wish = |mib: u64| fs::write(&path, format!("preload = {mib}\n")).unwrap();
    wish(64);
    let config = format!("--config={}", path.display());
    let server = Server::start("prefork", &[&config, "--workers", "1"]);
    for (mib, range) in [(64, 64..96), (64, 64..96), (48, 48..64), (0, 0..48)] {
        wish(mib);
        let old: Vec<i32> = server.children().iter().map(|it| it.pid).collect();
        server.signal(Signal::SIGHUP);
        wait_for("a new worker serves", || {
            let now = server.children();
            now.len() == 1 && !old.contains(&now[0].pid)
        });
        assert_eq!(ask(&server, "/").status(), 200);
        wait_for("that much memory exists once", || {
            (range.start * MIB..range.end * MIB).contains(&proc::pss_kib(server.pid()))
        });
    }
}
