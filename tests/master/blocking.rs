//! Calls of the master that can block: each is held up here, and the master goes on.
//! `chapters/what-blocks.md` has the whole list.

use std::fs::{self, File};
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, mkfifo};
use servers::scoreboard::View;

use crate::faults::{by_shell, full_pipe};
use crate::support::proc::{self, Process};
use crate::support::server::{BINARY, Server};
use crate::support::{wait_for, wire};
use crate::{assert_serves, for_every_pool, start_model, workers};

for_every_pool! {
    a_standard_output_that_is_not_read_holds_up_no_server,
    a_panic_is_not_held_up_by_a_full_log,
    workers_are_replaced_while_a_reload_loads_memory,
    a_traced_worker_does_not_hold_up_a_stop,
    a_manager_that_does_not_read_holds_up_no_server,
    a_worker_that_does_not_read_holds_up_no_new_log,
    a_log_that_is_a_named_pipe_now_holds_up_no_server,
}

/// A process that is killed with the test.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        proc::kill_tree(self.0.id().cast_signed());
        let _ = self.0.wait();
    }
}

/// The first line does not fit into a pipe that is full.
fn a_standard_output_that_is_not_read_holds_up_no_server(model: &str) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("output");
    let _reader = full_pipe(&path);
    let log = directory.path().join("log");
    let server = Command::new("sh")
        .args(["-c", "exec \"$0\" \"$@\" >\"$OUT\"", BINARY, "run", model])
        .args(["--bind", "127.0.0.1:0", "--workers", "2"])
        .env("OUT", &path)
        .stdin(Stdio::null())
        .stderr(File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let server = Killed(server);
    let pid = server.0.id();
    let address = || View::of_process(pid).ok()?.facts().addresses.first()?.tcp();
    wait_for("it serves", || {
        let client = address().and_then(|it| std::net::TcpStream::connect(it).ok());
        client.is_some_and(|client| {
            client
                .set_read_timeout(Some(crate::support::DEADLINE))
                .unwrap();
            wire::get_and_close(&client, "/");
            wire::try_read_answer(&client).is_ok_and(|answer| answer.status() == 200)
        })
    });
    let said = fs::read_to_string(&log).unwrap();
    let missing = "it lacks: listening on http://127.0.0.1:";
    assert!(said.contains(missing), "{said}");
}

/// The message of a panic is a line of the log like any other.
fn a_panic_is_not_held_up_by_a_full_log(model: &str) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let _reader = full_pipe(&path);
    let mut launcher = by_shell("exec 2>\"$LOG\";");
    launcher.env("LOG", &path);
    let server = Server::start_by(launcher, model, &["--workers", "2", "--lab"]);
    let client = server.connect();
    wire::get(&client, "/panic");
    assert_eq!(wire::read_answer(&client).status(), 500);
    assert_serves(&server);
}

/// The manager's socket is full of notifications that it has not read.
fn a_manager_that_does_not_read_holds_up_no_server(model: &str) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    let sender = UnixDatagram::unbound().unwrap();
    sender.set_nonblocking(true).unwrap();
    while sender.send_to(b"READY=1", &path).is_ok() {}
    let mut launcher = by_shell("");
    launcher.env("NOTIFY_SOCKET", &path);
    let mut server = Server::start_by(launcher, model, &["--workers", "2"]);
    wait_for("it has tried", || {
        server.said().contains("service manager: ")
    });
    assert_serves(&server);
    server.signal(Signal::SIGHUP);
    wait_for("a new generation", || {
        server.said().contains("a new generation begins")
    });
    assert_serves(&server);
    server.signal(Signal::SIGTERM);
    assert_eq!(server.wait().code(), Some(0), "{}", server.said());
    drop(manager);
}

/// The memory is filled piece by piece, and the master looks after its workers in between.
fn workers_are_replaced_while_a_reload_loads_memory(model: &str) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("servers.toml");
    fs::write(&path, "").unwrap();
    let config = format!("--config={}", path.display());
    let server = start_model(model, 2, &[&config]);
    let before = workers(&server);
    fs::write(&path, "preload = 1500\n").unwrap();
    server.signal(Signal::SIGHUP);
    wait_for("it loads", || server.said().contains("is being loaded"));
    kill(Pid::from_raw(before[0]), Signal::SIGKILL).unwrap();
    wait_for("a new generation", || {
        server.said().contains("a new generation begins")
    });
    let said = server.said();
    let (first, _) = said.split_once("a new generation begins").unwrap();
    assert!(first.contains("was killed by SIGKILL; replacing"), "{said}");
    wait_for("all workers are new ones", || {
        let now = workers(&server);
        now.len() == 2 && !now.iter().any(|pid| before.contains(pid))
    });
    assert_serves(&server);
}

