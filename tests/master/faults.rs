//! Faults from outside the pool: a log that nothing reads, a worker that a client controls, a limit
//! that is reached. The server goes on, and a stop still ends it.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::unistd::{Pid, getsid, mkfifo};
use servers::scoreboard::View;

use crate::support::proc::{self, Process};
use crate::support::server::{BINARY, Server};
use crate::support::{wait_for, wire};
use crate::{assert_cut, assert_serves, for_every_pool, send, start_model, workers};

for_every_pool! {
    a_full_log_blocks_neither_master_nor_worker,
    a_worker_that_a_request_kills_is_replaced_at_once,
    no_worker_can_resize_the_shared_memory,
    no_worker_has_the_masters_terminal,
    a_log_at_the_limit_of_its_size_ends_nothing,
}

/// Runs the server by a shell that does `before` first; `$0` is the program.
pub(crate) fn by_shell(before: &str) -> Command {
    let mut launcher = Command::new("sh");
    launcher.args(["-c", &format!("{before} exec \"$0\" \"$@\""), BINARY]);
    launcher
}

/// A named pipe that is full, since nothing reads it, and the end that could.
pub(crate) fn full_pipe(path: &Path) -> File {
    mkfifo(path, Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
    let mut options = File::options();
    options
        .read(true)
        .write(true)
        .custom_flags(libc::O_NONBLOCK);
    let mut pipe = options.open(path).unwrap();
    let full = pipe.write_all(&[b'.'; 1 << 20]).unwrap_err();
    assert_eq!(full.kind(), ErrorKind::WouldBlock);
    pipe
}

fn a_full_log_blocks_neither_master_nor_worker(model: &str) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let mut log = full_pipe(&path);
    let mut launcher = by_shell("exec 2>\"$LOG\";");
    launcher.env("LOG", &path);
    let mut server = Server::start_by(launcher, model, &["--workers", "2", "--slow-ms", "1"]);
    for _ in 0..8 {
        let client = server.connect();
        wire::get_and_close(&client, "/sleep?ms=3");
        assert_eq!(wire::read_answer(&client).status(), 200);
    }
    let before = workers(&server);
    send(before[0], Signal::SIGKILL);
    wait_for("the worker is replaced", || {
        let workers = workers(&server);
        workers.len() == 2 && !workers.contains(&before[0])
    });
    assert_serves(&server);
    // Read again, it tells how many lines are missing.
    let mut bytes = vec![0; 1 << 20];
    while log.read(&mut bytes).is_ok() {}
    server.signal(Signal::SIGWINCH);
    let mut said = String::new();
    wait_for("the lost lines are counted", || {
        let count = log.read(&mut bytes).unwrap_or(0);
        said.push_str(&String::from_utf8_lossy(&bytes[..count]));
        said.contains("the log was full: lines lost: ")
    });
    server.signal(Signal::SIGTERM);
    assert_eq!(server.wait().code(), Some(0));
}

/// Clients crash one worker after another. No client in between has to wait for a worker.
fn a_worker_that_a_request_kills_is_replaced_at_once(model: &str) {
    let server = start_model(model, 2, &["--lab"]);
    for _ in 0..10 {
        let client = server.connect();
        wire::get(&client, "/crash");
        assert_cut(&client);
        assert_serves(&server);
    }
    wait_for("the pool is whole", || workers(&server).len() == 2);
    let said = server.said();
    assert!(!said.contains("replacing it in"), "{said}");
}

/// A process that reads a mapping beyond the end of its file is killed (SIGBUS). A worker that
/// could shrink the shared memory could kill the master.
fn no_worker_can_resize_the_shared_memory(model: &str) {
    let server = start_model(model, 1, &[]);
    let worker = workers(&server)[0];
    let memory = |entry: std::io::Result<fs::DirEntry>| -> Option<PathBuf> {
        let path = entry.ok()?.path();
        let target = fs::read_link(&path).ok()?;
        target.to_string_lossy().contains("memfd:").then_some(path)
    };
    let entries = fs::read_dir(format!("/proc/{worker}/fd")).unwrap();
    let all: Vec<PathBuf> = entries.filter_map(memory).collect();
    assert!(!all.is_empty());
    for path in all {
        let memory = File::options().write(true).open(path).unwrap();
        for size in [0, 1 << 30] {
            let refused = memory.set_len(size).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::PermissionDenied);
        }
    }
    assert_serves(&server);
}

