//! Files to which all processes of a server append lines: the log and the access log.
//!
//! `logrotate(8)` renames such a file and sends SIGUSR1. The main process then opens the name anew.
//! Its workers could not: they have another user or are in a sandbox. So it leaves the new
//! descriptors in a mailbox, a channel whose one message the workers read without taking it out.
//!
//! ```text
//!   main process: open ▸ dup3 over the old descriptor ▸ send ──▶ [ log, access log ]   mailbox
//!                                  changes: 3 → 4                      │ peek
//!   each worker:  changes != seen? ▸ dup3 over the old descriptor ◀────┘
//! ```
//!
//! A process compares the two numbers before each line, and at each tick, so that a worker without
//! clients does not keep a deleted file on the disk. The number of a descriptor stays the same:
//! `dup3(2)` replaces it in one step, so a thread that writes meanwhile needs no lock.

mod mailbox;

use std::ffi::CString;
use std::io;
use std::os::fd::{IntoRawFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64};

use nix::errno::Errno;
use nix::sys::stat::{SFlag, fstat};

use self::mailbox::Mailbox;

/// One of the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFile {
    /// What the server has to say (`--log-file`).
    Log,
    /// A line for each request (`--access-log`).
    Access,
}

const COUNT: usize = 2;
const NONE: RawFd = -1;
/// A new file may be read by its owner and its group alone: the lines name clients.
const MODE: libc::c_uint = 0o640;

static FILES: [OpenFile; COUNT] = [const { OpenFile::closed() }; COUNT];
/// Empty until a file is opened by name.
static MAILBOX: OnceLock<Mailbox> = OnceLock::new();
/// The changes that this process has followed. A forked child inherits it with the descriptors.
static SEEN: AtomicU64 = AtomicU64::new(0);
/// A thread of this process takes descriptors out of the mailbox now.
static IS_TAKING: AtomicBool = AtomicBool::new(false);

struct OpenFile {
    descriptor: AtomicI32,
    /// Standard output may be a socket, of a service manager.
    is_socket: AtomicBool,
    /// To open it again by. Empty for standard output.
    path: OnceLock<CString>,
}

/// What opening the files anew came to: for each an error number, 0 if it is open, or nothing if it
/// has no name or was never opened.
pub type Reopened = [Option<i32>; COUNT];

impl LogFile {
    /// Both of them, in the order of [`Reopened`].
    pub const ALL: [Self; COUNT] = [Self::Log, Self::Access];

    /// Opens the file to append to it, and creates it if there is none. To be called once, before
    /// the first fork.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn open(self, path: &Path) -> io::Result<()> {
        let path = CString::new(path.as_os_str().as_bytes())?;
        let descriptor = open(&path);
        if descriptor < 0 {
            return Err(io::Error::last_os_error());
        }
        if MAILBOX.get().is_none() {
            let _ = MAILBOX.set(Mailbox::open()?);
        }
        let file = &FILES[self as usize];
        let _ = file.path.set(path);
        file.descriptor.store(descriptor, Relaxed);
        Ok(())
    }

    /// Takes standard output for the file. A pipe or a terminal is opened anew, because its reader
    /// must not hold up a server, and O_NONBLOCK belongs to the opening.
    ///
    /// # Errors
    /// It is closed, or a terminal of another user.
    pub fn open_stdout(self) -> io::Result<()> {
        let file = &FILES[self as usize];
        let stdout = io::stdout();
        let kind = SFlag::from_bits_truncate(fstat(&stdout)?.st_mode) & SFlag::S_IFMT;
        let is_socket = kind == SFlag::S_IFSOCK;
        let descriptor = match is_socket {
            true => nix::unistd::dup(&stdout)?.into_raw_fd(),
            false => open(c"/proc/self/fd/1"),
        };
        if descriptor < 0 {
            return Err(io::Error::last_os_error());
        }
        file.is_socket.store(is_socket, Relaxed);
        file.descriptor.store(descriptor, Relaxed);
        Ok(())
    }

    /// Whether this file is open.
    pub fn is_open(self) -> bool {
        FILES[self as usize].descriptor.load(Relaxed) != NONE
    }

    /// Its name. `None` for standard output and for a file that was never opened.
    pub fn name(self) -> Option<String> {
        let path = FILES[self as usize].path.get()?;
        Some(path.to_string_lossy().into_owned())
    }

    /// Appends a line in one system call. Lines of several processes do not mix: a file takes each
    /// write whole at its end (O_APPEND), and a pipe takes 4096 bytes whole. Never waits.
    ///
    /// # Errors
    /// The line is lost: EAGAIN if the reader of a pipe is late, ENOSPC if the disk is full.
    pub fn append(self, line: &[u8]) -> nix::Result<()> {
        follow();
        self.put(line)
    }

    /// [`LogFile::append`] for a signal handler, which only makes the system call.
    pub(super) fn put(self, line: &[u8]) -> nix::Result<()> {
        let file = &FILES[self as usize];
        let descriptor = file.descriptor.load(Relaxed);
        put(descriptor, file.is_socket.load(Relaxed), line)
    }
}

