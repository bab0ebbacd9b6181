//! SIGUSR2: the master starts a successor from the program that is on the disk now.

use std::fs::Permissions;
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::sys::signal::Signal;

use crate::family::{Family, children, is_alive, signal};
use crate::load::{Load, MODES};
#[cfg(target_arch = "x86_64")]
use crate::support::attached::Attached;
use crate::support::proc::Process;
use crate::support::server::BINARY;
use crate::support::{wait_for, wire};
use crate::ways;

/// What a process has open, once that stays the same: a process that has just started, or handed
/// over, opens and closes files for a moment.
#[track_caller]
fn descriptors(pid: i32) -> Vec<String> {
    let mut last = descriptors_now(pid);
    let mut same = 0;
    wait_for("the descriptors stay the same", || {
        let now = descriptors_now(pid);
        same = if now == last { same + 1 } else { 0 };
        last = now;
        same == 10
    });
    last
}

fn descriptors_now(pid: i32) -> Vec<String> {
    let mut descriptors = Process::find(pid).unwrap().descriptors();
    // The number in a socket's name differs from process to process; its kind does not.
    descriptors.iter_mut().for_each(|name| name.truncate(7));
    descriptors.sort();
    descriptors
}

#[test]
fn no_client_notices_an_upgrade() {
    for (model, way) in ways() {
        for mode in MODES {
            println!("{model} {way} {mode:?}");
            let family = Family::start(model, "workers = 3\n", &[&way]);
            let load = Load::start(family.address, mode);
            for end in [Signal::SIGQUIT, Signal::SIGTERM] {
                let (old, new) = family.upgrade();
                assert_ne!(old, new);
                signal(old, end);
                wait_for("the old master is gone", || !is_alive(old));
            }
            load.end_without_an_error();
        }
    }
}

/// The file of a Unix socket stays until the last master ends, whichever that is.
#[test]
fn a_successor_has_all_addresses() {
    for (model, way) in ways() {
        println!("{model} {way}");
        let second = {
            let free = TcpListener::bind("127.0.0.2:0").unwrap();
            free.local_addr().unwrap()
        };
        let (in_second, unix) = (format!("--bind={second}"), tempfile::tempdir().unwrap());
        let path = unix.path().join("socket");
        let in_unix = format!("--bind=unix:{}", path.display());
        let takes_unix = !way.contains("reuseport");
        let mut options = vec![way.as_str(), in_second.as_str()];
        options.extend(takes_unix.then_some(in_unix.as_str()));
        let family = Family::start(model, "workers = 2\n", &options);
        let load = Load::start(second, MODES[0]);
        let (old, new) = family.upgrade();
        signal(old, Signal::SIGTERM);
        wait_for("the old master is gone", || !is_alive(old));
        load.end_without_an_error();
        assert!(children(new).contains(&family.served_by()));
        if takes_unix {
            let client = TcpStream::from(OwnedFd::from(UnixStream::connect(&path).unwrap()));
            wire::get_and_close(&client, "/");
            assert_eq!(wire::read_answer(&client).status(), 200);
        }
        signal(new, Signal::SIGTERM);
        wait_for("the new master is gone", || !is_alive(new));
        assert!(!path.exists());
        assert!(!family.first.said().contains("a new value for"));
    }
}

#[test]
fn a_roll_back_goes_unnoticed_too() {
    for mode in MODES {
        let family = Family::start("prefork", "workers = 3\n", &[]);
        let load = Load::start(family.address, mode);
        let (old, new) = family.upgrade();
        assert_eq!(family.named("pid.oldbin"), Some(old));
        signal(old, Signal::SIGWINCH);
        wait_for("the old workers are gone", || {
            children(old).into_iter().all(|pid| pid == new)
        });
        assert!(children(new).contains(&family.served_by()));
        signal(old, Signal::SIGHUP);
        wait_for("workers of the old master are back", || {
            children(old).len() == 4
        });
        signal(new, Signal::SIGQUIT);
        wait_for("the new master is gone", || !is_alive(new));
        wait_for("the pidfile is the old master's again", || {
            family.named("pid") == Some(old) && family.named("pid.oldbin").is_none()
        });
        load.end_without_an_error();
        assert!(children(old).contains(&family.served_by()));
    }
}

