//! The process that serves the status at an address of its own (`--status-bind`).
//!
//! It is a child of the main process, and has nothing to do with the workers: it answers when all
//! of them are busy, and a client that holds it up holds up neither a worker nor the master.

use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, setsid};

use crate::sys::exit::leave_after;
use crate::sys::process::{self, Fork};
use crate::sys::{oom, title};

/// Forks it. `serve` is its whole life, in the child; the error is a sentence for the log.
///
/// # Errors
/// EAGAIN, ENOMEM.
pub fn start(model: &str, serve: impl FnOnce() -> Result<(), String>) -> nix::Result<Pid> {
    match process::fork()? {
        Fork::Parent(pid) => Ok(pid),
        Fork::Child => leave_after(|| {
            // As a worker: it has clients, and needs no terminal.
            let _ = setsid();
            oom::expose_worker();
            title::set(&format!("servers: status of {model}"));
            match serve() {
                Ok(()) => 0,
                Err(why) => {
                    crate::log_error!("the process for --status-bind: {why}");
                    1
                }
            }
        }),
    }
}

/// Whether it has ended. Another part of this process may have reaped it first.
pub fn has_ended(pid: Pid) -> bool {
    !matches!(
        waitpid(pid, Some(WaitPidFlag::WNOHANG)),
        Ok(WaitStatus::StillAlive)
    )
}
