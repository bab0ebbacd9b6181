//! A wake-up at a moment of the monotonic clock, as an event of epoll.
//!
//! Every timeout of epoll_wait(2) carries the thread's timer slack, 50 µs by default, and it counts
//! whole milliseconds. A timerfd knows an absolute time in ns and no slack. It is registered
//! edge-triggered, so that setting it anew is enough and nothing has to be read from it.

use std::io;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollEvent, EpollFlags};
use nix::sys::prctl;
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use nix::time::clock_gettime;

use super::{Error, Watch};

/// How late the wish to stop may be noticed before the start.
const STOP_NOTICED_WITHIN: Duration = Duration::from_millis(50);
/// The least that the kernel takes; 0 would mean the default.
const TIMER_SLACK_NS: u64 = 1;

/// The run's clock: ns from its start.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    start: Instant,
    /// The start on `CLOCK_MONOTONIC`, which is the clock behind `Instant`.
    start_monotonic_ns: u64,
    /// The start by the wall clock, which other machines know as well.
    start_wall: SystemTime,
}

impl Clock {
    /// A clock that reads 0 until so long from now, and counts from there.
    pub(super) fn starting_in(lead: Duration) -> Self {
        let start = Instant::now() + lead;
        let start_wall = SystemTime::now() + lead;
        // The clock exists on every Linux, so the call does not fail.
        let monotonic = clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC);
        Self {
            start,
            start_monotonic_ns: monotonic
                .map_or(0, |now| (Duration::from(now) + lead).as_nanos() as u64),
            start_wall,
        }
    }

    /// How long until it counts.
    pub(super) fn until_start(&self) -> Duration {
        self.start.saturating_duration_since(Instant::now())
    }

    /// Waits until so long before the start, or until the watch says stop.
    pub(super) fn wait(&self, before: Duration, watch: &Watch) {
        loop {
            let left = self.until_start().saturating_sub(before);
            if left.is_zero() || watch.stop.load(Relaxed) {
                return;
            }
            thread::sleep(left.min(STOP_NOTICED_WITHIN));
        }
    }

    /// What the wall clock says at this time of the run, if it is not set meanwhile.
    pub(super) fn wall(&self, at: u64) -> SystemTime {
        self.start_wall + Duration::from_nanos(at)
    }

    pub(super) fn now(&self) -> u64 {
        // Saturates at 0 before the start.
        self.start.elapsed().as_nanos() as u64
    }

    /// A time of the run on `CLOCK_MONOTONIC`, which other processes share.
    pub(super) fn to_monotonic(self, ns: u64) -> u64 {
        self.start_monotonic_ns + ns
    }
}

/// The timer of one event loop.
pub(super) struct Timer {
    timer: TimerFd,
    clock: Clock,
    /// When it goes off or has gone off.
    set_to: u64,
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
            set_to: 0,
        })
    }

    /// When to wake for a request that is due at this time. The timer stays as it is if it goes
    /// off soon enough, and is not set to less than the slack from now.
    pub(super) fn wake_for(&self, due: u64, now: u64, slack_ns: u64) -> u64 {
        wake_for(due, now, slack_ns, self.set_to)
    }

    pub(super) fn is_set_to(&self, at: u64) -> bool {
        self.set_to == at
    }

    /// Sets the timer.
    pub(super) fn set(&mut self, at: u64) -> Result<(), Error> {
        self.set_to = at;
        let moment = Duration::from_nanos(self.clock.start_monotonic_ns.saturating_add(at));
        let once = Expiration::OneShot(TimeSpec::from(moment));
        self.timer
            .set(once, TimerSetTimeFlags::TFD_TIMER_ABSTIME)
            .map_err(failed("timerfd_settime"))
    }
}

/// Setting a timer and waking by it cost more than a request. Neither is done more often than once
/// in the slack, and no request becomes later than by it. Pure.
fn wake_for(due: u64, now: u64, slack_ns: u64, set_to: u64) -> u64 {
    let is_soon_enough = due <= set_to && set_to - due <= slack_ns;
    match is_soon_enough && set_to > now {
        true => set_to,
        false => due.max(now + slack_ns),
    }
}

/// What a system call of the event loop itself that fails comes to.
pub(super) fn failed(call: &'static str) -> impl Fn(Errno) -> Error {
    move |errno| Error::System {
        call,
        reason: io::Error::from(errno),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_wakes_for_several_requests_that_lie_within_the_slack() {
        // Far away: exactly.
        assert_eq!(wake_for(1000, 100, 50, 0), 1000);
        // Near: not before the slack is over.
        assert_eq!(wake_for(110, 100, 50, 0), 150);
        // What it is set to is good enough for the next requests, and not for one before it.
        assert_eq!(wake_for(120, 105, 50, 150), 150);
        assert_eq!(wake_for(160, 105, 50, 150), 160);
        assert_eq!(wake_for(90, 60, 50, 150), 110);
        // A timer that has gone off wakes for nothing.
        assert_eq!(wake_for(150, 150, 50, 150), 200);
        // Without slack, each request has its own.
        assert_eq!(wake_for(110, 100, 0, 150), 110);
    }
}
