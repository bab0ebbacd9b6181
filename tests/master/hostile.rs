//! A worker that a client has taken over: what it could do to its master, to its siblings and to
//! the terminal. The tests do it in its place, with what the worker holds.

use std::fs::{self, File};
use std::net::TcpStream;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::unistd::{Pid, getsid};
use servers::scoreboard::View;

use crate::faults::{by_shell, in_terminal};
#[cfg(target_arch = "x86_64")]
use crate::support::attached::Attached;
use crate::support::proc::Process;
use crate::support::server::Server;
use crate::support::{DEADLINE, wait_for};
use crate::{assert_serves, for_every_pool, start_model, workers};

for_every_pool! {
    a_worker_holds_nothing_that_belongs_to_its_master,
    a_worker_that_scribbles_over_the_shared_memory_ends_nothing,
    a_worker_that_says_that_its_siblings_leave_makes_no_crowd,
}

/// Words of a record, of the header, and the word by which a worker says that it leaves: see
/// `src/scoreboard/layout.rs`.
const RECORD: u64 = 32;
const LEAVING: u64 = 29;

/// The shared memory, as a worker can write to it.
fn memory_of(worker: i32) -> File {
    let entries = fs::read_dir(format!("/proc/{worker}/fd")).unwrap();
    let is_scoreboard = |path: &PathBuf| {
        let target = fs::read_link(path).unwrap_or_default();
        target
            .to_string_lossy()
            .contains("memfd:servers-scoreboard")
    };
    let mut paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let path = paths.find(is_scoreboard).unwrap();
    File::options().write(true).open(path).unwrap()
}

/// The pidfile is open for writing in the master, and root acts on what is in it. The launcher's
/// file stands for what a shell or a supervisor has left open.
fn a_worker_holds_nothing_that_belongs_to_its_master(model: &str) {
    let directory = tempfile::tempdir().unwrap();
    let pidfile = directory.path().join("pid");
    let secret = directory.path().join("secret");
    fs::write(&secret, "secret").unwrap();
    let mut launcher = by_shell("exec 9<\"$SECRET\";");
    launcher.env("SECRET", &secret);
    let option = format!("--pidfile={}", pidfile.display());
    let server = Server::start_by(launcher, model, &["--workers", "2", &option]);
    wait_for("two workers", || workers(&server).len() == 2);
    assert_serves(&server);
    let held = |pid| Process::find(pid).unwrap().descriptors();
    let masters = held(server.pid());
    for of_master in ["/pid", "/secret", "[signalfd]"] {
        let has_it = |held: &[String]| held.iter().any(|it| it.ends_with(of_master));
        assert!(has_it(&masters), "{of_master}: {masters:?}");
        for worker in workers(&server) {
            wait_for("the worker has closed it", || !has_it(&held(worker)));
        }
    }
}

/// Random words in all records and in most of the header.
fn a_worker_that_scribbles_over_the_shared_memory_ends_nothing(model: &str) {
    let mut server = start_model(model, 3, &["--worker-timeout", "1s"]);
    let memory = memory_of(workers(&server)[0]);
    let end = Instant::now() + Duration::from_secs(3);
    while Instant::now() < end {
        for _ in 0..1000 {
            let word = fastrand::u64(1..RECORD * 40);
            let value = fastrand::u64(..) >> fastrand::u32(0..64);
            memory.write_at(&value.to_ne_bytes(), word * 8).unwrap();
        }
        assert!(server.is_running(), "{}", server.said());
        let count = server.children().len();
        assert!(count <= 3 * 3, "{count} workers");
    }
    // With other workers it is as before.
    for worker in workers(&server) {
        let _ = nix::sys::signal::kill(Pid::from_raw(worker), Signal::SIGKILL);
    }
    wait_for("three workers", || workers(&server).len() == 3);
    assert_serves(&server);
    server.signal(Signal::SIGTERM);
    assert_eq!(server.wait().code(), Some(0), "{}", server.said());
}

/// The master replaces a worker that leaves while it still has clients. Here none of them leaves by
/// itself, and the pool must not grow without end.
fn a_worker_that_says_that_its_siblings_leave_makes_no_crowd(model: &str) {
    let options = ["--max-requests", "1000000", "--threads", "1"];
    let server = start_model(model, 2, &options);
    let memory = memory_of(workers(&server)[0]);
    let end = Instant::now() + Duration::from_secs(3);
    let mut seen = std::collections::BTreeSet::new();
    while Instant::now() < end {
        let now = workers(&server);
        assert!(now.len() <= 2 * 3 + 1, "{now:?}");
        for slot in 0..8 {
            for pid in &now {
                let value = u64::from(pid.cast_unsigned()).to_ne_bytes();
                let word = (1 + slot) * RECORD + LEAVING;
                memory.write_at(&value, word * 8).unwrap();
            }
        }
        seen.extend(now);
    }
    // Each was told to leave, since that is what it seemed to want.
    wait_for("two workers", || workers(&server).len() == 2);
    assert!(seen.len() > 2, "the master believes it");
    assert_serves(&server);
}

