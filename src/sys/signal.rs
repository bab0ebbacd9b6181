//! Signals: the wish to stop, as a flag, and the master's events, as a queue.
//!
//! A handler may only do what `signal-safety(7)` lists, so these do next to nothing: count, set a
//! timer, leave. Everything else happens in ordinary code that looks at the count.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicI64, AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::getpid;

/// SIGTERM and SIGINT received so far.
static STOPS: AtomicU32 = AtomicU32::new(0);
/// How long requests in flight may take once the first has come, in microseconds.
static GRACE_US: AtomicI64 = AtomicI64::new(0);
/// The process that the signals were handled in first. Its children leave stopping by force to it;
/// a flag that each child sets would come too late for a signal right after fork.
static PARENT: AtomicI32 = AtomicI32::new(0);
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

/// From now on the first SIGTERM or SIGINT makes [`stopping`] true, and the process leaves with
/// code 1 on a second one, or after `grace` if that is over first.
///
/// System calls are interrupted (no SA_RESTART), so that whoever blocks looks at [`stopping`].
/// A signal that comes just before such a call goes unseen until the call returns, which is
/// why the sockets have a tick.
pub fn handle_stop(grace: Duration) -> nix::Result<()> {
    GRACE_US.store(
        i64::try_from(grace.as_micros()).unwrap_or(i64::MAX),
        Relaxed,
    );
    PARENT.store(getpid().as_raw(), Relaxed);
    handle(Signal::SIGTERM, SigHandler::Handler(on_stop))?;
    handle(Signal::SIGINT, SigHandler::Handler(on_stop))?;
    handle(Signal::SIGALRM, SigHandler::Handler(on_time_up))
}

/// Whether this process was asked to stop.
#[inline]
pub fn stopping() -> bool {
    STOPS.load(Relaxed) > 0
}

/// Notes the wish to stop as the handler would, for a process that reads its signals from
/// [`Signals`] instead: the grace period begins.
pub fn begin_stop() {
    if STOPS.fetch_add(1, Relaxed) == 0 {
        start_grace_timer();
    }
}

/// Called in a child right after fork: from now on signals only ask it to stop.
pub(super) fn become_child() {
    if !IS_MASTER.load(Relaxed) {
        return;
    }
    let unblocked: SigSet = MASTERED.into_iter().collect();
    // The mask is inherited and the signals are valid: sigprocmask(2) has no other error.
    let _ = unblocked.thread_unblock();
}

extern "C" fn on_stop(_: libc::c_int) {
    let before = STOPS.fetch_add(1, Relaxed);
    if getpid().as_raw() != PARENT.load(Relaxed) {
        return;
    }
    match before {
        0 => start_grace_timer(),
        _ => super::process::leave(1),
    }
}

extern "C" fn on_time_up(_: libc::c_int) {
    const TEXT: &[u8] = b"servers: stopped by force: the graceful timeout is over\n";
    // SAFETY: the pointer and the length are those of one constant; write(2) may be called here.
    unsafe { libc::write(libc::STDERR_FILENO, TEXT.as_ptr().cast(), TEXT.len()) };
    super::process::leave(1);
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

/// The signals that a master waits for.
const MASTERED: [Signal; 4] = [
    Signal::SIGCHLD,
    Signal::SIGTERM,
    Signal::SIGINT,
    Signal::SIGALRM,
];

/// A master's events: signals taken from a queue, one at a time, instead of in handlers
/// (`signalfd(2)`). While it exists its signals are blocked; children unblock them for themselves.
pub struct Signals {
    queue: SignalFd,
}

impl Signals {
    /// Blocks the signals that a master waits for and opens the queue.
    pub fn take_over() -> nix::Result<Self> {
        let set: SigSet = MASTERED.into_iter().collect();
        set.thread_block()?;
        IS_MASTER.store(true, Relaxed);
        let queue = SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
        Ok(Self { queue })
    }

    /// The next signal; `None` when `timeout` has passed without one. Without a timeout it waits.
    pub fn wait(&self, timeout: Option<Duration>) -> nix::Result<Option<Signal>> {
        // Rounded up, so that a wait for the rest of a millisecond is not a busy loop.
        let timeout = match timeout {
            None => PollTimeout::NONE,
            Some(timeout) => PollTimeout::try_from(timeout.as_micros().div_ceil(1000))
                .unwrap_or(PollTimeout::MAX),
        };
        let mut queue = [PollFd::new(self.queue.as_fd(), PollFlags::POLLIN)];
        match poll(&mut queue, timeout) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error),
        }
        self.take()
    }

    /// The next signal, if there is one already. The queue's descriptor is readable when there is.
    pub fn take(&self) -> nix::Result<Option<Signal>> {
        let next = self.queue.read_signal()?;
        Ok(next.and_then(|info| Signal::try_from(info.ssi_signo.cast_signed()).ok()))
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.queue.as_fd()
    }
}