/// No worker ends, and the next upgrade can succeed.
#[test]
fn a_program_that_fails_leaves_the_old_master_untouched() {
    let mut family = Family::start("prefork", "workers = 2\n", &[]);
    let old = family.master();
    wait_for("two workers", || children(old).len() == 2);
    let workers = children(old);
    let load = Load::start(family.address, &[]);
    let text = family.path("text");
    std::fs::write(&text, "This is no program.\n").unwrap();
    std::fs::set_permissions(&text, Permissions::from_mode(0o755)).unwrap();
    for program in [Path::new("/bin/false"), &text] {
        family.install(program);
        let before = family.first.said().lines().count();
        signal(old, Signal::SIGUSR2);
        wait_for("the failure is logged", || {
            let said = family.first.said();
            let mut since = said.lines().skip(before);
            // The kernel refuses a text without `#!`; the master starts no shell for it.
            let words = if program == text {
                "cannot start"
            } else {
                "goes on"
            };
            since.any(|line| line.contains(words))
        });
        wait_for("the pidfile is back", || family.named("pid") == Some(old));
        assert_eq!(children(old), workers);
    }
    // The same holds if the successor refuses its configuration.
    family.install(Path::new(BINARY));
    family.configure("workers = \"no\"\n");
    signal(old, Signal::SIGUSR2);
    wait_for("the failure is logged", || {
        let said = family.first.said();
        said.contains("servers.toml:1: workers") && said.ends_with("goes on\n")
    });
    assert_eq!(family.named("pid"), Some(old));
    load.end_without_an_error();
    family.configure("workers = 2\n");
    let (_, new) = family.upgrade();
    signal(old, Signal::SIGTERM);
    assert_eq!(family.first.wait().code(), Some(0));
    assert!(is_alive(new));
}

/// The kernel does not open a file for execution on which another process has a lease (`fcntl(2)`):
/// for up to 45 seconds it waits until that process gives it back. A file system whose server does
/// not answer does the same for ever.
#[test]
fn a_program_that_the_kernel_cannot_open_holds_up_nothing() {
    let family = Family::start("prefork", "workers = 2\n", &["--exec-timeout", "1s"]);
    let old = family.master();
    let program = family.path("leased");
    let copied = Command::new("cp").arg(BINARY).arg(&program).status();
    assert!(copied.unwrap().success());
    let lease = "import fcntl, signal, sys, os, time\n\
        signal.signal(signal.SIGIO, signal.SIG_IGN)\n\
        file = os.open(sys.argv[1], os.O_RDWR)\n\
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)\n\
        print('leased', flush=True)\n\
        time.sleep(1000)\n";
    let holder = Command::new("python3")
        .args(["-c", lease])
        .arg(&program)
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut holder) = holder else {
        eprintln!("skipped: no python3");
        return;
    };
    let mut line = String::new();
    let mut output = BufReader::new(holder.stdout.take().unwrap());
    output.read_line(&mut line).unwrap();
    if line == "leased\n" {
        family.install(&program);
        signal(old, Signal::SIGUSR2);
        family.wait_for_words("starts from");
        // The master looks after its pool meanwhile.
        let victim = family.served_by();
        signal(victim, Signal::SIGKILL);
        family.wait_for_words("replacing it");
        family.wait_for_words("the kernel has not begun to run");
        assert!(children(old).contains(&family.served_by()));
    } else {
        eprintln!("skipped: this file system has no leases");
    }
    holder.kill().unwrap();
    holder.wait().unwrap();
    family.install(Path::new(BINARY));
    let (_, new) = family.upgrade();
    signal(old, Signal::SIGTERM);
    wait_for("the old master is gone", || !is_alive(old));
    assert!(is_alive(new));
}

#[test]
fn nothing_piles_up_over_20_upgrades() {
    let family = Family::start("prefork", "workers = 1\n", &[]);
    let load = Load::start(family.address, &["--no-keep-alive"]);
    let mut counts = Vec::new();
    for _ in 0..20 {
        let (old, new) = family.upgrade();
        signal(old, Signal::SIGQUIT);
        wait_for("the old master is gone", || !is_alive(old));
        counts.push(descriptors(new));
    }
    load.end_without_an_error();
    assert!(counts.iter().all(|them| *them == counts[0]), "{counts:#?}");
}

