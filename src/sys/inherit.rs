//! Descriptors that this process has inherited, and those that it leaves to a successor.

use std::ffi::{CStr, CString, OsString};
use std::io;
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl};
use nix::sys::signal::SigSet;
use nix::sys::socket::{SockType, getsockopt, sockopt};
use nix::sys::stat::fstat;
use nix::unistd::{ForkResult, Pid, pipe2};

use super::exit::leave;
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
/// under the same numbers. Returns at once: the kernel may take long to open the program, if it
/// lies on a file system that does not answer.
///
/// It is started by `execve(2)` and nothing else. An `execvp(3)` gives a file that is no program to
/// `/bin/sh`, which would run its lines.
///
/// # Errors
/// There are no descriptors or no process for it.
pub fn start(
    program: &Path,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    descriptors: &[RawFd],
) -> io::Result<(Pid, Exec)> {
    let path = CString::new(program.as_os_str().as_bytes())?;
    let arguments = c_strings(arguments)?;
    let environment = environment.into_iter().map(|(mut name, value)| {
        name.push("=");
        name.push(value);
        name
    });
    let environment = c_strings(environment.collect())?;
    let (failure, own_end) = pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)?;
    // SAFETY: between fork and exec the child makes system calls on values that were made before,
    // and neither allocates nor locks. It never returns from here.
    match unsafe { nix::unistd::fork() }? {
        ForkResult::Parent { child } => Ok((child, Exec { failure })),
        ForkResult::Child => {
            let error = execute(&path, &arguments, &environment, descriptors);
            let _ = nix::unistd::write(&own_end, &error.to_ne_bytes());
            leave(1)
        }
    }
}

/// Becomes the program. Returns only if that fails, with the error number.
fn execute(path: &CStr, arguments: &CStrings, environment: &CStrings, kept: &[RawFd]) -> i32 {
    oom::become_successor();
    for &descriptor in kept {
        // SAFETY: the descriptor was open when this process was forked, and nothing has been
        // closed since.
        let borrowed = unsafe { BorrowedFd::borrow_raw(descriptor) };
        if let Err(error) = fcntl(borrowed, FcntlArg::F_SETFD(FdFlag::empty())) {
            return error as i32;
        }
    }
    // A mask survives exec, and so does an ignored SIGPIPE, which a program does not expect.
    let _ = SigSet::empty().thread_set_mask();
    // SAFETY: the default action is no handler. Both arrays end with a null pointer, and their
    // strings live as long as they.
    unsafe {
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
        libc::execve(path.as_ptr(), arguments.as_ptr(), environment.as_ptr());
    }
    Errno::last_raw()
}

/// The end of a pipe whose other end the kernel closes when the program begins.
#[derive(Debug)]
pub struct Exec {
    failure: OwnedFd,
}

/// How far the start of a program is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExecState {
    /// The kernel has not begun to run it.
    Pending,
    /// It runs, or has run.
    Done,
    /// ENOENT, EACCES; ENOEXEC, if it is no program.
    Failed(Errno),
}

impl Exec {
    /// How far it is. Never waits. After anything but `Pending` it is not to be asked again.
    pub fn state(&self) -> ExecState {
        let mut number = [0; size_of::<i32>()];
        match nix::unistd::read(&self.failure, &mut number) {
            Err(Errno::EAGAIN | Errno::EINTR) => ExecState::Pending,
            Ok(count) if count == number.len() => {
                ExecState::Failed(Errno::from_raw(i32::from_ne_bytes(number)))
            }
            _ => ExecState::Done,
        }
    }
}

/// Strings, and an array of pointers to them that ends with a null pointer.
struct CStrings {
    _strings: Vec<CString>,
    pointers: Vec<*const libc::c_char>,
}

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
