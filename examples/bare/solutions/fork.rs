//! Children that have ended are reaped before the next client is accepted.

use std::io;
use std::process::exit;

use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};

use crate::common::{listen, serve};

// ANCHOR: run
pub(crate) fn run() -> io::Result<()> {
    let listener = listen()?;
    loop {
        let (client, _) = listener.accept()?;
        reap();
        // SAFETY: this process has one thread.
        match unsafe { fork() }? {
            ForkResult::Child => {
                drop(listener);
                serve(client);
                exit(0);
            }
            ForkResult::Parent { .. } => drop(client),
        }
    }
}

/// Until no child is left, or those that are left still run.
fn reap() {
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) | Err(_) => return,
            Ok(_) => {}
        }
    }
}
// ANCHOR_END: run
