//! What a server inherits from the process that starts it, and must not be harmed by.

use std::process::Command;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::for_every_model;
use crate::support::server::{BINARY, Server};
use crate::support::{has_master, wait_for, wire};

for_every_model! {
    inherited_signal_settings_change_nothing,
}

/// With SIGCHLD ignored no parent hears of a child's end; with SIGTERM blocked no process stops.
pub(crate) fn inherited_signal_settings_change_nothing(model: &str) {
    let mut launcher = Command::new("env");
    let settings = ["--ignore-signal=CHLD", "--block-signal=TERM,INT,CHLD,ALRM"];
    launcher.args(settings).arg(BINARY);
    let options = ["--workers", "2", "--max-connections", "2"];
    let mut server = Server::start_by(launcher, model, &options);
    for _ in 0..5 {
        wait_for("there is room", || serves(&server));
    }
    if has_master(model) {
        let victim = server.children()[0].pid;
        kill(Pid::from_raw(victim), Signal::SIGKILL).unwrap();
        wait_for("it is replaced", || {
            let children = server.children();
            children.len() == 2 && children.iter().all(|child| child.pid != victim)
        });
    }
    wait_for("there is room again", || serves(&server));
    server.signal(Signal::SIGTERM);
    assert_eq!(server.wait().code(), Some(0), "{}", server.said());
}

fn serves(server: &Server) -> bool {
    let client = server.connect();
    wire::get_and_close(&client, "/");
    wire::read_to_end(&client)
        .0
        .starts_with(b"HTTP/1.1 200 OK\r\n")
}
