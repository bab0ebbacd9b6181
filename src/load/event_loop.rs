//! One thread of a run: its clients, its epoll instance, its tally.
//!
//! A closed loop gives each client its next request as soon as it has its answer. An open loop
//! gives a request to a client when the request is due; if all are busy, the request waits in a
//! queue and keeps its intended time.

mod ahead;
mod alarms;
mod open;
mod requests;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::ops::Range;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent};

use super::client::Tools;
use super::destination::{Destination, Requests};
use super::pacer::{Pacer, Timetable};
use super::plan::Share;
use super::queue::Queue;
use super::shared::{Patience, Shared};
use super::slot::Slot;
use super::tally::Tally;
use super::timer::{Clock, Timer, failed};
use super::traced::Traced;
use super::{Amount, Error, Failure, Plan, Watch, machine};

/// What one read can bring.
const RECEIVE_BUFFER_BYTES: usize = 64 * 1024;
/// What one epoll_wait(2) can bring.
const EVENTS_MAX: usize = 256;
/// After so many events, an open loop looks for requests that have become due meanwhile.
const EVENTS_BETWEEN_SENDS: usize = 32;
/// A closed loop begins so many clients at a time, and looks after those that have begun in
/// between. Otherwise no answer would be read while thousands of connections are opened.
const BEGUN_AT_ONCE: usize = EVENTS_MAX;
/// How late the wish to stop may be noticed.
const STOP_NOTICED_WITHIN_MS: u8 = 100;
/// A connection that is not established by then tries the host's next address as well
/// (RFC 8305 section 5).
const NEXT_ADDRESS_AFTER: Duration = Duration::from_millis(250);
/// The tokens of the timer and of a wake-up by another thread; slots have their index.
const TIMER: u64 = u64::MAX;
const WAKE: u64 = TIMER - 1;

/// What all threads of a run are handed.
#[derive(Clone, Copy)]
pub(super) struct Run<'a> {
    pub(super) plan: &'a Plan,
    pub(super) watch: &'a Watch,
    pub(super) shared: &'a Shared,
    pub(super) queue: &'a Queue,
    pub(super) clock: Clock,
}

/// One thread of a run. All times are in ns from the start of the run.
pub(super) struct EventLoop<'a> {
    run: Run<'a>,
    share: Share,
    tools: Tools,
    epoll: Epoll,
    timer: Timer,
    slots: Vec<Slot>,
    /// Slots of a closed loop that have not begun their first request.
    unbegun: Range<usize>,
    /// The requests of an open loop; none in a closed loop.
    pacer: Option<Pacer>,
    /// Slots without a request: those with a connection, the longest idle first, and the others.
    idle: VecDeque<usize>,
    unused: Vec<usize>,
    /// Slots with a measured request in flight, and with any.
    asking_measured: usize,
    asking: usize,
    /// Requests begun, for the choice of the kind of request in a closed loop.
    begun: u64,
    /// When the measurement begins, and when the run ends at the latest.
    measured_from: u64,
    end: Option<u64>,
    /// The processor time used before the measurement, once it has begun.
    cpu_before: Option<Duration>,
    patience: Patience,
    /// The last reading of the clock.
    now: u64,
    /// Until then, no request can be late.
    next_timeout: u64,
    timeout_ns: u64,
    slack_ns: u64,
    /// Slots that have something to do at a time: the end of a pause, another address to try.
    alarms: BinaryHeap<Reverse<(u64, usize)>>,
    tally: Tally,
}

