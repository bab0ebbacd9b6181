//! `--sandbox`: what a worker cannot do, even if a client makes its code do what it likes.
//!
//! Landlock is about *objects*: which files, which ports, which processes. Seccomp is about
//! *verbs*: which system calls. Neither needs root, neither can be undone, and both are passed on
//! to children and threads.

use std::env::consts::ARCH;
use std::error::Error;
use std::os::fd::OwnedFd;

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, PathBeneath, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};
use libc::c_long;
use nix::sys::prctl;
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};

/// System calls that serve no request, and what somebody who has taken over a worker would want
/// them for. They fail with EPERM.
///
/// It names what is forbidden, not what is allowed: shorter, and it does not break with the next
/// version of a library. The price is that a call which nobody has thought of is allowed.
// ANCHOR: forbidden
const FORBIDDEN: &[(&str, &[c_long])] = &[
    (
        "to run another program",
        &[libc::SYS_execve, libc::SYS_execveat],
    ),
    (
        "to reach other machines, or open a port",
        &[libc::SYS_socket, libc::SYS_connect, libc::SYS_bind],
    ),
    (
        "to read other processes, with their keys and clients",
        &[
            libc::SYS_ptrace,
            libc::SYS_process_vm_readv,
            libc::SYS_process_vm_writev,
            libc::SYS_pidfd_getfd,
        ],
    ),
    (
        "to become somebody else",
        &[
            libc::SYS_setuid,
            libc::SYS_setgid,
            libc::SYS_setresuid,
            libc::SYS_setresgid,
            libc::SYS_setreuid,
            libc::SYS_setregid,
            libc::SYS_setgroups,
            libc::SYS_capset,
        ],
    ),
    (
        "to change what the file system looks like",
        &[
            libc::SYS_chroot,
            libc::SYS_pivot_root,
            libc::SYS_mount,
            libc::SYS_umount2,
            libc::SYS_unshare,
            libc::SYS_setns,
        ],
    ),
    (
        "to look for a hole in the kernel where few have looked",
        &[
            libc::SYS_bpf,
            libc::SYS_perf_event_open,
            libc::SYS_userfaultfd,
            libc::SYS_keyctl,
            libc::SYS_add_key,
            libc::SYS_init_module,
            libc::SYS_finit_module,
            libc::SYS_kexec_load,
        ],
    ),
    ("to stop the machine", &[libc::SYS_reboot]),
];

/// An io_uring does what it is asked to without making system calls, so
/// that it would go around the table.
const URING: &[c_long] = &[
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
];
// ANCHOR_END: forbidden

/// What a sandbox leaves to whoever is in it.
pub struct Sandbox {
    /// The one directory below which files may be read.
    pub root: Option<OwnedFd>,
    /// Whether the model itself is made of io_uring.
    pub uring: bool,
}

impl Sandbox {
    /// Confines the calling thread, and all threads and children that it will have. For good.
    ///
    /// # Errors
    /// A sentence: this kernel cannot do it.
    pub fn enter(&self) -> Result<(), String> {
        forgo_privileges()?;
        self.bound_objects()
            .map_err(|error| format!("landlock: {error}"))?;
        self.bound_calls()
            .map_err(|error| format!("seccomp: {error}"))
    }

    /// Files below the root may be read. No other file, no port, no process outside of the sandbox
    /// can be reached (`landlock(7)`). What an older kernel does not know it does not bound; one
    /// that knows nothing of it is an error.
    // ANCHOR: bound_objects
    fn bound_objects(&self) -> Result<(), Box<dyn Error>> {
        // What was tested: Linux 6.12 and later.
        let abi = ABI::V6;
        let bounds = Ruleset::default()
            .handle_access(AccessFs::from_all(abi))?
            .handle_access(AccessNet::from_all(abi))?
            .scope(Scope::from_all(abi))?
            .create()?;
        let reading = AccessFs::ReadFile | AccessFs::ReadDir;
        let below = |root| PathBeneath::new(root, reading);
        let exception = self.root.as_ref().map(below);
        let exception = exception.map(Ok::<_, RulesetError>);
        let status = bounds.add_rules(exception)?.restrict_self()?;
        match status.ruleset {
            RulesetStatus::NotEnforced => Err("not in this kernel".into()),
            _ => Ok(()),
        }
    }
    // ANCHOR_END: bound_objects

    /// Refuses the system calls of the table (`seccomp(2)`).
    // ANCHOR: bound_calls
    fn bound_calls(&self) -> Result<(), Box<dyn Error>> {
        let calls = FORBIDDEN.iter().flat_map(|(_, calls)| *calls);
        let uring = URING.iter().filter(|_| !self.uring);
        let always = |&call| (call, Vec::new());
        let rules = calls.chain(uring).map(always).collect();
        let refuse = SeccompAction::Errno(libc::EPERM as u32);
        let others = SeccompAction::Allow;
        let machine = ARCH.try_into()?;
        let filter = SeccompFilter::new(rules, others, refuse, machine)?;
        let program: BpfProgram = filter.try_into()?;
        Ok(seccompiler::apply_filter(&program)?)
    }
    // ANCHOR_END: bound_calls
}

/// Whether this kernel has what a sandbox is made of, found out without entering one.
///
/// # Errors
/// A sentence: it has not.
pub fn is_supported() -> Result<(), String> {
    Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(ABI::V1))
        .and_then(Ruleset::create)
        .map(drop)
        .map_err(|_| "this kernel has no Landlock, or it is not enabled".to_owned())
}

/// From now on no program that this process or its children run gets more rights than they have,
/// be it set-user-ID root (`PR_SET_NO_NEW_PRIVS(2const)`).
///
/// # Errors
/// None that is known since Linux 3.5.
pub fn forgo_privileges() -> Result<(), String> {
    prctl::set_no_new_privs().map_err(|error| format!("no_new_privs: {}", error.desc()))
}

#[cfg(test)]
mod tests;
