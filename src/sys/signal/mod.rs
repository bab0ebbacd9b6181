//! Signals of a process that serves: a flag for the wish to stop, and handlers that end the
//! process.
//!
//! A handler may only do what `signal-safety(7)` lists, so these do next to nothing: count, set a
//! timer, write a line of the log, unlink the pidfile, leave. Everything else happens in ordinary
//! code that looks at the count. A master takes its signals from a queue instead ([`Signals`]).
//!
//! | signal | a server without a master, or a worker | a master |
//! | --- | --- | --- |
//! | TERM | stops gracefully | stops gracefully |
//! | INT, QUIT | leaves at once | stops fast |
//! | USR1 | opens its log files anew; a worker leaves when its clients have gone | from its queue |
//! | HUP | ends it, unless there is a service manager; workers never see it | from its queue |
//! | USR2, WINCH, TTIN, TTOU | workers never see them | from its queue |

mod queue;
mod unlink;

use std::sync::OnceLock;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicI64, AtomicU32};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use nix::unistd::getpid;

use super::shared::SharedWords;
use super::{exit, log, log_files, title};

pub(super) use queue::become_child;
pub use queue::{Event, Signals, hold_for_master};
pub use unlink::{keep_file, unlink_at_exit, unlink_sockets_at_exit};

/// Wishes to stop received so far.
static STOPS: AtomicU32 = AtomicU32::new(0);
/// The master has asked this worker to leave, while other workers go on serving.
static RETIRING: AtomicBool = AtomicBool::new(false);
/// How long requests in flight may take after the first wish to stop, in microseconds.
static GRACE_US: AtomicI64 = AtomicI64::new(0);
/// How long SIGTERM is put off, in microseconds: the server says that it is not ready, and serves.
static DRAIN_US: AtomicI64 = AtomicI64::new(0);
/// The first wish to stop was put off.
static DRAINING: AtomicBool = AtomicBool::new(false);
/// The same for children that were forked before: one word. Empty without a drain delay.
static DRAINING_IN_PARENT: OnceLock<SharedWords> = OnceLock::new();
/// The process that installed the handlers. Its children leave stopping by force to it; a flag that
/// each child sets would come too late for a signal right after fork.
static PARENT: AtomicI32 = AtomicI32::new(0);

/// Undoes what the process that started this one may have left to it, since both survive exec: an
/// ignored SIGCHLD, with which the kernel reaps children itself and reports no exit (`wait(2)`),
/// and blocked signals, among them those that would stop a server.
///
/// To be called first of all: a signal that has waited behind the mask acts now.
pub fn start_afresh() -> nix::Result<()> {
    handle(Signal::SIGCHLD, SigHandler::SigDfl)?;
    // At the limit of a file's size (RLIMIT_FSIZE) a write fails with EFBIG, like on a full disk.
    // By default this signal would end the process.
    handle(Signal::SIGXFSZ, SigHandler::SigIgn)?;
    SigSet::empty().thread_set_mask()
}

/// From now on the first SIGTERM makes [`stopping`] true, and the process leaves with code 1 on a
/// second signal, or after `grace` if that is over first. SIGINT or SIGQUIT as the first is the
/// fast stop: the process leaves with code 0, and requests in flight are cut.
///
/// System calls are interrupted (no SA_RESTART), so that a blocked thread looks at [`stopping`].
/// A signal that comes just before such a call goes unseen until the call returns, which is
/// why the sockets have a tick.
pub fn handle_stop(grace: Duration) -> nix::Result<()> {
    set_grace(grace);
    // A handler cannot open the log.
    log::prepare();
    PARENT.store(getpid().as_raw(), Relaxed);
    handle(Signal::SIGTERM, SigHandler::Handler(on_stop))?;
    handle(Signal::SIGINT, SigHandler::Handler(on_fast_stop))?;
    handle(Signal::SIGQUIT, SigHandler::Handler(on_fast_stop))?;
    handle(Signal::SIGALRM, SigHandler::Handler(on_time_up))
}

/// From now on SIGHUP is noted in the log and ends nothing, for a server without a master. A
/// service manager sends it for a reload, and would take the end of the server for a success
/// (`systemd.service(5)`, `SuccessExitStatus=`). Without a service manager it says that the
/// terminal has gone, and should end what runs in it.
pub fn outlive_hangup() -> nix::Result<()> {
    handle(Signal::SIGHUP, SigHandler::Handler(on_hangup))
}

/// From now on SIGUSR1 makes a server without a master open its log files anew.
pub fn reopen_logs_at_usr1() -> nix::Result<()> {
    handle(Signal::SIGUSR1, SigHandler::Handler(on_reopen))
}

/// From now on a graceful stop may take so long.
pub fn set_grace(grace: Duration) {
    let grace_us = i64::try_from(grace.as_micros()).unwrap_or(i64::MAX);
    GRACE_US.store(grace_us, Relaxed);
}

/// Whether this process was asked to stop.
#[inline]
pub fn stopping() -> bool {
    STOPS.load(Relaxed) > 0
}