/// Two masters tell each other in shared memory whether they serve. A worker could say so for them.
#[test]
fn no_worker_has_the_channel_between_two_masters() {
    let directory = tempfile::tempdir().unwrap();
    let pidfile = directory.path().join("pid");
    let option = format!("--pidfile={}", pidfile.display());
    for model in ["prefork", "worker", "event"] {
        let server = start_model(model, 1, &[&option]);
        let named = || {
            let text = fs::read_to_string(&pidfile).ok()?;
            text.trim().parse::<i32>().ok()
        };
        server.signal(Signal::SIGUSR2);
        let children = |pid| {
            let mut tree = crate::support::proc::tree(pid);
            tree.retain(|it| it.parent == pid && it.state != 'Z');
            tree
        };
        wait_for("a successor with a worker", || {
            let successor = named().filter(|&pid| pid != server.pid());
            successor.is_some_and(|pid| !children(pid).is_empty())
        });
        let successor = named().unwrap();
        // The old master's next worker begins when it knows the channel.
        let old = children(server.pid());
        let old = old.iter().find(|it| it.pid != successor).unwrap().pid;
        crate::send(old, Signal::SIGKILL);
        let mut workers = Vec::new();
        wait_for("a worker of each", || {
            let all = [children(server.pid()), children(successor)].concat();
            workers = all.iter().map(|it| it.pid).collect();
            workers.retain(|&pid| pid != successor && pid != old);
            workers.len() == 2
        });
        for pid in workers {
            let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
            assert!(!maps.contains("servers-upgrade"), "{model}: {maps}");
            let held = Process::find(pid).unwrap().descriptors();
            let has_it = held.iter().any(|it| it.contains("servers-upgrade"));
            assert!(!has_it, "{model}: {held:?}");
        }
        let maps = fs::read_to_string(format!("/proc/{successor}/maps")).unwrap();
        assert!(maps.contains("servers-upgrade"), "the masters have it");
        drop(server);
    }
}

/// A shell gives its terminal to a program as all three streams, open for reading. What a user
/// types there later is meant for another program.
#[test]
fn no_server_can_read_the_terminal_and_no_child_has_it() {
    for model in ["prefork", "worker", "event", "fork", "threaded"] {
        let Some((mut terminal, server)) = in_terminal(model, "") else {
            return;
        };
        let view = View::of_process(server.cast_unsigned()).unwrap();
        let client = TcpStream::connect(view.facts().addresses[0].tcp().unwrap()).unwrap();
        client.set_read_timeout(Some(DEADLINE)).unwrap();
        let serving = crate::served_by(&client);
        for pid in [server, serving] {
            for stream in 0..3 {
                let info = fs::read_to_string(format!("/proc/{pid}/fdinfo/{stream}")).unwrap();
                let flags = info
                    .lines()
                    .find_map(|it| it.strip_prefix("flags:"))
                    .unwrap();
                let flags = i32::from_str_radix(flags.trim(), 8).unwrap();
                let name = fs::read_link(format!("/proc/{pid}/fd/{stream}")).unwrap();
                let is_terminal = name.starts_with("/dev/pts");
                let is_read = flags & libc::O_ACCMODE != libc::O_WRONLY;
                assert!(!is_terminal || !is_read, "{model}: {stream}: {name:?}");
                assert_eq!(is_terminal, stream > 0, "{model}: the log goes there");
            }
        }
        if serving != server {
            let serving = Some(Pid::from_raw(serving));
            assert_eq!(getsid(serving).ok(), serving, "{model}");
        }
        drop(client);
        terminal.kill().unwrap();
        terminal.wait().unwrap();
        wait_for("the server ends", || {
            !Process::find(server).is_some_and(|it| it.is_alive())
        });
    }
}

/// A command that a worker pushes into the terminal is run by the shell, with the rights of its
/// user. The filter refuses the call; a worker of another user has no such terminal.
#[cfg(target_arch = "x86_64")]
#[test]
fn no_worker_types_into_the_terminal() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("skipped: only root can change the user");
        return;
    }
    for options in ["--sandbox", "--user nobody", "--sandbox --user nobody"] {
        for model in ["prefork", "worker", "event", "fork"] {
            let Some((mut terminal, server)) = in_terminal(model, options) else {
                return;
            };
            let view = View::of_process(server.cast_unsigned()).unwrap();
            let client = TcpStream::connect(view.facts().addresses[0].tcp().unwrap()).unwrap();
            client.set_read_timeout(Some(DEADLINE)).unwrap();
            let serving = crate::served_by(&client);
            if let Some(attached) = Attached::to(serving) {
                let byte = attached.put(&[u64::from(b'x')]);
                for stream in [1, 2] {
                    let typed =
                        attached.call(libc::SYS_ioctl, [stream, libc::TIOCSTI, byte, 0, 0, 0]);
                    let is_filtered = options.contains("--sandbox");
                    let is_refused = typed == -i64::from(libc::EPERM);
                    // Linux may be told to have no such call at all (EIO).
                    assert!(is_refused || typed < 0 && !is_filtered, "{model}: {typed}");
                }
            }
            drop(client);
            terminal.kill().unwrap();
            terminal.wait().unwrap();
            wait_for("the server ends", || {
                !Process::find(server).is_some_and(|it| it.is_alive())
            });
        }
    }
}

