//! Descriptors that this process was started with, and those that it leaves to a successor.

use std::io;
use std::net::TcpListener;
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::sys::socket::{getsockopt, sockopt};
use nix::sys::stat::fstat;

/// What kind of file a descriptor refers to: the number is that of `/proc/PID/fd` in
/// `socket:[NUMBER]`. Nothing if there is no such descriptor.
pub fn inode(descriptor: RawFd) -> Option<u64> {
    if descriptor < 0 {
        return None;
    }
    // SAFETY: it is not -1, and it is borrowed for a call that copes with a closed one (EBADF).
    let borrowed = unsafe { BorrowedFd::borrow_raw(descriptor) };
    fstat(borrowed).ok().map(|status| status.st_ino)
}

/// Takes over a descriptor that whoever started this process has left open for it, and makes it
/// close-on-exec again. To be called at most once for each descriptor.
///
/// # Errors
/// It is not open.
pub fn take(descriptor: RawFd) -> io::Result<OwnedFd> {
    if inode(descriptor).is_none() {
        return Err(complain(descriptor, "is not open"));
    }
    // SAFETY: it is open, as the line above has seen. Nobody else in this process owns it: it was
    // open before the process began, its number came from the environment, and the caller takes
    // each number once.
    let owned = unsafe { OwnedFd::from_raw_fd(descriptor) };
    fcntl(&owned, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
    Ok(owned)
}

/// [`take`] for a listening socket.
///
/// # Errors
/// It is none.
pub fn adopt(descriptor: RawFd) -> io::Result<TcpListener> {
    let owned = take(descriptor)?;
    if !matches!(getsockopt(&owned, sockopt::AcceptConn), Ok(true)) {
        return Err(complain(descriptor, "is no listening socket"));
    }
    Ok(TcpListener::from(owned))
}

fn complain(descriptor: RawFd, why: &str) -> io::Error {
    let text = format!("descriptor {descriptor}, which was handed over, {why}");
    io::Error::new(io::ErrorKind::InvalidInput, text)
}

/// Lets the program that `command` starts inherit these descriptors, under the same numbers.
pub fn hand_over(command: &mut Command, descriptors: Vec<RawFd>) -> &mut Command {
    let keep_open = move || {
        for &descriptor in &descriptors {
            // SAFETY: the descriptor was open when this process forked, and nothing has been
            // closed between that and exec.
            let borrowed = unsafe { BorrowedFd::borrow_raw(descriptor) };
            fcntl(borrowed, FcntlArg::F_SETFD(FdFlag::empty()))?;
        }
        Ok(())
    };
    // SAFETY: between fork and exec the closure makes system calls on values that it owns and
    // nothing else: it neither allocates nor locks, as pre_exec requires.
    unsafe { command.pre_exec(keep_open) }
}
