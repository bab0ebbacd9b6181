//! A new connection wakes one of the two processes.

use std::io;

use nix::sys::epoll::EpollFlags;
use nix::sys::wait::wait;
use nix::unistd::{ForkResult, fork};

use crate::common::listen;
use crate::epoll::serve_all;

// ANCHOR: run
pub(crate) fn run() -> io::Result<()> {
    let listener = listen()?;
    // The wake-up of one may come while the other accepts.
    listener.set_nonblocking(true)?;
    for _ in 0..2 {
        // SAFETY: this process has one thread.
        if let ForkResult::Child = unsafe { fork() }? {
            let one = EpollFlags::EPOLLIN | EpollFlags::EPOLLEXCLUSIVE;
            return serve_all(&listener, one);
        }
    }
    while wait().is_ok() {}
    Ok(())
}
// ANCHOR_END: run
