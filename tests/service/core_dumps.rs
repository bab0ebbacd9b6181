//! `--core-dumps`: a worker that has changed its user can still leave its memory for a debugger.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::Command;

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};

use crate::ask;
use crate::support::server::{BINARY, Server};
use crate::support::wait_for;

/// The soft and the hard limit on the size of a dump.
fn limit(pid: i32) -> (String, String) {
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let line = limits
        .lines()
        .find_map(|it| it.strip_prefix("Max core file size"));
    let mut words = line.unwrap().split_whitespace().map(str::to_owned);
    (words.next().unwrap(), words.next().unwrap())
}

/// The files of a process that may not dump core belong to root (`proc(5)`).
fn is_dumpable(pid: i32) -> bool {
    fs::metadata(format!("/proc/{pid}/environ")).unwrap().uid() != 0
}

/// A server whose soft limit is 0, as on most systems, in a directory where any user may write.
fn start(place: &std::path::Path, model: &str, options: &[&str]) -> (Server, i32) {
    let mut launcher = Command::new("sh");
    let words = "ulimit -S -c 0; cd \"$PLACE\" && exec \"$0\" \"$@\"";
    launcher.args(["-c", words, BINARY]).env("PLACE", place);
    let options = [&["--user", "nobody", "--workers", "1"], options].concat();
    let server = Server::start_by(launcher, model, &options);
    let text = ask(&server, "/pid").text();
    let serving = text.split(' ').next().unwrap().parse().unwrap();
    (server, serving)
}

#[test]
fn a_worker_of_another_user_dumps_core_where_that_is_asked_for() {
    if !geteuid().is_root() {
        eprintln!("skipped: only root can change the user");
        return;
    }
    let pattern = fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap();
    for model in ["prefork", "worker", "event", "threaded"] {
        let place = tempfile::tempdir().unwrap();
        fs::set_permissions(place.path(), PermissionsExt::from_mode(0o777)).unwrap();
        let (without, serving) = start(place.path(), model, &[]);
        assert!(!is_dumpable(serving), "{model}");
        assert_eq!(limit(serving).0, "0", "{model}");
        drop(without);
        let (server, serving) = start(place.path(), model, &["--core-dumps"]);
        assert!(is_dumpable(serving), "{model}");
        let unlimited = "unlimited".to_owned();
        assert_eq!(limit(serving), (unlimited.clone(), unlimited), "{model}");
        kill(Pid::from_raw(serving), Signal::SIGABRT).unwrap();
        if model != "threaded" {
            wait_for("it is logged", || {
                server.said().contains("was killed by SIGABRT")
            });
        }
        // Elsewhere a program may take the dump, or another directory.
        if pattern.starts_with("core") {
            let dump = || fs::read_dir(place.path()).unwrap().next().is_some();
            wait_for("there is a dump", dump);
            let is_logged = server.said().contains("SIGABRT and has dumped core");
            assert!(is_logged || model == "threaded", "{}", server.said());
        }
    }
}