/// Writes a line to a descriptor, or a part of it to a full disk. A socket is told not to wait.
pub(super) fn put(descriptor: RawFd, is_socket: bool, line: &[u8]) -> nix::Result<()> {
    let (start, length) = (line.as_ptr().cast(), line.len());
    // SAFETY: the pointer and the length are those of one slice. Both calls may be made in a
    // signal handler, and errno, which they may change under interrupted code, is put back.
    unsafe {
        let errno = *libc::__errno_location();
        let sent = match is_socket {
            true => {
                let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
                libc::send(descriptor, start, length, flags)
            }
            false => libc::write(descriptor, start, length),
        };
        let error = *libc::__errno_location();
        *libc::__errno_location() = errno;
        match sent {
            ..0 => Err(Errno::from_raw(error)),
            _ => Ok(()),
        }
    }
}

/// Takes over what the main process has opened anew since this process looked last. Usually it
/// loads two numbers.
#[inline]
pub fn follow() {
    if let Some(mailbox) = MAILBOX.get()
        && mailbox.changes() != SEEN.load(Relaxed)
    {
        take(mailbox);
    }
}

/// Opens all files anew that have a name, for this process and for its children. A file that cannot
/// be opened stays as it is. May be called in a signal handler: it makes system calls and neither
/// allocates nor locks.
pub(super) fn reopen() -> Reopened {
    let reopened: Reopened = std::array::from_fn(|index| FILES[index].reopen());
    if reopened.contains(&Some(0))
        && let Some(mailbox) = MAILBOX.get()
    {
        deliver(mailbox);
    }
    reopened
}

/// Opens the files anew, for a master, and says what came of it in the log.
pub fn reopen_and_say() {
    for (file, outcome) in LogFile::ALL.into_iter().zip(reopen()) {
        let (Some(name), Some(error)) = (file.name(), outcome) else {
            continue;
        };
        match error {
            0 => crate::log!("SIGUSR1: {name} is opened anew"),
            _ => {
                let why = Errno::from_raw(error).desc().to_lowercase();
                crate::log_error!("SIGUSR1: cannot open {name}: {why}; the old file stays in use");
            }
        }
    }
    if MAILBOX.get().is_none() {
        crate::log!("SIGUSR1: there is no --log-file and no --access-log to open anew");
    }
}

/// The files that have a name, in the order of their descriptors in the mailbox.
fn named() -> impl Iterator<Item = &'static OpenFile> {
    FILES.iter().filter(|file| file.path.get().is_some())
}

/// Leaves the present descriptors in the mailbox, in place of older ones.
fn deliver(mailbox: &Mailbox) {
    let mut descriptors = [NONE; COUNT];
    let mut count = 0;
    for file in named() {
        descriptors[count] = file.descriptor.load(Relaxed);
        count += 1;
    }
    // This process has them already.
    SEEN.store(mailbox.deliver(&descriptors[..count]), Relaxed);
}

/// Takes over the descriptors that the main process has left.
#[cold]
fn take(mailbox: &Mailbox) {
    if IS_TAKING.swap(true, Acquire) {
        return;
    }
    let changes = mailbox.changes();
    let received = mailbox.peek();
    // None while the main process exchanges the message: the next look finds it.
    if received.len() == named().count() {
        for (file, descriptor) in named().zip(received) {
            file.replace(descriptor.into_raw_fd());
        }
        SEEN.store(changes, Relaxed);
    }
    IS_TAKING.store(false, Release);
}

fn open(path: &std::ffi::CStr) -> RawFd {
    // A named pipe without a reader is refused (ENXIO) instead of waited for.
    let flags = libc::O_WRONLY | libc::O_APPEND | libc::O_CREAT | libc::O_CLOEXEC;
    let flags = flags | libc::O_NONBLOCK | libc::O_NOCTTY;
    // SAFETY: the path ends with a zero byte and lives for the whole call.
    unsafe { libc::open(path.as_ptr(), flags, MODE) }
}

impl OpenFile {
    const fn closed() -> Self {
        Self {
            descriptor: AtomicI32::new(NONE),
            is_socket: AtomicBool::new(false),
            path: OnceLock::new(),
        }
    }

    fn reopen(&self) -> Option<i32> {
        let opened = open(self.path.get()?);
        if opened < 0 {
            return Some(Errno::last_raw());
        }
        self.replace(opened);
        Some(0)
    }

    /// Puts a descriptor in the place of the present one. The argument is closed.
    fn replace(&self, opened: RawFd) {
        let own = self.descriptor.load(Relaxed);
        // SAFETY: the caller owns `opened`, and gives it up. Nothing but this file owns `own`,
        // which is open, and whose number stays valid.
        unsafe {
            libc::dup3(opened, own, libc::O_CLOEXEC);
            libc::close(opened);
        }
    }
}