#[test]
fn nothing_piles_up_over_20_roll_backs() {
    let family = Family::start("prefork", "workers = 1\n", &[]);
    let load = Load::start(family.address, &["--no-keep-alive"]);
    let mut counts = Vec::new();
    for _ in 0..20 {
        let (old, new) = family.upgrade();
        signal(new, Signal::SIGQUIT);
        wait_for("the pidfile is the old master's again", || {
            family.named("pid") == Some(old) && family.named("pid.oldbin").is_none()
        });
        counts.push(descriptors(old));
    }
    load.end_without_an_error();
    assert!(counts.iter().all(|them| *them == counts[0]), "{counts:#?}");
}

#[test]
fn there_is_one_upgrade_at_a_time() {
    let family = Family::start("prefork", "workers = 1\n", &[]);
    let (old, new) = family.upgrade();
    for master in [old, new] {
        let before = family.first.said().lines().count();
        signal(master, Signal::SIGUSR2);
        wait_for("it is refused", || {
            let said = family.first.said();
            let mut since = said.lines().skip(before);
            since.any(|line| {
                line.contains("refused: the last upgrade") && line.contains(&format!("[{master}]"))
            })
        });
    }
    assert_eq!(
        (family.named("pid"), family.named("pid.oldbin")),
        (Some(new), Some(old))
    );
}

/// A killed master cannot clean up, and still leaves no orphans.
#[test]
fn either_master_may_be_killed() {
    let family = Family::start("prefork", "workers = 2\n", &[]);
    let (old, new) = family.upgrade();
    let workers = children(new);
    signal(new, Signal::SIGKILL);
    wait_for("the pidfile is the old master's again", || {
        family.named("pid") == Some(old)
    });
    // A worker that is about to be killed may still accept a connection.
    wait_for("its workers are gone", || {
        !workers.iter().any(|&pid| is_alive(pid))
    });
    assert!(children(old).contains(&family.served_by()));
    let (old, new) = family.upgrade();
    let workers = children(old);
    signal(old, Signal::SIGKILL);
    wait_for("its workers are gone", || {
        !workers.iter().any(|&pid| pid != new && is_alive(pid))
    });
    assert!(children(new).contains(&family.served_by()));
    assert_eq!(family.named("pid"), Some(new));
}

/// A master without workers keeps the port. Its stop answers the clients in the accept queue.
#[test]
fn a_drained_master_answers_its_queue_when_it_stops() {
    for (model, way) in ways() {
        let mut family = Family::start(model, "workers = 2\n", &[&way]);
        let master = family.master();
        wait_for("two workers", || children(master).len() == 2);
        signal(master, Signal::SIGWINCH);
        wait_for("no worker", || children(master).is_empty());
        let client = family.first.connect();
        wire::get_and_close(&client, "/");
        signal(master, Signal::SIGTERM);
        assert_eq!(wire::read_answer(&client).status(), 200, "{model} {way}");
        assert_eq!(family.first.wait().code(), Some(0));
    }
}

/// A successor inherits the listener, so some of its settings cannot change.
#[test]
fn a_new_value_for_an_inherited_listener_is_named() {
    let family = Family::start("prefork", "workers = 1\n", &[]);
    family.configure("workers = 1\nbacklog = 511\n");
    let (old, new) = family.upgrade();
    assert!(!family.first.said().contains("'backlog'"));
    signal(old, Signal::SIGQUIT);
    wait_for("the old master is gone", || !is_alive(old));
    family.configure("workers = 1\nbacklog = 5\n");
    family.upgrade();
    let said = family.first.said();
    assert!(
        said.contains("upgrade: a new value for 'backlog'"),
        "{said}"
    );
    assert!(
        !said.contains("'bind'"),
        "any port is what was asked for: {said}"
    );
    assert!(is_alive(new));
}

/// A client that a worker of the old master has accepted is served to the end.
#[test]
fn a_request_in_flight_is_answered_by_the_old_master() {
    let mut family = Family::start("prefork", "workers = 1\n", &[]);
    let client = family.first.connect();
    wire::get(&client, "/sleep?ms=1500");
    family.first.wait_until_read(&client);
    let (old, new) = family.upgrade();
    signal(old, Signal::SIGTERM);
    assert!(children(new).contains(&family.served_by()));
    assert_eq!(wire::read_answer(&client).text(), "slept 1500 ms\n");
    drop(client);
    assert_eq!(family.first.wait().code(), Some(0));
}

