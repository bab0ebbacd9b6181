//! A child process that cannot outlive the process that started it.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::sched::{CpuSet, sched_setaffinity};
use nix::sys::signal::SigSet;
use nix::unistd::{Pid, getpid};

use super::process::tie_to;

/// Prepares `command` so that the child leads a process group of its own, runs on `cpus` only
/// (all of the caller's when empty), starts with no signal blocked, and is killed when the thread
/// that spawns it ends, however that happens.
///
/// # Errors
/// A processor number beyond what `cpu_set_t` can hold. What fails in the child comes out of
/// `spawn`.
pub fn guard<'a>(command: &'a mut Command, cpus: &[usize]) -> io::Result<&'a mut Command> {
    let parent = getpid();
    let affinity = cpu_set(cpus)?;
    command.process_group(0);
    // SAFETY: between fork and exec the closure makes system calls on values it owns and nothing
    // else: it neither allocates nor locks, so it is async-signal-safe, as pre_exec requires.
    Ok(unsafe { command.pre_exec(move || prepare_child(parent, affinity.as_ref())) })
}

/// `None` where no processor is named.
fn cpu_set(cpus: &[usize]) -> io::Result<Option<CpuSet>> {
    if cpus.is_empty() {
        return Ok(None);
    }
    let mut set = CpuSet::new();
    for &cpu in cpus {
        set.set(cpu)?;
    }
    Ok(Some(set))
}

/// Runs in the child, before exec.
fn prepare_child(parent: Pid, affinity: Option<&CpuSet>) -> io::Result<()> {
    tie_to(parent)?;
    if let Some(set) = affinity {
        sched_setaffinity(Pid::from_raw(0), set)?;
    }
    // The caller may have blocked the signals that it waits for; a blocked mask survives exec,
    // and a server that never sees SIGTERM never stops.
    Ok(SigSet::empty().thread_set_mask()?)
}
