//! Descriptors that this process has inherited, and those that it leaves to a successor.

use std::ffi::{CString, OsString};
use std::io;
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command};

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::sys::socket::{SockType, getsockopt, sockopt};
use nix::sys::stat::fstat;

use super::{net, oom, private};

/// The inode of the file that a descriptor refers to; for a socket, the number of
/// `socket:[NUMBER]` in `/proc/PID/fd`. `None` if there is no such descriptor.
pub fn inode(descriptor: RawFd) -> Option<u64> {
    if descriptor < 0 {
        return None;
    }
    // SAFETY: it is not -1, and it is borrowed for a call that reports a closed one (EBADF).
    let borrowed = unsafe { BorrowedFd::borrow_raw(descriptor) };
    fstat(borrowed).ok().map(|status| status.st_ino)
}

/// Takes over a descriptor that the process which started this one has left open for it, and makes
/// it close-on-exec again. To be called at most once for each descriptor.
///
/// # Errors
/// It is not open.
pub fn take(descriptor: RawFd) -> io::Result<OwnedFd> {
    if inode(descriptor).is_none() {
        return Err(complain(descriptor, "is not open"));
    }
    // SAFETY: it is open, as checked above. Nothing else in this process owns it: it was open
    // before the process began, its number came from the environment, and the caller takes each
    // number once.
    let owned = unsafe { OwnedFd::from_raw_fd(descriptor) };
    fcntl(&owned, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
    private::keep(descriptor);
    Ok(owned)
}

/// [`take`] for a listening socket. To be called before this process opens a listening socket
/// itself, so that a wrong number in the environment cannot mean that one.
///
/// # Errors
/// It is neither a TCP socket that listens nor a Unix socket with a path. Then another part of this
/// process may own it, so it is left open and unchanged.
pub fn adopt(descriptor: RawFd) -> io::Result<OwnedFd> {
    if inode(descriptor).is_none() {
        return Err(complain(descriptor, "is not open"));
    }
    // SAFETY: it is open, as checked above, and borrowed for the next few lines only.
    let borrowed = unsafe { BorrowedFd::borrow_raw(descriptor) };
    if !is_stream(borrowed) {
        return Err(complain(descriptor, "is no TCP or Unix stream socket"));
    }
    if !matches!(getsockopt(&borrowed, sockopt::AcceptConn), Ok(true)) {
        return Err(complain(descriptor, "does not listen"));
    }
    take(descriptor)
}

fn complain(descriptor: RawFd, why: &str) -> io::Error {
    let text = format!("descriptor {descriptor}, which was handed over, {why}");
    io::Error::new(io::ErrorKind::InvalidInput, text)
}

fn is_stream(descriptor: BorrowedFd<'_>) -> bool {
    let kind = getsockopt(&descriptor, sockopt::SockType);
    net::local_address(&descriptor).is_some() && matches!(kind, Ok(SockType::Stream))
}

/// Starts `program` with these arguments and this environment, and lets it inherit the descriptors,
/// under the same numbers.
///
/// It is started by `execve(2)` and nothing else. The `execvp(3)` of [`Command`] gives a file that
/// is no program to `/bin/sh`, which would run its lines.
///
/// # Errors
/// ENOENT, EACCES; ENOEXEC, if it is no program.
pub fn start(
    program: &Path,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    descriptors: Vec<RawFd>,
) -> io::Result<Child> {
    let path = CString::new(program.as_os_str().as_bytes())?;
    let arguments = c_strings(arguments)?;
    let environment = environment.into_iter().map(|(mut name, value)| {
        name.push("=");
        name.push(value);
        name
    });
    let environment = c_strings(environment.collect())?;
    let execute = move || {
        oom::become_successor();
        for &descriptor in &descriptors {
            // SAFETY: the descriptor was open when this process forked, and nothing has been
            // closed between that and exec.
            let borrowed = unsafe { BorrowedFd::borrow_raw(descriptor) };
            fcntl(borrowed, FcntlArg::F_SETFD(FdFlag::empty()))?;
        }
        // SAFETY: both arrays end with a null pointer, and their strings live in the closure.
        unsafe { libc::execve(path.as_ptr(), arguments.as_ptr(), environment.as_ptr()) };
        // It returns only if it fails.
        Err(io::Error::last_os_error())
    };
    let mut command = Command::new(program);
    // SAFETY: between fork and exec the closure makes system calls on values that it owns and
    // nothing else: it neither allocates nor locks, as pre_exec requires.
    unsafe { command.pre_exec(execute) }.spawn()
}

/// Strings, and an array of pointers to them that ends with a null pointer.
struct CStrings {
    _strings: Vec<CString>,
    pointers: Vec<*const libc::c_char>,
}

// SAFETY: the pointers are to memory that the strings own, and nothing writes to it.
unsafe impl Send for CStrings {}
// SAFETY: as above.
unsafe impl Sync for CStrings {}

impl CStrings {
    fn as_ptr(&self) -> *const *const libc::c_char {
        self.pointers.as_ptr()
    }
}

fn c_strings(strings: Vec<OsString>) -> io::Result<CStrings> {
    let strings = strings.into_iter().map(|it| CString::new(it.into_vec()));
    let strings = strings.collect::<Result<Vec<_>, _>>()?;
    let pointers = strings.iter().map(|it| it.as_ptr());
    let pointers = pointers.chain([std::ptr::null()]).collect();
    Ok(CStrings {
        _strings: strings,
        pointers,
    })
}
