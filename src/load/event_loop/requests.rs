//! One request of one client, from its beginning to its end, well or ill.

use std::cmp::Reverse;

use super::{EventLoop, NEXT_ADDRESS_AFTER};
use crate::load::Failure;
use crate::load::client::Step;
use crate::load::response::Answer;
use crate::load::slot::{InFlight, State};
use crate::trace::Event;

impl EventLoop<'_> {
    /// The slot's socket is ready.
    pub(super) fn advance(&mut self, slot: usize) {
        let place = &mut self.slots[slot];
        if place.in_flight().is_none() {
            // The server closed a connection that nothing was asked on (RFC 9112 section 9.5), or
            // sent what nothing asked for. Neither concerns a request.
            place.client.close();
            return;
        }
        let step = place.client.advance(&mut self.tools);
        self.drive(slot, step);
    }

    /// Takes a client as far as it comes without waiting: one request may end, well or ill, and
    /// the next begin. This ends, since a connection that is of no use at once leads to a pause.
    pub(super) fn drive(&mut self, slot: usize, mut step: Result<Step, Failure>) {
        loop {
            self.note_progress(slot, matches!(step, Ok(Step::Answered(_))));
            if let Ok(Step::Wait(on)) = step {
                let client = &mut self.slots[slot].client;
                match client.arm(&self.epoll, slot as u64, on) {
                    Ok(()) => return,
                    Err(failure) => step = Err(failure),
                }
            }
            let may_go_on = match step {
                Ok(Step::Answered(answer)) => self.answered(slot, answer),
                Ok(Step::Wait(_)) => return,
                Err(failure) => self.failed(slot, failure),
            };
            match may_go_on.then(|| self.ask_next(slot)).flatten() {
                Some(next) => step = next,
                None => return,
            }
        }
    }

    /// Reads the clock where a connection was just made, or where an answer has begun and is not
    /// whole. Otherwise the reading at the answer's end says it all.
    fn note_progress(&mut self, slot: usize, is_whole: bool) {
        let place = &mut self.slots[slot];
        let is_connected = std::mem::take(&mut place.client.just_connected);
        let has_begun = place.client.has_first_byte();
        let State::Asking(request) = &mut place.state else {
            return;
        };
        if is_connected {
            self.tally.connected(request, self.run.clock.now());
        }
        if has_begun && !is_whole && request.first_byte == 0 {
            request.first_byte = self.run.clock.now();
        }
    }

    /// Begins a request of a closed loop, if the plan has any left.
    pub(super) fn begin(&mut self, slot: usize) {
        if let Some(step) = self.ask_next(slot) {
            self.drive(slot, step);
        }
    }

    pub(super) fn ask_next(&mut self, slot: usize) -> Option<Result<Step, Failure>> {
        if self.pacer.is_some() {
            self.release(slot);
            return None;
        }
        let is_measured = self.now >= self.measured_from;
        if is_measured && !self.run.shared.take() {
            self.slots[slot].retire();
            return None;
        }
        if !self.slots[slot].client.is_connected() {
            // Closing the last connection took a while, and is not this request's.
            self.now = self.run.clock.now();
        }
        let number = self.begun * self.share.threads as u64 + self.share.thread as u64;
        Some(self.ask(slot, number, self.now, is_measured))
    }

    /// Sends request `number` over this slot.
    pub(super) fn ask(
        &mut self,
        slot: usize,
        number: u64,
        intended: u64,
        is_measured: bool,
    ) -> Result<Step, Failure> {
        let plan = self.run.plan;
        let place = &mut self.slots[slot];
        let kind = plan.workload.pick(plan.seed, number);
        place.state = State::Asking(InFlight {
            kind,
            intended,
            sent: self.now,
            first_byte: 0,
            is_measured,
        });
        self.begun += 1;
        self.asking += 1;
        self.asking_measured += usize::from(is_measured);
        self.tally.begun(is_measured);
        let number_on_connection = place.client.carried() + 1;
        let is_last =
            !plan.keep_alive || plan.requests_per_connection == Some(number_on_connection);
        if let Some(traced) = &mut place.client.traced {
            traced.asks(self.run.clock.to_monotonic(intended));
        }
        let step = place.client.ask(kind, is_last, &self.tools);
        if place.client.is_connecting() && place.client.has_next_address(&self.tools) {
            let later = self.now + NEXT_ADDRESS_AFTER.as_nanos() as u64;
            self.alarms.push(Reverse((later, slot)));
        }
        step
    }

    fn answered(&mut self, slot: usize, answer: Answer) -> bool {
        self.now = self.run.clock.now();
        self.run.shared.answered(self.now);
        let Some(request) = self.end_request(slot) else {
            return false;
        };
        let plan = self.run.plan;
        let kind = &plan.workload.requests()[request.kind];
        self.tally.status(answer.status, request.is_measured);
        let place = &mut self.slots[slot];
        place.answered();
        let verified = if answer.surplus_bytes > 0 {
            Err(Failure::WrongBody)
        } else if !kind.accepts(answer.status) {
            Err(Failure::Status)
        } else if plan
            .body_bytes
            .is_some_and(|bytes| bytes != answer.body_bytes)
        {
            Err(Failure::WrongBody)
        } else {
            Ok(())
        };
        match verified {
            Ok(()) => self.tally.succeeded(&request, self.now),
            Err(failure) => self.tally.failed(&request, failure, &place.client),
        }
        let is_full = plan.requests_per_connection == Some(place.client.carried());
        if !plan.keep_alive || is_full || !answer.reusable || answer.surplus_bytes > 0 {
            place.client.close();
        }
        if self.pacer.is_none() && !kind.think.is_zero() {
            let until = self.now + kind.think.as_nanos() as u64;
            place.state = State::Pausing { until };
            self.alarms.push(Reverse((until, slot)));
            return false;
        }
        true
    }

    /// Counts the failure and drops the connection. The next request may begin at once, unless the
    /// connection was of no use from the start, or this side lacks something, which trying again
    /// at once would not bring.
    pub(super) fn failed(&mut self, slot: usize, failure: Failure) -> bool {
        let Some(request) = self.end_request(slot) else {
            return false;
        };
        let place = &mut self.slots[slot];
        self.tally.failed(&request, failure, &place.client);
        self.tally.refused |= failure == Failure::Refused;
        place.client.note(Event::Failed);
        let may_go_on = place.client.close() && !failure.is_client();
        self.now = self.run.clock.now();
        self.run.shared.failed(failure, self.now);
        if !may_go_on {
            let until = place.back_off(self.now);
            self.alarms.push(Reverse((until, slot)));
        }
        may_go_on
    }

    /// The slot's request is over, well or ill.
    fn end_request(&mut self, slot: usize) -> Option<InFlight> {
        let place = &mut self.slots[slot];
        let request = *place.in_flight()?;
        place.state = State::Idle;
        self.asking -= 1;
        self.asking_measured -= usize::from(request.is_measured);
        Some(request)
    }
}
