//! The filter of `--sandbox`, from outside: system calls as a client would make them that has taken
//! a process over. The chapter on privileges has the table.

use std::fs;

use libc::{
    SYS_bind, SYS_bpf, SYS_capset, SYS_chmod, SYS_chroot, SYS_clone, SYS_clone3, SYS_connect,
    SYS_execve, SYS_execveat, SYS_fchmod, SYS_fchown, SYS_fcntl, SYS_fork, SYS_getpid,
    SYS_io_uring_enter, SYS_io_uring_register, SYS_io_uring_setup, SYS_ioctl, SYS_ioperm, SYS_iopl,
    SYS_keyctl, SYS_kill, SYS_listen, SYS_mount, SYS_mq_open, SYS_open_by_handle_at,
    SYS_perf_event_open, SYS_pidfd_getfd, SYS_pivot_root, SYS_prlimit64, SYS_process_vm_readv,
    SYS_process_vm_writev, SYS_ptrace, SYS_reboot, SYS_sched_setaffinity, SYS_sched_setscheduler,
    SYS_setgroups, SYS_sethostname, SYS_setns, SYS_setpriority, SYS_setsockopt, SYS_settimeofday,
    SYS_setuid, SYS_setxattr, SYS_shmat, SYS_shmget, SYS_shutdown, SYS_socket, SYS_swapoff,
    SYS_unshare, SYS_userfaultfd, SYS_utimensat, SYS_vfork, c_int,
};

use crate::ask;
use crate::for_every_model;
use crate::rights::with_the_serving_process;
use crate::support::attached::{Attached, NONE};
use crate::support::proc::status;
use crate::support::server::Server;
use crate::support::{first_word, wait_for};

for_every_model! {
    no_call_of_the_table_passes_the_filter,
}

const EPERM: i64 = -(libc::EPERM as i64);
const EBADF: i64 = -(libc::EBADF as i64);
const EINVAL: i64 = -(libc::EINVAL as i64);
const ENOSYS: i64 = -(libc::ENOSYS as i64);

/// On x86-64 the bit of a call's second number, for programs with 32-bit pointers.
const X32_BIT: i64 = 0x4000_0000;
/// `execve` has a number of its own there.
const X32_EXECVE: i64 = X32_BIT + 520;

const F_SETSIG: c_int = 10;
const F_SETOWN_EX: c_int = 15;

