//! Verbs: the system calls that a worker in a sandbox cannot make (`seccomp(2)`).

use std::collections::BTreeMap;
use std::env::consts::ARCH;
use std::error::Error;

use libc::{c_int, c_long};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, sock_filter,
};

/// System calls that serve no request, each with the use that an attacker in control of a worker
/// would have for it. They fail with EPERM.
///
/// The table names what is forbidden, not what is allowed: it is shorter, and the next version of a
/// library does not break it. The price is that a call which is missing here is allowed.
// ANCHOR: forbidden
#[rustfmt::skip]
const FORBIDDEN: &[(&str, &[c_long])] = &[
    ("to run another program", &[
        libc::SYS_execve, libc::SYS_execveat,
    ]),
    ("to reach other machines, or open a port", &[
        libc::SYS_socket, libc::SYS_connect, libc::SYS_bind,
    ]),
    ("to change the listener, which all workers share", &[
        libc::SYS_listen, libc::SYS_setsockopt,
    ]),
    ("to read other processes, with their keys and clients", &[
        libc::SYS_ptrace, libc::SYS_process_vm_readv,
        libc::SYS_process_vm_writev, libc::SYS_pidfd_getfd,
    ]),
    ("to hold other processes up", &[
        libc::SYS_setpriority, libc::SYS_ioprio_set,
        libc::SYS_sched_setaffinity, libc::SYS_sched_setattr,
        libc::SYS_sched_setparam, libc::SYS_sched_setscheduler,
    ]),
    ("to get at memory and queues that other processes share", &[
        libc::SYS_shmget, libc::SYS_shmat, libc::SYS_shmctl,
        libc::SYS_semget, libc::SYS_semop, libc::SYS_semtimedop,
        libc::SYS_semctl, libc::SYS_msgget, libc::SYS_msgsnd,
        libc::SYS_msgrcv, libc::SYS_msgctl, libc::SYS_mq_open,
        libc::SYS_mq_unlink,
    ]),
    ("to become another user", &[
        libc::SYS_setuid, libc::SYS_setgid, libc::SYS_setresuid,
        libc::SYS_setresgid, libc::SYS_setreuid, libc::SYS_setregid,
        libc::SYS_setfsuid, libc::SYS_setfsgid, libc::SYS_setgroups,
        libc::SYS_capset,
    ]),
    // Landlock restricts what is in a file, not its attributes.
    ("to change whose a file is, who may use it, how old it is", &[
        libc::SYS_fchmod, libc::SYS_fchmodat, libc::SYS_fchmodat2,
        libc::SYS_fchown, libc::SYS_fchownat, libc::SYS_utimensat,
        libc::SYS_setxattr, libc::SYS_lsetxattr, libc::SYS_fsetxattr,
        libc::SYS_removexattr, libc::SYS_lremovexattr,
        libc::SYS_fremovexattr, SETXATTRAT, REMOVEXATTRAT, FILE_SETATTR,
    ]),
    #[cfg(target_arch = "x86_64")]
    ("the same by the names of old", &[
        libc::SYS_chmod, libc::SYS_chown, libc::SYS_lchown,
        libc::SYS_utime, libc::SYS_utimes, libc::SYS_futimesat,
    ]),
    ("to change what the file system looks like", &[
        libc::SYS_chroot, libc::SYS_pivot_root, libc::SYS_mount,
        libc::SYS_umount2, libc::SYS_fsopen, libc::SYS_fspick,
        libc::SYS_fsconfig, libc::SYS_fsmount, libc::SYS_open_tree,
        OPEN_TREE_ATTR, libc::SYS_move_mount, libc::SYS_mount_setattr,
        libc::SYS_open_by_handle_at,
    ]),
    ("to move to a world where one is root, or to another one", &[
        libc::SYS_unshare, libc::SYS_setns,
    ]),
    ("to look for a hole in the kernel where few have looked", &[
        libc::SYS_bpf, libc::SYS_perf_event_open, libc::SYS_userfaultfd,
        libc::SYS_keyctl, libc::SYS_add_key, libc::SYS_request_key,
        libc::SYS_init_module, libc::SYS_finit_module,
        libc::SYS_delete_module, libc::SYS_kexec_load,
        libc::SYS_kexec_file_load,
    ]),
    ("to change the machine, or stop it", &[
        libc::SYS_reboot, libc::SYS_swapon, libc::SYS_swapoff,
        libc::SYS_sethostname, libc::SYS_setdomainname, libc::SYS_acct,
        libc::SYS_settimeofday, libc::SYS_clock_settime,
        libc::SYS_adjtimex, libc::SYS_clock_adjtime,
    ]),
    #[cfg(target_arch = "x86_64")]
    ("to talk to its devices", &[libc::SYS_iopl, libc::SYS_ioperm]),
];

/// An io_uring works without further system calls, so that it would get
/// around the table.
const URING: &[c_long] = &[
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
];
// ANCHOR_END: forbidden

/// Calls that the C library's list does not have yet. New calls have the same number on every
/// architecture (`arch/*/syscalls/*.tbl` in the kernel).
const SETXATTRAT: c_long = 463;
const REMOVEXATTRAT: c_long = 466;
const OPEN_TREE_ATTR: c_long = 467;
const FILE_SETATTR: c_long = 469;

/// Each makes a process, whatever its arguments are.
#[cfg(target_arch = "x86_64")]
const FORKS: &[c_long] = &[libc::SYS_fork, libc::SYS_vfork];
#[cfg(not(target_arch = "x86_64"))]
const FORKS: &[c_long] = &[];

