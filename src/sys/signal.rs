//! Signals: the wish to stop, as a flag, and the master's events, as a queue.
//!
//! A handler may only do what `signal-safety(7)` lists, so these do next to nothing: count, set a
//! timer, write a line of the log, unlink the pidfile, leave. Everything else happens in ordinary
//! code that looks at the count.
//!
//! | signal | a server without a master, or a worker | a master |
//! | --- | --- | --- |
//! | TERM | stops gracefully | stops gracefully |
//! | INT, QUIT | leaves at once | stops fast |
//! | USR1 | a worker leaves when its clients let it | takes note |
//! | HUP | ends it, unless there is a service manager; workers never see it | from its queue |
//! | USR2, WINCH, TTIN, TTOU | workers never see them | from its queue |

use std::ffi::CString;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicI64, AtomicPtr, AtomicU32};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, raise, sigaction};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::stat::{fstat, lstat};
use nix::unistd::{getpid, unlink};

/// Wishes to stop received so far.
static STOPS: AtomicU32 = AtomicU32::new(0);
/// This worker is to leave when its clients let it, while others go on serving.
static RETIRING: AtomicBool = AtomicBool::new(false);
/// How long requests in flight may take once the first has come, in microseconds.
static GRACE_US: AtomicI64 = AtomicI64::new(0);
/// The process that the signals were handled in first. Its children leave stopping by force to it;
/// a flag that each child sets would come too late for a signal right after fork.
static PARENT: AtomicI32 = AtomicI32::new(0);
/// The file that is to be gone with the process that the signals were handled in first.
static LEFT_BEHIND: AtomicPtr<LeftBehind> = AtomicPtr::new(std::ptr::null_mut());
/// The signals of [`Signals`] are blocked, which a child would inherit.
static IS_MASTER: AtomicBool = AtomicBool::new(false);

/// Puts aside what whoever started this process may have left to it, since both survive exec: an
/// ignored SIGCHLD, with which the kernel reaps children itself and tells nobody (`wait(2)`), and
/// blocked signals, among them those that would stop a server.
///
/// To be called first of all: a signal that has waited behind the mask acts now.
pub fn start_afresh() -> nix::Result<()> {
    handle(Signal::SIGCHLD, SigHandler::SigDfl)?;
    SigSet::empty().thread_set_mask()
}

/// From now on the first SIGTERM makes [`stopping`] true, and the process leaves with code 1 on a
/// second signal, or after `grace` if that is over first. SIGINT or SIGQUIT as the first is the
/// fast stop: the process leaves with code 0, and whatever was in flight is cut.
///
/// System calls are interrupted (no SA_RESTART), so that whoever blocks looks at [`stopping`].
/// A signal that comes just before such a call goes unseen until the call returns, which is
/// why the sockets have a tick.
pub fn handle_stop(grace: Duration) -> nix::Result<()> {
    set_grace(grace);
    // The handlers can only look at what is known.
    super::log::look_for_journal();
    PARENT.store(getpid().as_raw(), Relaxed);
    handle(Signal::SIGTERM, SigHandler::Handler(on_stop))?;
    handle(Signal::SIGINT, SigHandler::Handler(on_fast_stop))?;
    handle(Signal::SIGQUIT, SigHandler::Handler(on_fast_stop))?;
    handle(Signal::SIGALRM, SigHandler::Handler(on_time_up))
}

/// From now on SIGHUP is noted in the log and ends nothing, for a server without a master. To a
/// service manager the signal means a reload, and the end of a server would look like a good one
/// (`systemd.service(5)`, `SuccessExitStatus=`); where there is none, it is that of a terminal that
/// has gone, which ends what runs in it.
pub fn outlive_hangup() -> nix::Result<()> {
    handle(Signal::SIGHUP, SigHandler::Handler(on_hangup))
}

/// From now on a graceful stop may take so long.
pub fn set_grace(grace: Duration) {
    let grace_us = i64::try_from(grace.as_micros()).unwrap_or(i64::MAX);
    GRACE_US.store(grace_us, Relaxed);
}

/// A file by its name, and which one it was when it was named.
struct LeftBehind {
    path: CString,
    device: libc::dev_t,
    inode: libc::ino_t,
}

/// If a handler ends this process, `file` goes with it, unless `path` leads to another one by then;
/// a child leaves it alone.
pub fn leave_nothing_at(path: &Path, file: &impl AsFd) {
    // A path with a zero octet in it leads nowhere, and a file that is open can be asked.
    let path = CString::new(path.as_os_str().as_bytes());
    let (Ok(path), Ok(status)) = (path, fstat(file)) else {
        return;
    };
    let left_behind = Box::new(LeftBehind {
        path,
        device: status.st_dev,
        inode: status.st_ino,
    });
    // A handler may be reading the last one, so that none is ever given back. There are few.
    LEFT_BEHIND.store(Box::into_raw(left_behind), Release);
}