/// A call: its name, its number, its second argument. The first is no descriptor, no process and no
/// address, and so are the others. So without the filter the kernel has another error for it, and
/// nothing happens.
type Attempt = (&'static str, i64, u64);

/// Calls that any process may make.
fn of_any_process() -> Vec<Attempt> {
    let command = |value: c_int| u64::from(value.cast_unsigned());
    vec![
        ("execve", SYS_execve, NONE),
        ("execveat", SYS_execveat, NONE),
        ("socket", SYS_socket, NONE),
        ("connect", SYS_connect, NONE),
        ("bind", SYS_bind, NONE),
        ("listen", SYS_listen, NONE),
        ("setsockopt", SYS_setsockopt, NONE),
        ("setpriority", SYS_setpriority, NONE),
        ("sched_setaffinity", SYS_sched_setaffinity, NONE),
        ("sched_setscheduler", SYS_sched_setscheduler, NONE),
        ("shmget", SYS_shmget, NONE),
        ("shmat", SYS_shmat, NONE),
        ("mq_open", SYS_mq_open, NONE),
        ("fchmod", SYS_fchmod, NONE),
        ("fchown", SYS_fchown, NONE),
        ("chmod", SYS_chmod, NONE),
        ("utimensat", SYS_utimensat, NONE),
        ("setxattr", SYS_setxattr, NONE),
        ("TIOCSTI", SYS_ioctl, libc::TIOCSTI),
        ("TIOCLINUX", SYS_ioctl, libc::TIOCLINUX),
        ("SHUT_RD", SYS_shutdown, command(libc::SHUT_RD)),
        ("SHUT_RDWR", SYS_shutdown, command(libc::SHUT_RDWR)),
        ("F_SETFL", SYS_fcntl, command(libc::F_SETFL)),
        ("F_SETOWN", SYS_fcntl, command(libc::F_SETOWN)),
        ("F_SETOWN_EX", SYS_fcntl, command(F_SETOWN_EX)),
        ("F_SETSIG", SYS_fcntl, command(F_SETSIG)),
        ("prlimit64", SYS_prlimit64, NONE),
    ]
}

/// Calls that the kernel refuses to some processes in any case: of another user, or in a container.
const OF_ROOT: &[Attempt] = &[
    ("x32 getpid", X32_BIT + SYS_getpid, NONE),
    ("x32 execve", X32_EXECVE, NONE),
    ("ptrace", SYS_ptrace, NONE),
    ("process_vm_readv", SYS_process_vm_readv, NONE),
    ("process_vm_writev", SYS_process_vm_writev, NONE),
    ("pidfd_getfd", SYS_pidfd_getfd, NONE),
    ("setuid", SYS_setuid, NONE),
    ("setgroups", SYS_setgroups, NONE),
    ("capset", SYS_capset, NONE),
    ("chroot", SYS_chroot, NONE),
    ("pivot_root", SYS_pivot_root, NONE),
    ("mount", SYS_mount, NONE),
    ("open_by_handle_at", SYS_open_by_handle_at, NONE),
    ("unshare", SYS_unshare, NONE),
    ("setns", SYS_setns, NONE),
    ("bpf", SYS_bpf, NONE),
    ("perf_event_open", SYS_perf_event_open, NONE),
    ("userfaultfd", SYS_userfaultfd, NONE),
    ("keyctl", SYS_keyctl, NONE),
    ("reboot", SYS_reboot, NONE),
    ("swapoff", SYS_swapoff, NONE),
    ("sethostname", SYS_sethostname, NONE),
    ("settimeofday", SYS_settimeofday, NONE),
    ("iopl", SYS_iopl, NONE),
    ("ioperm", SYS_ioperm, NONE),
];

const RINGS: &[Attempt] = &[
    ("io_uring_setup", SYS_io_uring_setup, NONE),
    ("io_uring_enter", SYS_io_uring_enter, NONE),
    ("io_uring_register", SYS_io_uring_register, NONE),
];

/// Without CLONE_THREAD a process would be made, and each of these makes a namespace.
const NAMESPACES: [c_int; 7] = [
    libc::CLONE_NEWNS,
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
];

fn make(attached: &Attached, (_, number, second): Attempt) -> i64 {
    attached.call(number, [NONE, second, NONE, NONE, NONE, NONE])
}

fn clone(attached: &Attached, flags: c_int) -> i64 {
    let flags = u64::from(flags.cast_unsigned());
    attached.call(SYS_clone, [flags, 0, 0, 0, 0, 0])
}

fn no_call_of_the_table_passes_the_filter(model: &str) {
    let server = Server::start(model, &["--sandbox", "--workers", "1"]);
    with_the_serving_process(&server, |pid| {
        let Some(attached) = Attached::to(pid) else {
            return;
        };
        let (forks, rings) = (first_word(model) == "fork", first_word(model) == "uring");
        let table = of_any_process().into_iter().chain(OF_ROOT.iter().copied());
        for attempt in table {
            assert_eq!(make(&attached, attempt), EPERM, "{model}: {}", attempt.0);
        }
        for &attempt in RINGS {
            let is_refused = make(&attached, attempt) == EPERM;
            // The kernel may refuse a new ring to all processes.
            if attempt.1 != SYS_io_uring_setup || !rings {
                assert_eq!(is_refused, !rings, "{model}: {}", attempt.0);
            }
        }
        // No such thread can be made, so without the filter these fail as well, with EINVAL.
        for flag in NAMESPACES {
            assert_eq!(clone(&attached, libc::CLONE_THREAD | flag), EPERM, "{flag}");
        }
        let process = clone(&attached, libc::CLONE_SIGHAND);
        assert_eq!(process, if forks { EINVAL } else { EPERM }, "{model}");
        if !forks {
            for (name, number) in [("fork", SYS_fork), ("vfork", SYS_vfork)] {
                assert_eq!(attached.call(number, [0; 6]), EPERM, "{model}: {name}");
            }
        }
        let arguments = [NONE; 6];
        assert_eq!(attached.call(SYS_clone3, arguments), ENOSYS, "{model}");
        // What a server needs is not refused.
        let shut = ("SHUT_WR", SYS_shutdown, libc::SHUT_WR as u64);
        assert_eq!(make(&attached, shut), EBADF, "{model}");
        assert_eq!(clone(&attached, libc::CLONE_THREAD), EINVAL, "{model}");
    });
    assert_eq!(ask(&server, "/").status(), 200);
}

/// It is the filter that refuses these calls: without it the kernel has another error for each.
#[test]
fn without_the_filter_the_same_calls_have_other_errors() {
    if status(std::process::id().cast_signed(), "Seccomp") != "0" {
        eprintln!("skipped: a filter is on already, as in most containers");
        return;
    }
    let server = Server::start("prefork", &["--workers", "1"]);
    with_the_serving_process(&server, |pid| {
        let Some(attached) = Attached::to(pid) else {
            return;
        };
        for attempt in of_any_process() {
            assert_ne!(make(&attached, attempt), EPERM, "{}", attempt.0);
        }
        assert_ne!(attached.call(SYS_clone3, [NONE; 6]), ENOSYS);
        assert_eq!(clone(&attached, libc::CLONE_SIGHAND), EINVAL);
        for flag in NAMESPACES {
            assert_eq!(clone(&attached, libc::CLONE_THREAD | flag), EINVAL);
        }
    });
    assert_eq!(ask(&server, "/").status(), 200);
}

/// A process in the sandbox reaches neither its master nor its siblings.
#[test]
fn no_signal_leaves_the_sandbox() {
    for model in ["prefork", "worker", "event"] {
        for sandbox in [&[][..], &["--sandbox"]] {
            let options = [&["--workers", "2"], sandbox].concat();
            let server = Server::start(model, &options);
            wait_for("two workers", || server.children().len() == 2);
            with_the_serving_process(&server, |pid| {
                if server.said().contains("signals to other processes") {
                    eprintln!("skipped: the Landlock of this kernel is too old");
                    return;
                }
                let children = server.children();
                let sibling = children.iter().find(|it| it.pid != pid).unwrap().pid;
                let Some(attached) = Attached::to(pid) else {
                    return;
                };
                for other in [sibling, server.pid()] {
                    let other = u64::from(other.cast_unsigned());
                    let sent = attached.call(SYS_kill, [other, 0, 0, 0, 0, 0]);
                    let expected = if sandbox.is_empty() { 0 } else { EPERM };
                    assert_eq!(sent, expected, "{model} {sandbox:?}");
                }
            });
        }
    }
}

/// A process that has changed its user may not be traced by another one of that user.
#[test]
fn no_worker_of_another_user_can_read_its_sibling() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    for (user, expected) in [(&[][..], 8), (&["--user", "nobody"], EPERM)] {
        let options = [&["--workers", "2"], user].concat();
        let server = Server::start("prefork", &options);
        wait_for("two workers", || server.children().len() == 2);
        with_the_serving_process(&server, |pid| {
            let children = server.children();
            let sibling = children.iter().find(|it| it.pid != pid).unwrap().pid;
            wait_for("the sibling has its user", || {
                status(sibling, "NoNewPrivs") == "1"
            });
            let Some(attached) = Attached::to(pid) else {
                return;
            };
            // The first mapping of the program, which is the same in both.
            let maps = fs::read_to_string(format!("/proc/{sibling}/maps")).unwrap();
            let start = maps.split('-').next().unwrap();
            let start = u64::from_str_radix(start, 16).unwrap();
            // Two ranges of memory, each an address and a length: to where, and from where.
            let room = attached.put(&[0, 8, start, 8, 0]);
            let ranges = attached.put(&[room + 32, 8, start, 8, 0]);
            let sibling = u64::from(sibling.cast_unsigned());
            let read = attached.call(
                SYS_process_vm_readv,
                [sibling, ranges, 1, ranges + 16, 1, 0],
            );
            assert_eq!(read, expected, "{user:?}");
        });
    }
}
