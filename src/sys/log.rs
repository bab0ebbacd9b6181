//! The log: lines on standard error, or in a file (`--log-file`), written without ever blocking.
//!
//! Standard error may be a pipe or a terminal whose reader has stopped. A server that waited for it
//! would serve no client and hear no signal. So a line that does not fit is dropped and counted.
//! The next line that fits says how many are missing.
//!
//! The journal and a terminal show when a line came. In a file the line has to say it.

use std::fmt::{self, Arguments};
use std::fs::OpenOptions;
use std::io::{Write, stderr};
use std::os::fd::{AsRawFd, IntoRawFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};
use std::time::{SystemTime, UNIX_EPOCH};

use nix::errno::Errno;
use nix::sys::stat::{SFlag, fstat};

use super::calendar::Calendar;
use super::log_files::{self, LogFile};

/// Empty until the first line.
static OUTPUT: OnceLock<Output> = OnceLock::new();
/// Lines of this process that did not fit, since the last one that did.
static DROPPED: AtomicU64 = AtomicU64::new(0);
/// The least important level that is written.
static LEVEL: AtomicU8 = AtomicU8::new(Level::Info as u8);

/// How important a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    /// Something has failed, and an operator should act.
    Error,
    /// Something has failed or was refused, and the server goes on by itself.
    Warn,
    /// What an operator has asked for, and changes of the pool.
    Info,
    /// Each step in the life of each worker, and each signal.
    Debug,
}

impl Level {
    const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }
}

/// From now on less important lines are left out, in this process and in children that are forked
/// from now on.
pub fn set_level(level: Level) {
    LEVEL.store(level as u8, Relaxed);
}

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
pub fn log(level: Level, message: Arguments<'_>) {
    if level as u8 > LEVEL.load(Relaxed) {
        return;
    }
    let output = output();
    let pid = std::process::id();
    let name = match (LogFile::Log.is_open(), output.is_journal) {
        (true, _) => format!("{} {:5} servers[{pid}]: ", Stamp::now(), level.name()),
        (false, true) => String::new(),
        (false, false) => format!("servers[{pid}]: "),
    };
    let dropped = DROPPED.swap(0, Relaxed);
    let line = match dropped {
        0 => format!("{name}{message}\n"),
        count => format!("{name}the log was full: lines lost: {count}\n{name}{message}\n"),
    };
    let fits = match LogFile::Log.is_open() {
        true => LogFile::Log.append(line.as_bytes()) != Err(Errno::EAGAIN),
        false => output.write(line.as_bytes()),
    };
    if !fits {
        DROPPED.fetch_add(dropped + 1, Relaxed);
    }
}

/// The time of a line: `2026-11-28T17:10:43.123Z`.
struct Stamp(std::time::Duration);

impl Stamp {
    fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        Self(since.unwrap_or_default())
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (at, millis) = (Calendar::at(self.0), self.0.subsec_millis());
        write!(out, "{at}.{millis:03}Z")
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
    if LogFile::Log.is_open() {
        let _ = LogFile::Log.put(line);
        return;
    }
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
        let is_socket = self.kind == Kind::Socket;
        log_files::put(self.descriptor, is_socket, line) != Err(Errno::EAGAIN)
    }
}

/// Prints the last words of a program that ends with an error. They may be lost, but do not block.
/// They go to standard error in any case: the process that has started this one reads them.
pub fn last_words(text: &str) {
    if LogFile::Log.is_open() {
        log(
            Level::Error,
            format_args!("{}", text.trim_start_matches("servers: ").trim_end()),
        );
    }
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

/// [`log()`] with a format string, at the level of what an operator has asked for.
#[macro_export]
macro_rules! log {
    ($($argument:tt)*) => {
        $crate::sys::log::log($crate::sys::log::Level::Info, format_args!($($argument)*))
    };
}

/// [`log!`](crate::log!) for what has failed and needs an operator.
#[macro_export]
macro_rules! log_error {
    ($($argument:tt)*) => {
        $crate::sys::log::log($crate::sys::log::Level::Error, format_args!($($argument)*))
    };
}

/// [`log!`](crate::log!) for what has failed while the server goes on by itself.
#[macro_export]
macro_rules! log_warn {
    ($($argument:tt)*) => {
        $crate::sys::log::log($crate::sys::log::Level::Warn, format_args!($($argument)*))
    };
}

/// [`log!`](crate::log!) for each step of each worker.
#[macro_export]
macro_rules! log_debug {
    ($($argument:tt)*) => {
        $crate::sys::log::log($crate::sys::log::Level::Debug, format_args!($($argument)*))
    };
}
