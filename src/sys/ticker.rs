//! A periodic signal, for system calls that have no timeout.

use std::time::Duration;

use nix::sys::signal::{
    SaFlags, SigAction, SigEvent, SigHandler, SigSet, SigevNotify, Signal, sigaction,
};
use nix::sys::timer::{Expiration, Timer, TimerSetTimeFlags};
use nix::time::ClockId;

/// A signal that nothing else here uses.
const SIGNAL: Signal = Signal::SIGVTALRM;

/// Until it is dropped, a blocking system call of this process is interrupted (EINTR) at each tick.
/// The timer's signal has a handler that does nothing, without SA_RESTART (`signal(7)`).
///
/// The timer is set once and costs no system call afterwards. A forked child does not have it
/// (`timer_create(2)`).
pub struct Ticker {
    _timer: Timer,
}

// SAFETY: a timer belongs to the process, not to a thread (`timer_create(2)`), and the pointer that
// libc has for its number is not followed here.
unsafe impl Send for Ticker {}
// SAFETY: as above; a shared reference has no methods.
unsafe impl Sync for Ticker {}

impl Ticker {
    /// The first tick comes after `tick`.
    ///
    /// # Errors
    /// EAGAIN: the user has too many pending signals and timers (RLIMIT_SIGPENDING).
    pub fn start(tick: Duration) -> nix::Result<Self> {
        let action = SigAction::new(
            SigHandler::Handler(on_tick),
            SaFlags::empty(),
            SigSet::empty(),
        );
        // SAFETY: the handler does nothing at all.
        unsafe { sigaction(SIGNAL, &action) }?;
        let signal = SigevNotify::SigevSignal {
            signal: SIGNAL,
            si_value: 0,
        };
        let mut timer = Timer::new(ClockId::CLOCK_MONOTONIC, SigEvent::new(signal))?;
        let every = Expiration::Interval(tick.into());
        timer.set(every, TimerSetTimeFlags::empty())?;
        Ok(Self { _timer: timer })
    }
}

extern "C" fn on_tick(_: libc::c_int) {}
