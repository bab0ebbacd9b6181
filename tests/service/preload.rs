//! `--preload`: what is loaded before the fork is there once, what is loaded after it many times.

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
    // While workers are being forked their shares are in flux.
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
    wait_for("all of it is there once", || {
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
