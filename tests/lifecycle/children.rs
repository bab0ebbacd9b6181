//! Children: replaced when they die, reaped when they end, and no descriptor lost on the way.

use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::sys::socket;
use nix::unistd::Pid;

use crate::support::proc::{self, Process};
use crate::support::server::{BINARY, Server};
use crate::support::{has_master, wait_for, wire};
use crate::{assert_serves, for_every_model};

for_every_model! {
    no_zombies_after_200_connections,
    descriptors_do_not_grow_over_1000_connections,
    descriptors_are_close_on_exec,
}

pub(crate) fn no_zombies_after_200_connections(model: &str) {
    let server = Server::start(model, &[]);
    let processes = server.tree().len();
    for _ in 0..200 {
        assert_serves(&server);
    }
    assert_no_zombies(&server);
    if !has_master(model) {
        wait_for("the children have ended", || {
            server.tree().len() <= processes
        });
    }
}

pub(crate) fn descriptors_do_not_grow_over_1000_connections(model: &str) {
    let server = Server::start(model, &["--workers", "3"]);
    // The first requests may open descriptors that stay open for later ones.
    for _ in 0..50 {
        assert_serves(&server);
    }
    // A child that serves one connection holds that socket and not the listener.
    let staying = if has_master(model) { 4 } else { 1 };
    wait_for("only what lasts is open", || {
        server.tree().len() == staying && sockets(&server) == 0
    });
    let before = descriptors(&server);
    for _ in 0..1000 {
        assert_serves(&server);
    }
    wait_for("as many descriptors as before", || {
        descriptors(&server) == before
    });
}

/// Descriptors of all processes together, once the children of single connections have gone.
fn descriptors(server: &Server) -> Vec<usize> {
    let mut counts: Vec<usize> = server
        .tree()
        .iter()
        .map(|p| p.descriptors().len())
        .collect();
    counts.sort_unstable();
    counts
}

/// Connections that processes of the server hold. The kernel's table does not show a connection
/// whose client has gone. So this counts the descriptors of sockets that the table does not show.
fn sockets(server: &Server) -> usize {
    let standing = proc::standing_sockets();
    let count = |process: &Process| {
        let all = process.descriptors();
        let sockets = all.iter().filter(|target| target.starts_with("socket:"));
        sockets.filter(|target| !standing.contains(*target)).count()
    };
    server.tree().iter().map(count).sum()
}

/// `/proc/PID/fdinfo` shows the flags in octal; 02000000 is O_CLOEXEC.
pub(crate) fn descriptors_are_close_on_exec(model: &str) {
    let server = Server::start(model, &["--root", "/"]);
    assert_serves(&server);
    let directory = format!("/proc/{}/fdinfo", server.pid());
    let mut checked = 0;
    for entry in std::fs::read_dir(directory).unwrap().flatten() {
        let number: i32 = entry.file_name().to_str().unwrap().parse().unwrap();
        let inherited = |who: &str| std::fs::read_link(format!("/proc/{who}/fd/{number}")).ok();
        if inherited("self") == inherited(&server.pid().to_string()) {
            continue;
        }
        let Ok(info) = std::fs::read_to_string(entry.path()) else {
            continue;
        };
        let flags = info
            .lines()
            .find_map(|line| line.strip_prefix("flags:"))
            .unwrap();
        let flags = u32::from_str_radix(flags.trim(), 8).unwrap();
        assert!(
            number < 3 || flags & 0o2_000_000 != 0,
            "descriptor {number}: {info}"
        );
        checked += u32::from(number > 2);
    }
    assert!(checked >= 2, "the listener and the root at least");
}

pub(crate) fn a_dead_worker_is_replaced(model: &str) {
    let server = Server::start(model, &["--workers", "4"]);
    wait_for("four workers", || server.children().len() == 4);
    let victim = server.children().swap_remove(0);
    kill_hard(&victim);
    wait_for("another worker in its place", || {
        is_whole(&server, std::slice::from_ref(&victim), 4)
    });
    assert_serves(&server);
    assert_no_zombies(&server);
}

pub(crate) fn all_workers_dead_at_once_are_replaced(model: &str) {
    let server = Server::start(model, &["--workers", "4"]);
    wait_for("four workers", || server.children().len() == 4);
    let victims = server.children();
    victims.iter().for_each(kill_hard);
    wait_for("four other workers", || is_whole(&server, &victims, 4));
    assert_serves(&server);
    assert_no_zombies(&server);
}