/// Takes back what [`leave_nothing_at`] has asked for.
pub fn leave_all() {
    LEFT_BEHIND.store(std::ptr::null_mut(), Release);
}

/// Has signals wait that are meant for a master, until it takes them from [`Signals`]. A process
/// that is about to become one has to do this before anybody knows of it: most of these signals end
/// a process that is not prepared for them.
pub fn hold_for_master() -> nix::Result<()> {
    MASTERED.into_iter().collect::<SigSet>().thread_block()
}

/// Whether this process was asked to stop.
#[inline]
pub fn stopping() -> bool {
    STOPS.load(Relaxed) > 0
}

/// Whether this worker is to leave when its clients let it: it accepts nobody any more, answers
/// what its clients send with `Connection: close`, and ends when the last of them has gone. Unlike
/// a stop this cuts no connection that is kept open, and the accept queue is left to the others.
#[inline]
pub fn retiring() -> bool {
    RETIRING.load(Relaxed)
}

/// Makes [`retiring`] true, as SIGUSR1 from the master does.
pub fn retire() {
    RETIRING.store(true, Relaxed);
}

/// Notes the wish to stop as the handler would, for a process that reads its signals from
/// [`Signals`] instead: the grace period begins.
pub fn begin_stop() {
    if STOPS.fetch_add(1, Relaxed) == 0 {
        start_grace_timer();
    }
}

/// The grace period ends so much later from now: some of it was not lived through.
pub fn extend_grace(left: Duration) {
    set_grace(left);
    start_grace_timer();
}

/// Called in a child right after fork: from now on signals only ask it to stop. Those that mean
/// something to a master alone stay blocked: by default most of them would end the child.
pub(super) fn become_child() {
    if !IS_MASTER.load(Relaxed) {
        return;
    }
    let unblocked: SigSet = OF_CHILDREN.into_iter().collect();
    // The mask is inherited and the signals are valid: sigprocmask(2) has no other error.
    let _ = unblocked.thread_unblock();
}

extern "C" fn on_stop(_: libc::c_int) {
    let before = STOPS.fetch_add(1, Relaxed);
    match before {
        _ if !is_parent() => {}
        0 => start_grace_timer(),
        _ => leave_clean(1),
    }
}

/// The children of a process that leaves like this are killed by the kernel, since they are tied to
/// it: see [`super::process::fork`].
extern "C" fn on_fast_stop(_: libc::c_int) {
    leave_clean(i32::from(is_parent() && stopping()));
}

fn is_parent() -> bool {
    getpid().as_raw() == PARENT.load(Relaxed)
}

/// Leaves, and takes along what was asked for with [`leave_nothing_at`].
fn leave_clean(code: i32) -> ! {
    // SAFETY: it is null or comes from a box that is never freed.
    let left_behind = unsafe { LEFT_BEHIND.load(Acquire).as_ref() };
    if let Some(it) = left_behind.filter(|_| is_parent())
        // Both calls are bare system calls on a C string, which may be made here.
        && let Ok(now) = lstat(it.path.as_c_str())
        && (now.st_dev, now.st_ino) == (it.device, it.inode)
    {
        let _ = unlink(it.path.as_c_str());
    }
    super::process::leave(code)
}

extern "C" fn on_retire(_: libc::c_int) {
    retire();
}

extern "C" fn on_hangup(_: libc::c_int) {
    say(b"servers: SIGHUP: without a master there is no reload; nothing has changed\n");
}

extern "C" fn on_time_up(_: libc::c_int) {
    say(b"servers: stopped by force: the graceful timeout is over\n");
    leave_clean(1);
}

/// A line of the log from within a handler.
fn say(text: &'static [u8]) {
    // The journal puts the name before each line.
    let text = match super::log::is_known_journal() {
        true => text.strip_prefix(b"servers: ").unwrap_or(text),
        false => text,
    };
    // SAFETY: the pointer and the length are those of one slice; write(2) may be called here, and
    // errno, which it may change under whoever was interrupted, is put back.
    unsafe {
        let errno = *libc::__errno_location();
        libc::write(libc::STDERR_FILENO, text.as_ptr().cast(), text.len());
        *libc::__errno_location() = errno;
    }
}

/// `setitimer(2)`: SIGALRM after the grace period. On Linux it is a bare system call and as such
/// safe in a handler; `alarm(2)`, which is on the list, only knows whole seconds.
fn start_grace_timer() {
    let grace_us = GRACE_US.load(Relaxed).max(1);
    let none = libc::timeval {
        tv_sec: 0,
        tv_usec: 0,
    };
    let value = libc::timeval {
        tv_sec: grace_us / 1_000_000,
        tv_usec: grace_us % 1_000_000,
    };
    let timer = libc::itimerval {
        it_interval: none,
        it_value: value,
    };
    // SAFETY: `timer` is a valid itimerval for the whole call; the old one is not asked for.
    unsafe { libc::setitimer(libc::ITIMER_REAL, &raw const timer, std::ptr::null_mut()) };
}

