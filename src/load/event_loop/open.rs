//! The open loop's part of an event loop: which request goes to which client.

use super::EventLoop;
use crate::load::pacer::Due;

impl EventLoop<'_> {
    /// Sends every request of an open loop that is due and finds a client without a request.
    pub(super) fn send_due(&mut self) {
        while self.pacer.is_some() {
            self.now = self.run.clock.now();
            let Some(due) = self.next_due() else {
                return;
            };
            let Some(slot) = self.free_slot() else {
                // Found below `next_due`: it hands out nothing while no slot is free.
                return;
            };
            self.tally.dispatched(&due, self.now);
            let step = self.ask(slot, due.number, due.intended, due.is_measured);
            self.drive(slot, step);
        }
    }

    /// The next request to send, if there is a client for it: the one that has waited longest,
    /// else the one that is due. What is due and finds no client waits.
    fn next_due(&mut self) -> Option<Due> {
        let has_room = self.has_free_slot();
        let pacer = self.pacer.as_mut()?;
        if !has_room {
            while let Some(due) = pacer.notice(self.now) {
                self.tally.waits(&due);
                pacer.enqueue(due);
            }
            return None;
        }
        if let Some(due) = pacer.dequeue() {
            return Some(due);
        }
        self.tally.none_waits(self.now);
        pacer.notice(self.now)
    }

    fn has_free_slot(&self) -> bool {
        !self.idle.is_empty() || !self.unused.is_empty()
    }

    /// A client without a request. A new connection is opened only where none is idle.
    fn free_slot(&mut self) -> Option<usize> {
        self.idle.pop_front().or_else(|| self.unused.pop())
    }

    /// The slot may take another request.
    pub(super) fn release(&mut self, slot: usize) {
        match self.slots[slot].client.is_connected() {
            true => self.idle.push_back(slot),
            false => self.unused.push(slot),
        }
    }
}