/// The kernel shows the end of a traced process to its tracer first. While the tracer is stopped,
/// the master cannot reap the worker.
fn a_traced_worker_does_not_hold_up_a_stop(model: &str) {
    for (signals, words) in [
        (&[Signal::SIGINT][..], "after SIGKILL: 1"),
        (&[Signal::SIGTERM, Signal::SIGTERM], "after SIGKILL: 1"),
        (&[Signal::SIGTERM], "after SIGKILL: 1"),
    ] {
        let mut server = start_model(model, 2, &["--graceful-timeout", "1s"]);
        let worker = workers(&server)[0];
        let Some(tracer) = stopped_tracer(worker) else {
            eprintln!("skipped: there is no strace(1), or it may not trace");
            return;
        };
        for &signal in signals {
            server.signal(signal);
            wait_for("it is taken", || proc::pending_signals(server.pid()) == 0);
        }
        assert_eq!(server.wait().code(), Some(1), "{}", server.said());
        assert!(server.said().contains(words), "{}", server.said());
        drop(tracer);
    }
}

/// A tracer of the process that does not look at what happens to it.
fn stopped_tracer(pid: i32) -> Option<Killed> {
    let directory = tempfile::tempdir().unwrap();
    let output = directory.path().join("trace");
    let tracer = Command::new("strace")
        .args(["-qq", "-o", output.to_str()?, "-p", &pid.to_string()])
        .stderr(Stdio::null())
        .spawn();
    let mut tracer = Killed(tracer.ok()?);
    let is_traced = || proc::status(pid, "TracerPid") != "0";
    wait_for("it is traced", || {
        is_traced() || tracer.0.try_wait().unwrap().is_some()
    });
    let id = tracer.0.id().cast_signed();
    if tracer.0.try_wait().unwrap().is_some() {
        return None;
    }
    kill(Pid::from_raw(id), Signal::SIGSTOP).unwrap();
    wait_for("the tracer is stopped", || {
        Process::find(id).is_some_and(|it| it.state == 'T')
    });
    Some(tracer)
}

/// The master leaves new log files in a mailbox. A stopped worker takes none of them out, and has
/// the last ones when it goes on.
fn a_worker_that_does_not_read_holds_up_no_new_log(model: &str) {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let option = format!("--log-file={}", path("log").display());
    let server = start_model(model, 2, &[&option]);
    assert_serves(&server);
    let stopped = workers(&server)[0];
    kill(Pid::from_raw(stopped), Signal::SIGSTOP).unwrap();
    for round in 0..20 {
        fs::rename(path("log"), path(&format!("log.{round}"))).unwrap();
        server.signal(Signal::SIGUSR1);
        wait_for("a new log", || {
            fs::read_to_string(path("log")).is_ok_and(|it| it.contains("opened anew"))
        });
    }
    let held = |pid| Process::find(pid).unwrap().descriptors();
    let is_new = |name: &String| name.ends_with("/log");
    assert!(!held(stopped).iter().any(is_new), "it has not looked");
    kill(Pid::from_raw(stopped), Signal::SIGCONT).unwrap();
    wait_for("it has the last one", || held(stopped).iter().any(is_new));
    assert_serves(&server);
}

/// To open a named pipe for writing waits for a reader, which may never come.
fn a_log_that_is_a_named_pipe_now_holds_up_no_server(model: &str) {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let option = format!("--log-file={}", path("log").display());
    let server = start_model(model, 2, &[&option]);
    fs::rename(path("log"), path("log.1")).unwrap();
    mkfifo(&path("log"), Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
    server.signal(Signal::SIGUSR1);
    let said = || fs::read_to_string(path("log.1")).unwrap();
    wait_for("it is refused", || {
        said().contains("the old file stays in use")
    });
    let victim = workers(&server)[0];
    kill(Pid::from_raw(victim), Signal::SIGKILL).unwrap();
    wait_for("the worker is replaced", || {
        let now = workers(&server);
        now.len() == 2 && !now.contains(&victim)
    });
    assert!(said().contains("was killed by SIGKILL"), "{}", said());
    assert_serves(&server);
}
