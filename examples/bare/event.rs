//! Event: two processes, each with a loop of its own.

use std::io;

use nix::sys::epoll::EpollFlags;
use nix::sys::wait::wait;
use nix::unistd::{ForkResult, fork};

use crate::common::listen;
use crate::epoll::serve_all;

// ANCHOR: run
pub(crate) fn run() -> io::Result<()> {
    let listener = listen()?;
    // A connection wakes both, and one of them comes too late.
    listener.set_nonblocking(true)?;
    for _ in 0..2 {
        // SAFETY: this process has one thread.
        if let ForkResult::Child = unsafe { fork() }? {
            return serve_all(&listener, EpollFlags::EPOLLIN);
        }
    }
    while wait().is_ok() {}
    Ok(())
}
// ANCHOR_END: run
