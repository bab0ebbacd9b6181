//! The log: lines on standard error, written without ever blocking.
//!
//! Standard error may be a pipe or a terminal whose reader has stopped. A server that waited for it
//! would serve no client and hear no signal. So a line that does not fit is dropped and counted.
//! The next line that fits says how many are missing.

use std::fmt::Arguments;
use std::fs::OpenOptions;
use std::io::{Write, stderr};
use std::os::fd::{AsRawFd, IntoRawFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use nix::sys::stat::{SFlag, fstat};

/// Empty until the first line.
static OUTPUT: OnceLock<Output> = OnceLock::new();
/// Lines of this process that did not fit, since the last one that did.
static DROPPED: AtomicU64 = AtomicU64::new(0);

/// Where lines go.
struct Output {
    descriptor: RawFd,
    kind: Kind,
    /// Standard error leads to the journal, which puts a name before each line.
    is_journal: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A regular file does not block, and a descriptor that was opened anew without O_NONBLOCK
    /// blocks like the first.
    Plain,
    /// A pipe or terminal, opened anew with O_NONBLOCK. The flag belongs to the opening: set on
    /// standard error itself, it would hit all programs that share it.
    OwnOpening,
    /// A socket cannot be opened anew, but each call can say that it must not wait.
    Socket,
}

/// Writes one line in one system call, so that lines of several processes do not mix.
///
/// A server must not fail because its log does (a full disk, a closed pipe): errors are dropped.
pub fn log(message: Arguments<'_>) {
    let output = output();
    let name = match output.is_journal {
        true => String::new(),
        false => format!("servers[{}]: ", std::process::id()),
    };
    let dropped = DROPPED.swap(0, Relaxed);
    let line = match dropped {
        0 => format!("{name}{message}\n"),
        count => format!("{name}the log was full: lines lost: {count}\n{name}{message}\n"),
    };
    if !output.write(line.as_bytes()) {
        DROPPED.fetch_add(dropped + 1, Relaxed);
    }
}

/// Finds out where lines go. Before the first fork, so that workers need open nothing, and before a
/// signal handler writes, which cannot find it out.
pub(super) fn prepare() {
    output();
}

fn output() -> &'static Output {
    OUTPUT.get_or_init(Output::find)
}

/// A line from within a signal handler: `servers: ` and the text. It only loads atomics and makes a
/// system call.
pub(super) fn log_in_handler(line: &'static [u8]) {
    let Some(output) = OUTPUT.get() else {
        return;
    };
    let line = match output.is_journal {
        true => line.strip_prefix(b"servers: ").unwrap_or(line),
        false => line,
    };
    if !output.write(line) {
        DROPPED.fetch_add(1, Relaxed);
    }
}

impl Output {
    fn find() -> Self {
        let fallback = libc::STDERR_FILENO;
        let file_type = fstat(stderr()).map(|it| SFlag::from_bits_truncate(it.st_mode));
        let kind = match file_type.map(|it| it & SFlag::S_IFMT) {
            Ok(SFlag::S_IFSOCK) => Kind::Socket,
            Ok(SFlag::S_IFIFO | SFlag::S_IFCHR) => Kind::OwnOpening,
            _ => Kind::Plain,
        };
        let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
        let mut options = OpenOptions::new();
        let opened = (kind == Kind::OwnOpening).then(|| {
            options
                .write(true)
                .custom_flags(flags)
                .open("/proc/self/fd/2")
        });
        let (descriptor, kind) = match opened {
            Some(Ok(file)) => (file.into_raw_fd(), kind),
            // No /proc, or a terminal of another user.
            Some(Err(_)) => (fallback, Kind::Plain),
            None => (stderr().as_raw_fd(), kind),
        };
        Self {
            descriptor,
            kind,
            is_journal: is_journal(),
        }
    }

    /// Writes a line, unless it does not fit. The error of a log is no error of the server: only a
    /// line that would have to wait counts as lost.
    fn write(&self, line: &[u8]) -> bool {
        // SAFETY: the pointer and the length are those of one slice. Both calls may be made in a
        // signal handler, and errno, which they may change under interrupted code, is put back.
        unsafe {
            let errno = *libc::__errno_location();
            let (start, length) = (line.as_ptr().cast(), line.len());
            let sent = match self.kind {
                Kind::Socket => {
                    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
                    libc::send(self.descriptor, start, length, flags)
                }
                Kind::Plain | Kind::OwnOpening => libc::write(self.descriptor, start, length),
            };
            let is_full = sent < 0 && *libc::__errno_location() == libc::EAGAIN;
            *libc::__errno_location() = errno;
            !is_full
        }
    }
}

/// Prints the last words of a program that ends with an error. They may be lost, but do not block.
pub fn last_words(text: &str) {
    let output = output();
    if output.kind == Kind::Plain {
        let _ = stderr().write_all(text.as_bytes());
    } else {
        output.write(text.as_bytes());
    }
}

/// Whether standard error leads to systemd's journal. JOURNAL_STREAM alone does not tell: a process
/// whose standard error was redirected has inherited the variable as well (`systemd.exec(5)`).
fn is_journal() -> bool {
    let journal = std::env::var("JOURNAL_STREAM").ok();
    let own = fstat(stderr()).map(|own| format!("{}:{}", own.st_dev, own.st_ino));
    journal.is_some_and(|journal| own == Ok(journal))
}

/// [`log()`] with a format string.
#[macro_export]
macro_rules! log {
    ($($argument:tt)*) => { $crate::sys::log::log(format_args!($($argument)*)) };
}
