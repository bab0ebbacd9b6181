//! `--pidfile`: who runs, and that nobody else does.

use std::fs;
use std::path::Path;

use nix::sys::signal::Signal;

use crate::support::server::Server;
use crate::{for_every_model, refused};

for_every_model! {
    the_file_names_the_server_for_as_long_as_it_runs,
    a_second_server_is_refused_and_a_killed_one_is_no_obstacle,
}

fn id_in(path: &Path) -> Option<i32> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

fn the_file_names_the_server_for_as_long_as_it_runs(model: &str) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("pid");
    let mut server = Server::start(model, &["--pidfile", path.to_str().unwrap()]);
    assert_eq!(id_in(&path), Some(server.pid()));
    server.signal(Signal::SIGTERM);
    assert_eq!(server.wait().code(), Some(0));
    assert!(!path.exists());
}

fn a_second_server_is_refused_and_a_killed_one_is_no_obstacle(model: &str) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("pid");
    let option = format!("--pidfile={}", path.display());
    let mut server = Server::start(model, &[&option]);
    let words: Vec<&str> = ["run"].into_iter().chain(model.split(' ')).collect();
    let said = refused(
        1,
        &[&words[..], &["--bind", "127.0.0.1:0", &option]].concat(),
    );
    assert!(
        said.contains(&format!("process {}", server.pid())),
        "{said}"
    );
    server.signal(Signal::SIGKILL);
    server.wait();
    assert!(path.exists(), "a killed server cannot clean up");
    let next = Server::start(model, &[&option]);
    assert_eq!(id_in(&path), Some(next.pid()));
}