fn handle(signal: Signal, how: SigHandler) -> nix::Result<()> {
    let action = SigAction::new(how, SaFlags::empty(), SigSet::empty());
    // SAFETY: the handlers above only use atomics and async-signal-safe system calls.
    unsafe { sigaction(signal, &action) }.map(drop)
}

/// The signal, unless it is noise: a terminal whose window changes its size sends SIGWINCH to all
/// who run in it. Where a signal comes from tells whether somebody meant it (`sigaction(2)`).
fn meant(info: &libc::signalfd_siginfo) -> Option<Signal> {
    let signal = Signal::try_from(info.ssi_signo.cast_signed()).ok()?;
    let is_resize = signal == Signal::SIGWINCH && info.ssi_code == libc::SI_KERNEL;
    (!is_resize).then_some(signal)
}

/// Takes a blocked signal out of those that wait, if it is among them.
fn take_pending(signal: Signal) -> bool {
    let wanted = SigSet::from(signal);
    let at_once = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: both pointers are to values that live for the whole call; what the signal tells is
    // not asked for.
    let taken =
        unsafe { libc::sigtimedwait(wanted.as_ref(), std::ptr::null_mut(), &raw const at_once) };
    taken == signal as libc::c_int
}

/// The signals that a master waits for.
const MASTERED: [Signal; 11] = [
    Signal::SIGCHLD,
    Signal::SIGTERM,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGALRM,
    Signal::SIGHUP,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGWINCH,
    Signal::SIGTTIN,
    Signal::SIGTTOU,
];

/// Those of them that its children do not leave to it.
const OF_CHILDREN: [Signal; 6] = [
    Signal::SIGCHLD,
    Signal::SIGTERM,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGALRM,
    Signal::SIGUSR1,
];

/// A master's events: signals taken from a queue, one at a time, instead of in handlers
/// (`signalfd(2)`). While it exists its signals are blocked; children unblock their own.
pub struct Signals {
    queue: SignalFd,
}

/// What ended a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// This signal has come.
    Signal(Signal),
    /// The descriptor at this index among those watched is readable, or has failed.
    Readable(usize),
    /// The time is over.
    Timeout,
}

impl Signals {
    /// Blocks the signals that a master waits for and opens the queue.
    pub fn take_over() -> nix::Result<Self> {
        let set: SigSet = MASTERED.into_iter().collect();
        set.thread_block()?;
        // Here the queue takes it; it is the children who have a use for the handler.
        handle(Signal::SIGUSR1, SigHandler::Handler(on_retire))?;
        IS_MASTER.store(true, Relaxed);
        let queue = SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
        Ok(Self { queue })
    }

    /// The next signal; `None` when `timeout` has passed without one. Without a timeout it waits.
    pub fn wait(&self, timeout: Option<Duration>) -> nix::Result<Option<Signal>> {
        Ok(match self.wait_beside(timeout, &[])? {
            Event::Signal(signal) => Some(signal),
            Event::Readable(_) | Event::Timeout => None,
        })
    }

    /// [`Signals::wait`] for descriptors as well. Signals come first, then the descriptors in their
    /// order; what is not reported now is reported by the next call.
    pub fn wait_beside(
        &self,
        timeout: Option<Duration>,
        beside: &[BorrowedFd<'_>],
    ) -> nix::Result<Event> {
        // Rounded up, so that a wait for the rest of a millisecond is not a busy loop.
        let timeout = match timeout {
            None => PollTimeout::NONE,
            Some(timeout) => PollTimeout::try_from(timeout.as_micros().div_ceil(1000))
                .unwrap_or(PollTimeout::MAX),
        };
        let all = std::iter::once(self.queue.as_fd()).chain(beside.iter().copied());
        let mut all: Vec<PollFd<'_>> = all.map(|fd| PollFd::new(fd, PollFlags::POLLIN)).collect();
        match poll(&mut all, timeout) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error),
        }
        let readable = || all[1..].iter().position(|fd| fd.any() == Some(true));
        Ok(match (self.take()?, readable()) {
            (Some(signal), _) => Event::Signal(signal),
            (None, Some(index)) => Event::Readable(index),
            (None, None) => Event::Timeout,
        })
    }

    /// The next signal, if there is one already. The queue's descriptor is readable when there is.
    ///
    /// Of those that have come since the last look, the kernel gives the lowest number first. Of
    /// `kill -USR2` and `kill -QUIT` in one line that would be the wrong one: the wish for a
    /// successor comes before the wish to end.
    pub fn take(&self) -> nix::Result<Option<Signal>> {
        let next = self.queue.read_signal()?;
        let next = next.as_ref().and_then(meant);
        match next {
            Some(end @ (Signal::SIGTERM | Signal::SIGQUIT)) if take_pending(Signal::SIGUSR2) => {
                raise(end)?;
                Ok(Some(Signal::SIGUSR2))
            }
            other => Ok(other),
        }
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.queue.as_fd()
    }
}
