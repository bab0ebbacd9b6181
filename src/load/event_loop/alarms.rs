//! What an event loop does at a time: ends of pauses, other addresses to try, late requests.

use std::cmp::Reverse;

use super::{EventLoop, NEXT_ADDRESS_AFTER};
use crate::load::Failure;
use crate::load::client::Step;
use crate::load::slot::{InFlight, State};

impl EventLoop<'_> {
    /// Does what slots have asked for at a time that has come, and ends what is late.
    pub(super) fn run_alarms(&mut self) {
        while let Some(&Reverse((at, slot))) = self.alarms.peek()
            && at <= self.now
        {
            self.alarms.pop();
            match self.slots[slot].state {
                // An alarm of an earlier request may come before the pause is over.
                State::Pausing { until } if until <= self.now => {
                    self.slots[slot].state = State::Idle;
                    match self.pacer {
                        Some(_) => self.release(slot),
                        None => self.begin(slot),
                    }
                }
                State::Asking(request) if self.is_slow_to_connect(slot, &request) => {
                    let step = self.slots[slot].client.try_next_address(&self.tools);
                    self.drive(slot, step);
                }
                _ => {}
            }
        }
        if self.now >= self.next_timeout {
            self.end_late_requests();
        }
    }

    fn is_slow_to_connect(&self, slot: usize, request: &InFlight) -> bool {
        let client = &self.slots[slot].client;
        let is_late = self.now - request.sent >= NEXT_ADDRESS_AFTER.as_nanos() as u64;
        is_late && client.is_connecting() && client.has_next_address(&self.tools)
    }

    /// Afterwards the next look is at the earliest deadline of all: exact, and without any work
    /// per request, since every request that begins later has a later deadline.
    fn end_late_requests(&mut self) {
        let now = self.now;
        self.next_timeout = now + self.timeout_ns;
        for slot in 0..self.slots.len() {
            let Some(request) = self.slots[slot].in_flight() else {
                continue;
            };
            let deadline = request.sent + self.timeout_ns;
            if deadline <= now {
                // Before a request is called late, what has arrived is read: the loop itself may
                // have been late.
                let step = match self.slots[slot].client.advance(&mut self.tools) {
                    Ok(Step::Wait(_)) => Err(Failure::Timeout),
                    other => other,
                };
                self.drive(slot, step);
            } else {
                self.next_timeout = self.next_timeout.min(deadline);
            }
        }
    }
}
