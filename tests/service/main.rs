//! How a server fits its machine: its configuration, its pidfile and `servers ctl`, its logs,
//! systemd, few rights, shared memory, and the balancer in front of it.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

mod config;
mod core_dumps;
mod ctl;
#[cfg(target_arch = "x86_64")]
mod filter;
mod full_logs;
mod logs;
mod pidfile;
mod preload;
mod proxy;
mod rights;
mod sockets;
#[path = "../support/mod.rs"]
mod support;
mod systemd;

use std::process::{Command, Stdio};

use support::server::{BINARY, Server};
use support::wire;

/// Asks on a new connection, and returns the answer.
#[track_caller]
fn ask(server: &Server, path: &str) -> wire::Answer {
    let client = server.connect();
    wire::get(&client, path);
    wire::read_answer(&client)
}

/// Runs a command that must end by itself with this code, and returns its standard error.
#[track_caller]
fn refused(code: i32, arguments: &[&str]) -> String {
    let output = Command::new("timeout")
        .args(["--kill-after=5", "20", BINARY])
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
    said
}