/// Commands of `fcntl(2)` that the C library's crate does not name.
const F_SETOWN_EX: c_int = 15;
const F_SETSIG: c_int = 10;

/// The flags with which `clone(2)` makes a namespace, in one of which the new process is root.
const NAMESPACES: [c_int; 7] = [
    libc::CLONE_NEWNS,
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
];

/// For each call the conditions under which it is refused; none means always.
type Rules = BTreeMap<c_long, Vec<SeccompRule>>;

/// Refuses the system calls of the table to the calling thread and to those that it starts.
// ANCHOR: bound_calls
pub(super) fn bound(uring: bool, forks: bool) -> Result<(), Box<dyn Error>> {
    let calls = FORBIDDEN.iter().flat_map(|(_, calls)| *calls);
    let rings = URING.iter().filter(|_| !uring);
    let always = |&call| (call, Vec::new());
    let mut rules: Rules = calls.chain(rings).map(always).collect();
    // Calls that a server needs as well are refused by their arguments: a
    // new process in a new namespace, and limits of another process.
    let mut clones = namespaces()?;
    if !forks {
        // Threads only. A process would outlive the worker, and hold the
        // port when the server has stopped.
        let thread = u64::from(libc::CLONE_THREAD.cast_unsigned());
        let lacks = SeccompCmpOp::MaskedEq(thread);
        clones.push(argument(0, lacks, 0)?);
        rules.extend(FORKS.iter().map(always));
    }
    rules.insert(libc::SYS_clone, clones);
    // The listener belongs to all workers: whether accept waits, and which
    // process gets a signal when a connection comes.
    let shared = [libc::F_SETFL, libc::F_SETOWN, F_SETOWN_EX, F_SETSIG];
    rules.insert(libc::SYS_fcntl, any_of(1, shared.map(|it| it as u64))?);
    let others = argument(0, SeccompCmpOp::Ne, 0)?;
    rules.insert(libc::SYS_prlimit64, vec![others]);
    // Input for a terminal: its shell would run it, with its own user's
    // privileges.
    let input = [libc::TIOCSTI, libc::TIOCLINUX];
    rules.insert(libc::SYS_ioctl, any_of(1, input)?);
    // SHUT_RD ends a listener, for all workers that share it.
    let receiving = argument(1, SeccompCmpOp::Ne, libc::SHUT_WR as u64)?;
    rules.insert(libc::SYS_shutdown, vec![receiving]);
    refuse(rules, libc::EPERM)?;
    refuse_x32()?;
    // The arguments of clone3 are in memory, which a filter cannot read.
    // After ENOSYS the C library uses clone.
    refuse(Rules::from([always(&libc::SYS_clone3)]), libc::ENOSYS)
}

fn refuse(rules: Rules, error: c_int) -> Result<(), Box<dyn Error>> {
    let refuse = SeccompAction::Errno(error as u32);
    let others = SeccompAction::Allow;
    let machine = ARCH.try_into()?;
    let filter = SeccompFilter::new(rules, others, refuse, machine)?;
    let program: BpfProgram = filter.try_into()?;
    Ok(seccompiler::apply_filter(&program)?)
}
// ANCHOR_END: bound_calls

/// One rule for each flag: any of them is refused.
fn namespaces() -> Result<Vec<SeccompRule>, seccompiler::BackendError> {
    let has = |&flag: &c_int| {
        let flag = u64::from(flag.cast_unsigned());
        argument(0, SeccompCmpOp::MaskedEq(flag), flag)
    };
    NAMESPACES.iter().map(has).collect()
}

/// On x86-64 each call has a second number, for programs with 32-bit pointers (x32): the first with
/// this bit. The kernel may not support them, but a table of numbers must not depend on that.
fn refuse_x32() -> Result<(), Box<dyn Error>> {
    if cfg!(target_arch = "x86_64") {
        const X32_BIT: u32 = 0x4000_0000;
        let word = |code: u32, jt, jf, k| sock_filter {
            code: code as u16,
            jt,
            jf,
            k,
        };
        let refuse = libc::SECCOMP_RET_ERRNO | libc::EPERM as u32;
        // The number is the first word of the data that a filter sees.
        let program = [
            word(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
            word(libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K, 0, 1, X32_BIT),
            word(libc::BPF_RET | libc::BPF_K, 0, 0, refuse),
            word(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
        ];
        seccompiler::apply_filter(&program)?;
    }
    Ok(())
}

/// One rule for each value of an argument: any of them is refused.
fn any_of<const N: usize>(
    index: u8,
    values: [u64; N],
) -> Result<Vec<SeccompRule>, seccompiler::BackendError> {
    let is = |value| argument(index, SeccompCmpOp::Eq, value);
    values.into_iter().map(is).collect()
}

/// Compares the low 32 bits of an argument with `value`: the kernel uses no more of it.
fn argument(
    index: u8,
    how: SeccompCmpOp,
    value: u64,
) -> Result<SeccompRule, seccompiler::BackendError> {
    let condition = SeccompCondition::new(index, SeccompCmpArgLen::Dword, how, value)?;
    SeccompRule::new(vec![condition])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_call_is_in_the_table_twice() {
        let rows = FORBIDDEN.iter().flat_map(|(_, calls)| *calls);
        let mut calls: Vec<_> = rows.chain(URING).collect();
        let count = calls.len();
        calls.sort_unstable();
        calls.dedup();
        assert_eq!(calls.len(), count);
    }
}
