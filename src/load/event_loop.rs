//! One thread of a run: its clients, its epoll instance, its tally.

use std::io;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent};

use super::client::{Question, Step};
use super::plan::Share;
use super::response::Answer;
use super::slot::Slot;
use super::tally::Tally;
use super::{Amount, Error, Failure, Plan, Watch, machine};

/// What one read can bring.
const RECEIVE_BUFFER_BYTES: usize = 64 * 1024;
/// What one epoll_wait(2) can bring.
const EVENTS_MAX: usize = 256;
/// How late the wish to stop may be noticed.
const STOP_NOTICED_WITHIN: Duration = Duration::from_millis(100);

/// One thread of a run.
pub(super) struct EventLoop<'a> {
    plan: &'a Plan,
    watch: &'a Watch,
    question: Question,
    epoll: Epoll,
    buffer: Box<[u8]>,
    slots: Vec<Slot>,
    /// Slots with a request in flight.
    asking: usize,
    /// Requests that may still begin.
    requests_left: u64,
    end: Option<Instant>,
    /// The last reading of the clock.
    now: Instant,
    /// Until then, no request can be late and no pause over.
    next_wake: Instant,
    tally: Tally,
}

impl<'a> EventLoop<'a> {
    pub(super) fn new(
        plan: &'a Plan,
        share: Share,
        watch: &'a Watch,
        start: Instant,
    ) -> Result<Self, Error> {
        machine::pin(plan, share.thread)?;
        Ok(Self {
            plan,
            watch,
            question: Question::new(plan),
            epoll: Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).map_err(failed("epoll_create1"))?,
            buffer: vec![0; RECEIVE_BUFFER_BYTES].into(),
            slots: (0..share.connections).map(|_| Slot::new()).collect(),
            asking: 0,
            requests_left: share.requests,
            end: match plan.amount {
                Amount::Duration(duration) => start.checked_add(duration),
                Amount::Requests(_) => plan.time_max.and_then(|most| start.checked_add(most)),
            },
            now: start,
            next_wake: start + plan.timeout,
            tally: Tally::new(start),
        })
    }

    /// Runs until the amount is done, time is up, or the watch says stop.
    pub(super) fn run(mut self) -> Result<Tally, Error> {
        for slot in 0..self.slots.len() {
            self.begin(slot);
        }
        let mut events = [EpollEvent::empty(); EVENTS_MAX];
        while !self.is_over() {
            let ready = self.wait(&mut events)?;
            self.now = Instant::now();
            for event in &events[..ready] {
                self.go_on(event.data() as usize);
            }
            if self.now >= self.next_wake {
                self.wake();
            }
            self.tally.publish(self.watch);
        }
        Ok(self.close_the_books())
    }

    fn wait(&self, events: &mut [EpollEvent]) -> Result<usize, Error> {
        let until = self
            .end
            .map_or(self.next_wake, |end| end.min(self.next_wake));
        let timeout = until
            .saturating_duration_since(self.now)
            .min(STOP_NOTICED_WITHIN);
        // Rounded up: a timeout of 0 ms would spin through the last millisecond.
        let timeout_ms = timeout.as_micros().div_ceil(1000) as u8;
        match self.epoll.wait(events, timeout_ms) {
            Err(Errno::EINTR) => Ok(0),
            outcome => outcome.map_err(failed("epoll_wait")),
        }
    }

    fn is_over(&mut self) -> bool {
        let all_done = self.requests_left == 0 && self.asking == 0;
        let done = all_done || self.end.is_some_and(|end| self.now >= end);
        self.tally.interrupted = !done && self.watch.stop.load(Relaxed);
        done || self.tally.interrupted
    }

    /// The slot's socket is ready.
    fn go_on(&mut self, slot: usize) {
        let step = self.slots[slot]
            .client
            .go_on(&self.question, &mut self.buffer);
        self.drive(slot, step);
    }

    /// Begins a request, if the plan has any left.
    fn begin(&mut self, slot: usize) {
        if let Some(step) = self.ask(slot) {
            self.drive(slot, step);
        }
    }

    /// Takes a client as far as it comes without waiting: one request may end, well or ill, and
    /// the next begin. This ends, since a connection that is of no use at once leads to a pause.
    fn drive(&mut self, slot: usize, mut step: Result<Step, Failure>) {
        loop {
            if let Ok(Step::Wait(on)) = step {
                match self.slots[slot].client.arm(&self.epoll, slot as u64, on) {
                    Ok(()) => return,
                    Err(failure) => step = Err(failure),
                }
            }
            let may_go_on = match step {
                Ok(Step::Answered(answer)) => self.answered(slot, answer),
                Ok(Step::Wait(_)) => return,
                Err(failure) => self.failed(slot, failure),
            };
            match may_go_on.then(|| self.ask(slot)).flatten() {
                Some(next) => step = next,
                None => return,
            }
        }
    }

    fn ask(&mut self, slot: usize) -> Option<Result<Step, Failure>> {
        let slot = &mut self.slots[slot];
        if self.requests_left == 0 {
            slot.retire();
            return None;
        }
        self.requests_left -= 1;
        self.tally.attempted += 1;
        if !slot.client.is_connected() {
            // Closing the last connection took a while, and is not this request's.
            self.now = Instant::now();
        }
        slot.begin(self.now);
        self.asking += 1;
        Some(slot.client.ask(&self.question))
    }

    fn answered(&mut self, slot: usize, answer: Answer) -> bool {
        self.now = Instant::now();
        self.asking -= 1;
        let slot = &mut self.slots[slot];
        let latency = slot.answered(self.now);
        match self.plan.verify(&answer) {
            Ok(()) => self.tally.succeeded(latency),
            Err(failure) => self.tally.errors.count(failure),
        }
        if !(self.plan.keep_alive && answer.reusable && answer.surplus_bytes == 0) {
            slot.client.close();
        }
        true
    }

    /// Counts the failure and drops the connection. The next request may begin at once, unless the
    /// connection was of no use from the start, or this side lacks something, which trying again
    /// at once would not bring.
    fn failed(&mut self, slot: usize, failure: Failure) -> bool {
        self.tally.errors.count(failure);
        self.asking -= 1;
        let slot = &mut self.slots[slot];
        let may_go_on = slot.client.close() && !failure.is_client();
        self.now = Instant::now();
        if !may_go_on {
            self.next_wake = self.next_wake.min(slot.pause(self.now));
        }
        may_go_on
    }

    /// Ends what is late and resumes what has paused. Afterwards the next wake is the earliest
    /// deadline of all: exact, and without any work per request, since whatever begins later has a
    /// later deadline.
    fn wake(&mut self) {
        let now = self.now;
        self.next_wake = now + self.plan.timeout;
        for slot in 0..self.slots.len() {
            match self.slots[slot].wake_at(self.plan.timeout) {
                Some(at) if at > now => self.next_wake = self.next_wake.min(at),
                Some(_) if self.slots[slot].is_asking() => {
                    self.drive(slot, Err(Failure::Timeout));
                }
                Some(_) => self.begin(slot),
                None => {}
            }
        }
    }

    fn close_the_books(mut self) -> Tally {
        self.tally.publish(self.watch);
        self.tally.ended = self.now;
        self.slots.iter().for_each(|slot| self.tally.add(slot));
        self.tally.cpu = machine::thread_cpu();
        self.tally
    }
}

fn failed(call: &'static str) -> impl Fn(Errno) -> Error {
    move |errno| Error::System {
        call,
        reason: io::Error::from(errno),
    }
}

#[cfg(test)]
#[path = "event_loop_tests.rs"]
mod tests;