/// A worker that dies takes its own client along and no other.
pub(crate) fn a_dying_worker_takes_one_client_along(model: &str) {
    let server = Server::start(model, &["--workers", "2"]);
    let clients: Vec<TcpStream> = (0..2).map(|_| server.connect()).collect();
    let pids: Vec<i32> = clients.iter().map(pid_of_worker).collect();
    assert_ne!(pids[0], pids[1]);
    kill(Pid::from_raw(pids[0]), Signal::SIGKILL).unwrap();
    let (rest, _) = wire::read_to_end(&clients[0]);
    assert!(rest.is_empty());
    assert_eq!(pid_of_worker(&clients[1]), pids[1]);
}

/// A worker that an administrator asks to stop ends in good order and is replaced. The others wait
/// without using the CPU.
pub(crate) fn a_stopped_worker_is_replaced_and_the_others_wait_quietly(model: &str) {
    let server = Server::start(model, &["--workers", "3"]);
    wait_for("three workers", || server.children().len() == 3);
    let victim = server.children().swap_remove(0);
    kill(Pid::from_raw(victim.pid), Signal::SIGTERM).unwrap();
    wait_for("another worker in its place", || {
        is_whole(&server, std::slice::from_ref(&victim), 3)
    });
    let before = proc::cpu_seconds(server.pid());
    std::thread::sleep(std::time::Duration::from_secs(1));
    let used = proc::cpu_seconds(server.pid()) - before;
    assert!(used < 0.3, "{used} s of CPU in a second of waiting");
    assert_serves(&server);
}

#[test]
fn the_pool_of_prefork_is_kept_whole() {
    a_dead_worker_is_replaced("prefork");
    all_workers_dead_at_once_are_replaced("prefork");
    a_dying_worker_takes_one_client_along("prefork");
    a_stopped_worker_is_replaced_and_the_others_wait_quietly("prefork");
}

fn pid_of_worker(client: &TcpStream) -> i32 {
    wire::get(client, "/pid");
    let text = wire::read_answer(client).text();
    text.split(' ').next().unwrap().parse().unwrap()
}

fn kill_hard(process: &Process) {
    kill(Pid::from_raw(process.pid), Signal::SIGKILL).unwrap();
}

/// A worker shuts the shared listener down, which ends it for all processes that hold it. Here the
/// test does, which holds it too: the server has inherited it.
fn a_listener_that_was_shut_down_listens_again(model: &str) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    // Through standard input: a descriptor that is not close-on-exec would leak into the servers of
    // tests that run at the same time.
    let stdin = Stdio::from(OwnedFd::from(listener.try_clone().unwrap()));
    let mut launcher = Command::new("bash");
    let script = "export LISTEN_FDS=1 LISTEN_PID=$$; exec \"$0\" \"$@\" 3<&0 0</dev/null";
    launcher.args(["-c", script, BINARY]);
    let mut server = Server::start_with(launcher, model, &[], stdin);
    assert_serves(&server);
    socket::shutdown(listener.as_raw_fd(), socket::Shutdown::Both).unwrap();
    wait_for("a client can connect again", || {
        TcpStream::connect(server.address).is_ok()
    });
    assert_serves(&server);
    assert!(
        server.said().contains("it listens again"),
        "{}",
        server.said()
    );
    server.signal(Signal::SIGTERM);
    assert_eq!(server.wait().code(), Some(0), "{}", server.said());
}

#[test]
fn pools_reopen_a_listener_that_was_shut_down() {
    for model in ["prefork", "prefork --accept flock", "worker", "event"] {
        a_listener_that_was_shut_down_listens_again(model);
    }
}

/// The pool has `count` workers, and none of them is one of `victims`.
fn is_whole(server: &Server, victims: &[Process], count: usize) -> bool {
    let children = server.children();
    let is_victim = |child: &Process| {
        victims
            .iter()
            .any(|v| (v.pid, v.started) == (child.pid, child.started))
    };
    children.len() == count && !children.iter().any(is_victim)
}

#[track_caller]
fn assert_no_zombies(server: &Server) {
    wait_for("no zombie in the tree", || {
        !server.tree().iter().any(|p| p.state == 'Z')
    });
}

/// Reading the command line goes deep. Each page of the stack that stays is copied at every fork.
#[test]
fn the_stack_that_the_start_has_used_is_given_back() {
    let mut launcher = Command::new(BINARY);
    // The environment lies on the stack as well.
    launcher.env_clear();
    let server = Server::start_by(launcher, "fork", &[]);
    // A server announces its address before it is done with its start.
    assert_serves(&server);
    let (size, resident) = proc::stack_kib(server.pid());
    assert!(
        resident > 0 && 3 * resident < size,
        "{resident} KiB of {size} KiB are resident"
    );
}
