//! SIGTERM to the master stops the pool. No worker is stopped while it serves a client.

use std::io;
use std::net::TcpListener;
use std::os::fd::AsFd;

use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::wait::wait;
use nix::unistd::{ForkResult, fork};

use crate::common::{listen, serve};

// ANCHOR: run
pub(crate) fn run() -> io::Result<()> {
    let listener = listen()?;
    listener.set_nonblocking(true)?;
    // From here on SIGTERM stays pending. The workers inherit that.
    let term = SigSet::from(Signal::SIGTERM);
    term.thread_block()?;
    let mut workers = Vec::new();
    for _ in 0..4 {
        // SAFETY: this process has one thread.
        match unsafe { fork() }? {
            ForkResult::Child => return work(&listener),
            ForkResult::Parent { child } => workers.push(child),
        }
    }
    term.wait()?;
    for worker in workers {
        kill(worker, Signal::SIGTERM)?;
    }
    // The master waits until no worker is left.
    while wait().is_ok() {}
    Ok(())
}

/// SIGTERM ends a worker while it waits in `ppoll`, and at no other place.
fn work(listener: &TcpListener) -> io::Result<()> {
    let mut row = [PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
    loop {
        ppoll(&mut row, None, Some(SigSet::empty()))?;
        // Another worker may have been faster.
        if let Ok((client, _)) = listener.accept() {
            serve(client);
        }
    }
}
// ANCHOR_END: run
