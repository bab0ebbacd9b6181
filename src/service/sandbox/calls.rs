//! Verbs: which system calls somebody in a sandbox cannot make (`seccomp(2)`).

use std::collections::BTreeMap;
use std::env::consts::ARCH;
use std::error::Error;

use libc::{c_int, c_long};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule,
};

/// System calls that serve no request, and what somebody who has taken over a worker would want
/// them for. They fail with EPERM.
///
/// It names what is forbidden, not what is allowed: shorter, and it does not break with the next
/// version of a library. The price is that a call which nobody has thought of is allowed.
// ANCHOR: forbidden
#[rustfmt::skip]
const FORBIDDEN: &[(&str, &[c_long])] = &[
    ("to run another program", &[
        libc::SYS_execve, libc::SYS_execveat,
    ]),
    ("to reach other machines, or open a port", &[
        libc::SYS_socket, libc::SYS_connect, libc::SYS_bind,
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
    ("to become somebody else", &[
        libc::SYS_setuid, libc::SYS_setgid, libc::SYS_setresuid,
        libc::SYS_setresgid, libc::SYS_setreuid, libc::SYS_setregid,
        libc::SYS_setfsuid, libc::SYS_setfsgid, libc::SYS_setgroups,
        libc::SYS_capset,
    ]),
    // Landlock knows what is in a file, not what is said of it.
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

/// An io_uring does what it is asked to without making system calls, so
/// that it would go around the table.
const URING: &[c_long] = &[
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
];
// ANCHOR_END: forbidden

/// These are younger than the list of the C library; new calls have the same number on every
/// machine (`arch/*/syscalls/*.tbl` in the kernel).
const SETXATTRAT: c_long = 463;
const REMOVEXATTRAT: c_long = 466;
const OPEN_TREE_ATTR: c_long = 467;
const FILE_SETATTR: c_long = 469;

/// What `clone(2)` can make besides a process or a thread: a world of its own for it, in which it
/// is root.
const WORLDS: [c_int; 7] = [
    libc::CLONE_NEWNS,
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
];

/// For each call, when it is refused: always, if there are no rules.
type Rules = BTreeMap<c_long, Vec<SeccompRule>>;

/// Refuses the system calls of the table, to the calling thread and to all that come after it.
// ANCHOR: bound_calls
pub(super) fn bound(leave_uring: bool) -> Result<(), Box<dyn Error>> {
    let calls = FORBIDDEN.iter().flat_map(|(_, calls)| *calls);
    let uring = URING.iter().filter(|_| !leave_uring);
    let always = |&call| (call, Vec::new());
    let mut rules: Rules = calls.chain(uring).map(always).collect();
    // What a server needs as well is refused by its arguments: a new
    // process in a new world, and limits of a process other than oneself.
    rules.insert(libc::SYS_clone, worlds()?);
    let others = first_argument(SeccompCmpOp::Ne, 0)?;
    rules.insert(libc::SYS_prlimit64, vec![others]);
    refuse(rules, libc::EPERM)?;
    // The arguments of clone3 are in memory, where a filter cannot look.
    // Where it does not exist the C library takes clone.
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

/// A rule for each of the flags: any one of them is too many.
fn worlds() -> Result<Vec<SeccompRule>, seccompiler::BackendError> {
    let has = |&flag: &c_int| {
        let flag = u64::from(flag.cast_unsigned());
        first_argument(SeccompCmpOp::MaskedEq(flag), flag)
    };
    WORLDS.iter().map(has).collect()
}

/// The first argument, of which the kernel looks at 32 bits, compared with `value`.
fn first_argument(how: SeccompCmpOp, value: u64) -> Result<SeccompRule, seccompiler::BackendError> {
    let condition = SeccompCondition::new(0, SeccompCmpArgLen::Dword, how, value)?;
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
