//! A wake-up at a moment of the monotonic clock, as an event of epoll.
//!
//! Every timeout of epoll_wait(2) carries the thread's timer slack, 50 µs by default, and it counts
//! whole milliseconds. A timerfd knows an absolute time in ns and no slack. It is registered
//! edge-triggered, so that setting it anew is enough and nothing has to be read from it.

use std::io;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollEvent, EpollFlags};
use nix::sys::prctl;
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use nix::time::clock_gettime;

use super::Error;

/// The least that the kernel takes; 0 would mean the default.
const TIMER_SLACK_NS: u64 = 1;

/// The run's clock: ns from its start.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    start: Instant,
    /// The start on `CLOCK_MONOTONIC`, which is the clock behind `Instant`.
    start_monotonic_ns: u64,
}

impl Clock {
    pub(super) fn start() -> Self {
        let start = Instant::now();
        // The clock exists on every Linux, so the call does not fail.
        let monotonic = clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC);
        Self {
            start,
            start_monotonic_ns: monotonic.map_or(0, |now| Duration::from(now).as_nanos() as u64),
        }
    }

    pub(super) fn now(&self) -> u64 {
        self.start.elapsed().as_nanos() as u64
    }
}

/// The timer of one event loop.
pub(super) struct Timer {
    timer: TimerFd,
    clock: Clock,
    /// What it is set to.
    armed_for: u64,
}

impl Timer {
    /// Registers a timer with epoll under this token, and takes the slack from the timeouts of the
    /// calling thread.
    pub(super) fn new(epoll: &Epoll, token: u64, clock: Clock) -> Result<Self, Error> {
        prctl::set_timerslack(TIMER_SLACK_NS).map_err(failed("prctl(PR_SET_TIMERSLACK)"))?;
        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        let timer =
            TimerFd::new(ClockId::CLOCK_MONOTONIC, flags).map_err(failed("timerfd_create"))?;
        let on = EpollFlags::EPOLLIN | EpollFlags::EPOLLET;
        epoll
            .add(&timer, EpollEvent::new(on, token))
            .map_err(failed("epoll_ctl"))?;
        Ok(Self {
            timer,
            clock,
            armed_for: 0,
        })
    }

    /// Sets the timer, unless it is set to this moment already.
    pub(super) fn arm(&mut self, at: u64) -> Result<(), Error> {
        if self.armed_for == at {
            return Ok(());
        }
        self.armed_for = at;
        let moment = Duration::from_nanos(self.clock.start_monotonic_ns.saturating_add(at));
        let once = Expiration::OneShot(TimeSpec::from(moment));
        self.timer
            .set(once, TimerSetTimeFlags::TFD_TIMER_ABSTIME)
            .map_err(failed("timerfd_settime"))
    }
}

/// What a system call of the event loop itself that fails comes to.
pub(super) fn failed(call: &'static str) -> impl Fn(Errno) -> Error {
    move |errno| Error::System {
        call,
        reason: io::Error::from(errno),
    }
}
