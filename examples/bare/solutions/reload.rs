//! First the configuration, then the new workers, then the end of the old ones.

use std::io;

use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::{ForkResult, Pid, fork};

use crate::common::listen;
use crate::reload::{configured, work};

// ANCHOR: run
pub(crate) fn run() -> io::Result<()> {
    let listener = listen()?;
    listener.set_nonblocking(true)?;
    // From here on SIGHUP stays pending until the master asks for it.
    let hup = SigSet::from(Signal::SIGHUP);
    hup.thread_block()?;
    let mut wanted = configured()?;
    let mut old = Vec::new();
    loop {
        let mut workers = Vec::new();
        for _ in 0..wanted {
            // SAFETY: this process has one thread.
            match unsafe { fork() }? {
                ForkResult::Child => return work(&listener),
                ForkResult::Parent { child } => workers.push(child),
            }
        }
        // Not those that have ended: their numbers may be others' by now.
        reap(&mut old);
        for worker in old {
            kill(worker, Signal::SIGTERM)?;
        }
        old = workers;
        wanted = loop {
            hup.wait()?;
            match configured() {
                Ok(number) => break number,
                Err(error) => eprintln!("{error}; nothing has changed"),
            }
        };
    }
}

/// An old worker may serve its client for long. It is reaped at a later
/// reload.
fn reap(workers: &mut Vec<Pid>) {
    let any = Pid::from_raw(-1);
    while let Ok(ended) = waitpid(any, Some(WaitPidFlag::WNOHANG))
        && let Some(pid) = ended.pid()
    {
        workers.retain(|worker| *worker != pid);
    }
}
// ANCHOR_END: run
