//! Exercises about what the kernel limits: the accept queue, descriptors.

use std::fs;
use std::net::TcpStream;
use std::process::Command;

use super::{Bare, DEADLINE, PATIENCE, Process, in_time, support};

/// Clients that come while the server is busy.
pub(super) const BURST: usize = 200;

/// The kernel's limit on the backlog of a listener.
pub(super) fn backlog_max() -> usize {
    let text = fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap();
    text.trim().parse().unwrap()
}

/// Chapter 1: while the server is busy, two hundred clients are connected.
pub(super) fn queues_a_burst(server: &mut Bare) -> bool {
    let connect = || TcpStream::connect_timeout(&server.address, PATIENCE).ok();
    // The server serves the first one, which is silent. The others wait in the accept queue.
    let burst: Vec<_> = (0..BURST).map_while(|_| connect()).collect();
    burst.len() == BURST
}

/// Chapter 16: a loop without a free descriptor waits until a client leaves.
pub(super) fn sleeps_without_descriptors(server: &mut Bare) -> bool {
    let descriptors = 20;
    let pid = server.pid();
    let process = || Process::find(pid).unwrap();
    let mut prlimit = Command::new("prlimit");
    prlimit.arg(format!("--nofile={descriptors}"));
    let limited = prlimit.args(["--pid", &pid.to_string()]).status();
    assert!(limited.unwrap().success());
    // More than fit. The others are in the accept queue.
    let silent: Vec<_> = (0..30).map(|_| server.connect().unwrap()).collect();
    // Beyond the limit it may have some that it has inherited.
    let is_open = |number| fs::symlink_metadata(format!("/proc/{pid}/fd/{number}")).is_ok();
    support::wait_for("no free descriptor", || (0..descriptors).all(is_open));
    // No client says anything. So a right server uses no CPU time.
    let before = process().cpu_ticks;
    let is_busy = || process().cpu_ticks > before + 50;
    let mut is_asleep = false;
    in_time(|| {
        is_asleep = process().state == 'S';
        is_asleep || is_busy()
    });
    drop(silent);
    is_asleep && server.answers(DEADLINE)
}