/// From now on the first SIGTERM only makes [`draining`] true, and the stop begins after `delay`,
/// or at a second signal. For a server without a master.
///
/// # Errors
/// There is no memory that the process could share with its children.
pub fn set_drain_delay(delay: Duration) -> nix::Result<()> {
    if !delay.is_zero() {
        let word = SharedWords::create(c"servers-draining", 1)?;
        DRAINING_IN_PARENT.get_or_init(|| word);
    }
    DRAIN_US.store(
        i64::try_from(delay.as_micros()).unwrap_or(i64::MAX),
        Relaxed,
    );
    Ok(())
}

/// Whether this process, or the one that has forked it, was asked to stop and puts that off.
pub fn draining() -> bool {
    let of_parent = DRAINING_IN_PARENT.get();
    DRAINING.load(Relaxed) || of_parent.is_some_and(|word| word[0].load(Relaxed) > 0)
}

/// Whether the master has asked this worker to leave: it accepts no more connections, answers
/// requests with `Connection: close`, and ends when its last client has gone. Unlike a stop this
/// cuts no connection that is kept open, and the accept queue is left to the other workers.
#[inline]
pub fn retiring() -> bool {
    RETIRING.load(Relaxed)
}

/// Makes [`retiring`] true, as SIGUSR1 from the master does.
pub fn retire() {
    RETIRING.store(true, Relaxed);
    title::set_state(b" (leaving)");
}

/// Notes the wish to stop as the handler would, for a process that reads its signals from
/// [`Signals`] instead: the grace period begins.
pub fn begin_stop() {
    title::set_state(b" (stopping)");
    if STOPS.fetch_add(1, Relaxed) == 0 {
        start_grace_timer();
    }
}

/// The grace period ends `left` from now: the process was suspended for some of it.
pub fn extend_grace(left: Duration) {
    set_grace(left);
    start_grace_timer();
}

extern "C" fn on_stop(_: libc::c_int) {
    let drain_us = DRAIN_US.load(Relaxed);
    if is_parent() && drain_us > 0 && !stopping() && !DRAINING.swap(true, Relaxed) {
        if let Some(word) = DRAINING_IN_PARENT.get() {
            word[0].store(1, Relaxed);
        }
        start_timer(drain_us);
        return;
    }
    let before = STOPS.fetch_add(1, Relaxed);
    title::set_state(b" (stopping)");
    match before {
        _ if !is_parent() => {}
        0 => start_grace_timer(),
        _ => leave(1),
    }
}

/// The kernel kills the children of a process that leaves like this, since they are tied to it
/// (`sys/process.rs`).
extern "C" fn on_fast_stop(_: libc::c_int) {
    leave(i32::from(is_parent() && stopping()));
}

fn is_parent() -> bool {
    getpid().as_raw() == PARENT.load(Relaxed)
}

/// Leaves. The parent takes its pidfile along.
fn leave(code: i32) -> ! {
    if is_parent() {
        unlink::unlink_now();
    }
    exit::leave(code)
}

extern "C" fn on_retire(_: libc::c_int) {
    retire();
}

extern "C" fn on_hangup(_: libc::c_int) {
    log::log_in_handler(
        b"servers: SIGHUP: without a master there is no reload; nothing has changed\n",
    );
}

/// The children of `fork` inherit the handler. They follow what their parent does.
extern "C" fn on_reopen(_: libc::c_int) {
    if !is_parent() {
        return;
    }
    // The interrupted code may be about to read it.
    let errno = Errno::last_raw();
    let reopened = log_files::reopen();
    let has_failed = |it: &Option<i32>| it.is_some_and(|error| error != 0);
    log::log_in_handler(match reopened {
        _ if reopened.iter().any(has_failed) => {
            b"servers: SIGUSR1: a log file cannot be opened; the old one stays in use\n"
        }
        _ if reopened.contains(&Some(0)) => b"servers: SIGUSR1: log files are opened anew\n",
        _ => b"servers: SIGUSR1: there is no log file to open anew\n",
    });
    Errno::set_raw(errno);
}

extern "C" fn on_time_up(_: libc::c_int) {
    if is_parent() && DRAINING.load(Relaxed) && !stopping() {
        begin_stop();
        return;
    }
    log::log_in_handler(b"servers: stopped by force: the graceful timeout is over\n");
    leave(1);
}

fn start_grace_timer() {
    start_timer(GRACE_US.load(Relaxed).max(1));
}

/// `setitimer(2)`: SIGALRM after that time. On Linux it is a bare system call and as such safe in a
/// handler; `alarm(2)`, which is on the list, only knows whole seconds.
fn start_timer(after_us: i64) {
    let none = libc::timeval {
        tv_sec: 0,
        tv_usec: 0,
    };
    let value = libc::timeval {
        tv_sec: after_us / 1_000_000,
        tv_usec: after_us % 1_000_000,
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

/// Whether the process ignores this signal.
fn ignores(signal: Signal) -> bool {
    let mut action = std::mem::MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: nothing is set, and the pointer is to memory for the answer, which is filled if the
    // call succeeds. (To set it in order to read it would discard a signal that waits.)
    unsafe {
        let read = libc::sigaction(signal as libc::c_int, std::ptr::null(), action.as_mut_ptr());
        read == 0 && action.assume_init().sa_sigaction == libc::SIG_IGN
    }
}