/// The descriptor of a worker's way to its clients: a listener, or the channel to its master.
#[cfg(target_arch = "x86_64")]
fn socket_of(worker: i32) -> u64 {
    let standing = crate::support::proc::standing_sockets();
    let entries = fs::read_dir(format!("/proc/{worker}/fd")).unwrap();
    let socket = entries.flatten().find(|entry| {
        let target = fs::read_link(entry.path()).unwrap_or_default();
        standing.contains(&*target.to_string_lossy())
    });
    let number = socket.unwrap().file_name();
    number.to_str().unwrap().parse().unwrap()
}

/// O_NONBLOCK belongs to the socket, not to the descriptor: set by one worker, it makes `accept` of
/// all others return at once, and they would spin.
#[cfg(target_arch = "x86_64")]
#[test]
fn a_worker_that_makes_the_listener_nonblocking_makes_no_sibling_spin() {
    for model in ["prefork", "worker"] {
        let server = start_model(model, 2, &[]);
        assert_serves(&server);
        let worker = workers(&server)[0];
        let listener = socket_of(worker);
        let is_nonblocking = || {
            let info = fs::read_to_string(format!("/proc/{worker}/fdinfo/{listener}")).unwrap();
            let flags = info
                .lines()
                .find_map(|it| it.strip_prefix("flags:"))
                .unwrap();
            i32::from_str_radix(flags.trim(), 8).unwrap() & libc::O_NONBLOCK != 0
        };
        assert!(!is_nonblocking());
        let Some(attached) = Attached::to(worker) else {
            return;
        };
        let set = libc::O_RDWR | libc::O_NONBLOCK;
        let arguments = [listener, libc::F_SETFL as u64, set as u64, 0, 0, 0];
        assert_eq!(attached.call(libc::SYS_fcntl, arguments), 0);
        assert!(is_nonblocking(), "{model}");
        drop(attached);
        wait_for("a sibling takes it off", || !is_nonblocking());
        assert_serves(&server);
        assert_eq!(workers(&server).len(), 2, "{}", server.said());
    }
}

/// The channel of `--accept pass` leads to the master, which accepts for all. A worker sends more
/// descriptors than the master may have, and says all the time that it is idle.
#[cfg(target_arch = "x86_64")]
#[test]
fn a_worker_that_floods_its_channel_holds_up_no_sibling() {
    const FLOOD: usize = 800;
    for pick in ["first", "round-robin"] {
        let options = ["--accept", "pass", "--pick", pick];
        let server = start_model("prefork", 3, &options);
        // The first slot is picked first.
        let client = server.connect();
        let worker = crate::served_by(&client);
        drop(client);
        let channel = socket_of(worker);
        let held = || Process::find(server.pid()).unwrap().descriptors().len();
        let before = held();
        let Some(attached) = Attached::to(worker) else {
            return;
        };
        let room = attached.put(&[]);
        let kind = (libc::SOL_SOCKET as u64) | (libc::SCM_RIGHTS as u64) << 32;
        let [data, control, message] = [8, 24, 56].map(|offset| room + offset);
        for descriptors in [0, 1, 2, 3] {
            let length = 16 + 4 * descriptors;
            // `cmsg(3)`: a length, a level, a kind, and three descriptors, here twice 1 and once 2.
            let list = [length, kind, 1 | 1 << 32, 2];
            let control_length = if descriptors == 0 { 0 } else { 32 };
            let head = [0, 0, data, 1, control, control_length, 0];
            attached.put(&[&[u64::from(b'i'), room, 1][..], &list, &head].concat());
            // Clients that are passed to it wait in its channel, until that is full.
            let mut waiting = Vec::new();
            for _ in 0..FLOOD / 4 {
                let sent = attached.call(
                    libc::SYS_sendmsg,
                    [channel, message, libc::MSG_DONTWAIT as u64, 0, 0, 0],
                );
                let is_full = sent == -i64::from(libc::EAGAIN);
                assert!(sent == 1 || is_full, "{descriptors}: {sent}");
                let client = server.connect();
                crate::wire::get_and_close(&client, "/");
                waiting.push(client);
            }
            assert_serves_a_few(&server, pick);
            drop(waiting);
        }
        wait_for("the master holds no descriptor of it", || {
            held() <= before + 1
        });
        drop(attached);
    }
}

/// Some of the next clients may go to the worker that does not read. The siblings answer others.
#[cfg(target_arch = "x86_64")]
#[track_caller]
fn assert_serves_a_few(server: &Server, pick: &str) {
    wait_for(pick, || {
        let client = server.connect();
        client
            .set_read_timeout(Some(Duration::from_millis(500)))
            .unwrap();
        crate::wire::get_and_close(&client, "/");
        crate::wire::try_read_answer(&client).is_ok()
    });
}
