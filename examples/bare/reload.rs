//! Reload: a pre-forked server with a configuration, which SIGHUP reloads in the wrong order. The
//! third argument names the file.

use std::net::TcpListener;
use std::os::fd::AsFd;
use std::{env, fs, io};

use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, fork};

use crate::common::{listen, serve};

// ANCHOR: run
pub(crate) fn run() -> io::Result<()> {
    let listener = listen()?;
    listener.set_nonblocking(true)?;
    // From here on SIGHUP stays pending until the master asks for it.
    let hup = SigSet::from(Signal::SIGHUP);
    hup.thread_block()?;
    loop {
        let mut workers = Vec::new();
        for _ in 0..configured()? {
            // SAFETY: this process has one thread.
            match unsafe { fork() }? {
                ForkResult::Child => return work(&listener),
                ForkResult::Parent { child } => workers.push(child),
            }
        }
        hup.wait()?;
        for worker in workers {
            kill(worker, Signal::SIGTERM)?;
            waitpid(worker, None)?;
        }
    }
}
// ANCHOR_END: run

// ANCHOR: parts
/// The configuration: how many workers there are to be.
pub(crate) fn configured() -> io::Result<usize> {
    let file = env::args().nth(3);
    let text = fs::read_to_string(file.unwrap_or("workers.txt".to_owned()))?;
    text.trim().parse().map_err(io::Error::other)
}

/// SIGTERM ends a worker while it waits in `ppoll`. A client keeps its worker.
pub(crate) fn work(listener: &TcpListener) -> io::Result<()> {
    SigSet::from(Signal::SIGTERM).thread_block()?;
    let mut row = [PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
    loop {
        ppoll(&mut row, None, Some(SigSet::empty()))?;
        // Another worker may have been faster.
        if let Ok((client, _)) = listener.accept() {
            serve(client);
        }
    }
}
// ANCHOR_END: parts
