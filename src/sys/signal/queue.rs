//! Signals as a queue, for a master: `signalfd(2)`.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigHandler, SigSet, Signal, raise};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use super::{handle, ignores, on_retire};
use crate::sys::poll::poll_timeout;
use crate::sys::private::Private;
use crate::sys::terminal;

/// The signals that a master waits for.
const OF_MASTER: [Signal; 11] = [
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

/// Those of them that its children handle themselves.
const OF_CHILDREN: [Signal; 6] = [
    Signal::SIGCHLD,
    Signal::SIGTERM,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGALRM,
    Signal::SIGUSR1,
];

/// The signals of [`Signals`] are blocked, and a child inherits that.
static IS_MASTER: AtomicBool = AtomicBool::new(false);
/// This process was started from a terminal that could hang up.
static HAD_TERMINAL: AtomicBool = AtomicBool::new(false);
/// `nohup(1)` has started this process. The queue gets the signal all the same: it is blocked.
static IGNORES_HANGUP: AtomicBool = AtomicBool::new(false);

/// Blocks the signals that are meant for a master, until it takes them from [`Signals`]. A process
/// that is about to become a master calls this before any other process knows its ID: by default
/// most of these signals end a process.
pub fn hold_for_master() -> nix::Result<()> {
    OF_MASTER.into_iter().collect::<SigSet>().thread_block()
}

/// Called in a child right after fork: from now on signals only ask it to stop. Those that mean
/// something to a master alone stay blocked: by default most of them would end the child.
pub(in crate::sys) fn become_child() {
    if !IS_MASTER.load(Relaxed) {
        return;
    }
    let unblocked: SigSet = OF_CHILDREN.into_iter().collect();
    // The mask is inherited and the signals are valid: sigprocmask(2) has no other error.
    let _ = unblocked.thread_unblock();
}

/// A master's events: signals taken from a queue, one at a time, instead of in handlers. While it
/// exists its signals are blocked; children unblock their own.
pub struct Signals {
    _private: Private,
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
        let set: SigSet = OF_MASTER.into_iter().collect();
        set.thread_block()?;
        // Here the queue takes SIGUSR1; the handler is for the children, which inherit it.
        handle(Signal::SIGUSR1, SigHandler::Handler(on_retire))?;
        IS_MASTER.store(true, Relaxed);
        HAD_TERMINAL.store(terminal::is_there(), Relaxed);
        IGNORES_HANGUP.store(ignores(Signal::SIGHUP), Relaxed);
        let queue = SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
        Ok(Self {
            _private: Private::note(&queue),
            queue,
        })
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
        let timeout = timeout.map_or(PollTimeout::NONE, poll_timeout);
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
    /// `kill -USR2` and `kill -QUIT` in one line that would be the wrong one: the successor has to
    /// be started before this process ends.
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

/// The signal, unless it is noise: when a terminal's window changes its size, the kernel sends
/// SIGWINCH to all processes in the terminal. `si_code` tells whether the kernel or a process has
/// sent it (`sigaction(2)`).
fn meant(info: &libc::signalfd_siginfo) -> Option<Signal> {
    let signal = Signal::try_from(info.ssi_signo.cast_signed()).ok()?;
    let is_resize = signal == Signal::SIGWINCH && info.ssi_code == libc::SI_KERNEL;
    if signal == Signal::SIGHUP && is_hangup(info) {
        return (!IGNORES_HANGUP.load(Relaxed)).then(|| {
            crate::log!("the terminal has gone: a stop");
            Signal::SIGTERM
        });
    }
    (!is_resize).then_some(signal)
}

/// Whether SIGHUP says that the terminal has gone, not that the configuration has changed. The
/// kernel sends it then; a shell may have been first, and its signal and the kernel's become one.
fn is_hangup(info: &libc::signalfd_siginfo) -> bool {
    info.ssi_code == libc::SI_KERNEL || HAD_TERMINAL.load(Relaxed) && !terminal::is_there()
}

/// Takes a blocked signal out of those that wait, if it is among them.
fn take_pending(signal: Signal) -> bool {
    let wanted = SigSet::from(signal);
    let at_once = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: both pointers are to values that live for the whole call; the signal's details are
    // not asked for.
    let taken =
        unsafe { libc::sigtimedwait(wanted.as_ref(), std::ptr::null_mut(), &raw const at_once) };
    taken == signal as libc::c_int
}