/// A process can push input (TIOCSTI) only into the terminal of its own session.
fn no_worker_has_the_masters_terminal(model: &str) {
    let server = start_model(model, 2, &[]);
    for pid in workers(&server) {
        let worker = Some(Pid::from_raw(pid));
        wait_for("the worker leads a session", || {
            getsid(worker).ok() == worker
        });
    }
}

/// A write beyond RLIMIT_FSIZE raises SIGXFSZ, which by default ends the process.
fn a_log_at_the_limit_of_its_size_ends_nothing(model: &str) {
    let launcher = by_shell("ulimit -S -f 8;");
    let options = ["--workers", "2", "--slow-ms", "1"];
    let mut server = Server::start_by(launcher, model, &options);
    while server.said().len() < 4096 {
        let client = server.connect();
        wire::get_and_close(&client, "/sleep?ms=3");
        assert_eq!(wire::read_answer(&client).status(), 200);
    }
    let before = workers(&server);
    send(before[0], Signal::SIGKILL);
    wait_for("the worker is replaced", || {
        let workers = workers(&server);
        workers.len() == 2 && !workers.contains(&before[0])
    });
    assert_serves(&server);
    server.signal(Signal::SIGTERM);
    assert_eq!(server.wait().code(), Some(0));
}

/// A server in a terminal of its own, and its process ID.
pub(crate) fn in_terminal(model: &str, options: &str) -> Option<(Child, i32)> {
    let directory = tempfile::tempdir().unwrap();
    let pidfile = directory.path().join("pid");
    let run = format!(
        "exec {BINARY} run {model} {options} --bind 127.0.0.1:0 --pidfile {}",
        pidfile.display()
    );
    // Where the tests run, the signal may be ignored, and children inherit that.
    let terminal = Command::new("env")
        .args(["--default-signal=HUP", "script", "-qc", &run, "/dev/null"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let Ok(terminal) = terminal else {
        eprintln!("skipped: there is no script(1)");
        return None;
    };
    let named = || {
        let text = fs::read_to_string(&pidfile).ok()?;
        text.trim().parse::<i32>().ok()
    };
    wait_for("the server runs", || named().is_some());
    let pid = named()?;
    wait_for("it serves", || {
        let server = u32::try_from(pid).unwrap();
        View::of_process(server).is_ok_and(|it| !it.facts().addresses.is_empty())
    });
    Some((terminal, pid))
}

/// The terminal that the server was started from closes. That means a stop, not a reload.
#[test]
fn a_terminal_that_hangs_up_ends_the_server() {
    for model in ["prefork", "worker", "event", "threaded", "epoll"] {
        let Some((mut terminal, pid)) = in_terminal(model, "") else {
            return;
        };
        if ["prefork", "worker", "event"].contains(&model) {
            // The same signal from a process asks for a reload.
            let workers = || {
                let mut tree = proc::tree(pid);
                tree.retain(|it| it.parent == pid && it.is_alive());
                let pids = tree.into_iter().map(|it| it.pid);
                pids.collect::<BTreeSet<i32>>()
            };
            wait_for("workers", || !workers().is_empty());
            let before = workers();
            send(pid, Signal::SIGHUP);
            wait_for("other workers", || {
                let now = workers();
                !now.is_empty() && now.is_disjoint(&before)
            });
        }
        terminal.kill().unwrap();
        terminal.wait().unwrap();
        wait_for("the server ends", || {
            !Process::find(pid).is_some_and(|it| it.is_alive())
        });
    }
}