impl<'a> EventLoop<'a> {
    pub(super) fn new(
        run: Run<'a>,
        share: Share,
        timetable: Option<Timetable>,
    ) -> Result<Self, Error> {
        let plan = run.plan;
        machine::pin(plan, share.thread)?;
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).map_err(failed("epoll_create1"))?;
        run.queue.register(share.thread, &epoll, WAKE)?;
        let measured_from = plan.warm_up.as_nanos() as u64;
        let limit = plan.time_limit().map(|limit| limit.as_nanos() as u64);
        Ok(Self {
            run,
            share,
            tools: Tools {
                destination: Destination::new(plan, share.thread)?,
                requests: Requests::new(plan),
                buffer: vec![0; RECEIVE_BUFFER_BYTES].into(),
            },
            timer: Timer::new(&epoll, TIMER, run.clock)?,
            epoll,
            slots: slots(plan, share),
            unbegun: match timetable {
                Some(_) => 0..0,
                None => 0..share.connections,
            },
            pacer: timetable.map(|times| Pacer::new(times, share.thread, share.threads)),
            idle: VecDeque::new(),
            unused: (0..share.connections).rev().collect(),
            asking_measured: 0,
            asking: 0,
            begun: 0,
            measured_from,
            end: limit.and_then(|limit| measured_from.checked_add(limit)),
            cpu_before: None,
            patience: Patience::new(plan),
            now: run.clock.now(),
            next_timeout: 0,
            timeout_ns: plan.timeout.as_nanos() as u64,
            slack_ns: plan.timer_slack.as_nanos() as u64,
            alarms: BinaryHeap::new(),
            tally: Tally::new(plan),
        })
    }

    /// Runs until the amount is done, time is up, the server has gone, or the watch says stop.
    ///
    /// # Errors
    /// A server that cannot be reached at all, and system calls of the loop itself that fail.
    pub(super) fn run(mut self) -> Result<Tally, Error> {
        self.open_ahead();
        self.run.clock.wait(Duration::ZERO, self.run.watch);
        self.now = self.run.clock.now();
        self.tally.entered = self.now;
        self.next_timeout = self.now + self.timeout_ns;
        if self.measured_from == 0 {
            self.cpu_before = Some(Duration::ZERO);
        }
        let mut events = [EpollEvent::empty(); EVENTS_MAX];
        while !self.is_over() {
            self.begin_some();
            self.send_due();
            self.check_reachable()?;
            let ready = self.wait(&mut events)?;
            self.now = self.run.clock.now();
            for batch in events[..ready].chunks(EVENTS_BETWEEN_SENDS) {
                for event in batch.iter().filter(|event| event.data() < WAKE) {
                    self.advance(event.data() as usize);
                }
                self.send_due();
            }
            self.run_alarms();
            self.keep_the_books();
        }
        Ok(self.close())
    }

    /// Begins the next clients of a closed loop. Where requests are counted, all at once: each
    /// connection is to get one before any gets a second.
    fn begin_some(&mut self) {
        if self.unbegun.is_empty() {
            return;
        }
        let (from, to) = (self.unbegun.start, self.unbegun.end);
        let until = match self.run.plan.amount {
            Amount::Duration(_) => to.min(from + BEGUN_AT_ONCE),
            Amount::Requests(_) => to,
        };
        self.unbegun = until..to;
        (from..until).for_each(|slot| self.begin(slot));
        self.tally.opened = self.run.clock.now();
    }

    /// Blocks until a socket is ready or something is due. The timer is set only if it has changed
    /// and nothing is ready: in a virtual machine, setting it may cost more than a request.
    fn wait(&mut self, events: &mut [EpollEvent]) -> Result<usize, Error> {
        let due = self.pacer.as_ref().and_then(Pacer::next_at);
        let due = due.map(|due| match due > self.now {
            true => self.timer.wake_for(due, self.now, self.slack_ns),
            false => due,
        });
        let alarm = self.alarms.peek().map(|Reverse((at, _))| *at);
        let moments = [due, alarm, self.end, Some(self.next_timeout)];
        let until = moments.into_iter().flatten().min().unwrap_or(u64::MAX);
        let is_busy = self.run.plan.spin || !self.unbegun.is_empty();
        if until <= self.now || is_busy || self.offer_free_slots() {
            return self.ready(events, 0);
        }
        if !self.timer.is_set_to(until) {
            let ready = self.ready(events, 0)?;
            if ready > 0 {
                return Ok(ready);
            }
            self.timer.set(until)?;
        }
        self.ready(events, STOP_NOTICED_WITHIN_MS)
    }

    fn ready(&self, events: &mut [EpollEvent], timeout_ms: u8) -> Result<usize, Error> {
        match self.epoll.wait(events, timeout_ms) {
            Err(Errno::EINTR) => Ok(0),
            outcome => outcome.map_err(failed("epoll_wait")),
        }
    }

    fn is_over(&mut self) -> bool {
        let is_done = self.is_done() || self.end.is_some_and(|end| self.now >= end);
        self.tally.interrupted = !is_done && self.run.watch.stop.load(Relaxed);
        let early = || {
            let errors_max = self.run.plan.errors_max;
            let shared = self.run.shared;
            shared.early_end(self.now, self.patience, errors_max)
        };
        is_done || self.tally.interrupted || early().is_some()
    }

    /// Whether all requests are over. An open loop goes on to the end of its schedule, so that its
    /// rate is that of the whole plan.
    fn is_done(&self) -> bool {
        let Some(pacer) = &self.pacer else {
            return self.asking_measured == 0 && self.run.shared.is_used_up();
        };
        let schedule = self.run.plan.schedule.as_ref();
        let schedule_ns = schedule.map_or(0, |it| it.duration().as_nanos() as u64);
        matches!(self.run.plan.amount, Amount::Requests(_))
            && self.asking == 0
            && pacer.is_exhausted()
            && self.run.queue.is_exhausted()
            && self.now >= self.measured_from + schedule_ns
    }

    /// A target that refuses the first connection of all is told at once, and not by a table full
    /// of errors.
    fn check_reachable(&self) -> Result<(), Error> {
        if !self.tally.refused || self.run.shared.has_answered() {
            return Ok(());
        }
        if self.slots.iter().any(|slot| slot.client.opened > 0) {
            return Ok(());
        }
        self.run.shared.give_up();
        Err(Error::Unreachable {
            url: self.run.plan.target.to_string(),
            reason: Failure::Refused.reason().to_owned(),
        })
    }

    /// What is done once for each batch of events.
    fn keep_the_books(&mut self) {
        if self.cpu_before.is_none() && self.now >= self.measured_from {
            self.cpu_before = Some(machine::thread_cpu());
        }
        self.tally.publish(self.run.watch, self.run.shared);
        if self.tally.is_second_over(self.now) {
            let waiting = self.waiting();
            let open = self
                .slots
                .iter()
                .filter(|it| it.client.is_connected())
                .count();
            let watch = self.run.watch;
            self.tally
                .close_second(self.now, waiting, open as u64, watch);
        }
    }

    fn close(mut self) -> Tally {
        self.tally.publish(self.run.watch, self.run.shared);
        let cpu_before = self.cpu_before.unwrap_or(Duration::ZERO);
        self.tally.cpu = machine::thread_cpu().saturating_sub(cpu_before);
        self.tally.address = self.tools.destination.settled();
        self.leave_queue();
        let (waiting, watch) = (self.waiting(), self.run.watch);
        self.tally.close(self.now, &self.slots, waiting, watch);
        self.tally
    }
}

/// The places of a thread's clients, whose numbers are those of the whole run.
fn slots(plan: &Plan, share: Share) -> Vec<Slot> {
    let number = |at| at * share.threads + share.thread + 1;
    let trace = plan.trace.as_ref();
    let traced = |at| trace.map(|recorder| Traced::new(recorder, number(at)));
    let slots = (0..share.connections).map(|at| Slot::new(traced(at)));
    slots.collect()
}

#[cfg(test)]
#[path = "event_loop_tests.rs"]
mod tests;