/// A successor that never becomes ready does not take the pidfile. A stop ends it too, within the
/// deadline.
#[test]
fn a_successor_that_hangs_does_not_hold_up_a_stop() {
    for (end, grace) in [(Signal::SIGTERM, "1s"), (Signal::SIGINT, "1000s")] {
        let grace = format!("--graceful-timeout={grace}");
        let mut family = Family::start("prefork", "workers = 1\n", &[&grace]);
        let old = family.master();
        wait_for("a worker", || children(old).len() == 1);
        family.install_waiting("exit 1");
        signal(old, Signal::SIGUSR2);
        family.wait_for_words("starts from");
        let new = successor(&family);
        assert_eq!(family.named("pid"), Some(old), "one is always there");
        signal(old, end);
        assert_eq!(family.first.wait().code(), Some(0), "{end}");
        wait_for("the successor is gone", || !is_alive(new));
        assert_eq!(family.named("pid"), None);
    }
}

/// The kernel shows the end of a traced process to its tracer first, here the test, which does not
/// look. So the master cannot reap the successor that it has killed.
#[cfg(target_arch = "x86_64")]
#[test]
fn a_killed_successor_that_a_debugger_holds_does_not_hold_up_a_stop() {
    for end in [Signal::SIGTERM, Signal::SIGINT] {
        let mut family = Family::start("prefork", "workers = 1\n", &["--graceful-timeout=1s"]);
        let old = family.master();
        wait_for("a worker", || children(old).len() == 1);
        family.install_waiting("exit 1");
        signal(old, Signal::SIGUSR2);
        family.wait_for_words("starts from");
        let new = successor(&family);
        let Some(attached) = Attached::to(new) else {
            return;
        };
        signal(old, end);
        assert_eq!(
            family.first.wait().code(),
            Some(0),
            "{}",
            family.first.said()
        );
        assert!(Process::find(new).is_some(), "the test holds it");
        drop(attached);
    }
}

/// The process that a master says it has started.
fn successor(family: &Family) -> i32 {
    let said = family.first.said();
    let line = said.lines().find(|it| it.contains("starts from")).unwrap();
    let mut words = line.split(' ').skip_while(|word| *word != "process");
    words.nth(1).unwrap().parse().unwrap()
}

/// The second SIGTERM says not to wait for the successor. It still costs no request.
#[test]
fn a_second_sigterm_does_not_wait_for_a_successor() {
    let mut family = Family::start("prefork", "workers = 1\n", &["--graceful-timeout=1000s"]);
    let old = family.master();
    let client = family.first.connect();
    wire::get(&client, "/sleep?ms=1500");
    family.first.wait_until_read(&client);
    family.install_waiting("exit 1");
    signal(old, Signal::SIGUSR2);
    family.wait_for_words("starts from");
    signal(old, Signal::SIGTERM);
    family.wait_for_words("leaves when its successor serves");
    signal(old, Signal::SIGTERM);
    assert_eq!(wire::read_answer(&client).text(), "slept 1500 ms\n");
    drop(client);
    assert_eq!(family.first.wait().code(), Some(0));
}

/// The program was started by a relative name below the link `current`, which a deployment turns.
#[test]
fn the_program_is_found_through_the_logical_working_directory() {
    let directory = tempfile::tempdir().unwrap();
    let place = |name: &str| directory.path().join(name);
    for (release, program) in [("1", BINARY), ("2", "/bin/false")] {
        std::fs::create_dir(place(release)).unwrap();
        std::os::unix::fs::symlink(program, place(release).join("servers")).unwrap();
    }
    std::os::unix::fs::symlink(place("1"), place("current")).unwrap();
    let mut launcher = Command::new("sh");
    launcher.args([
        "-c",
        "cd \"$PLACE\"; export PWD; exec ./servers \"$@\"",
        "sh",
    ]);
    launcher.env("PLACE", place("current"));
    let server = crate::support::server::Server::start_by(launcher, "prefork", &["--workers=1"]);
    std::os::unix::fs::symlink(place("2"), place("new")).unwrap();
    std::fs::rename(place("new"), place("current")).unwrap();
    signal(server.pid(), Signal::SIGUSR2);
    wait_for("the new release is started", || {
        server.said().contains("exited with code 1")
    });
}
