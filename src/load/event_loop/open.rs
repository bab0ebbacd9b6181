//! The open loop's part of an event loop: which request goes to which client.

use super::EventLoop;
use crate::load::pacer::Due;

impl EventLoop<'_> {
    /// Sends every request of an open loop that is due and finds a client without a request.
    pub(super) fn send_due(&mut self) {
        while self.pacer.is_some() {
            self.now = self.run.clock.now();
            let slot_and_due = self.next_due().map(|due| (self.free_slot(), due));
            // `next_due` hands out nothing while no slot is free.
            let Some((Some(slot), due)) = slot_and_due else {
                let free = self.free_slots();
                return self.run.queue.announce(self.share.thread, free);
            };
            self.tally.dispatched(&due, self.now);
            let step = self.ask(slot, due.number, due.intended, due.is_measured);
            self.drive(slot, step);
        }
    }

    /// The next request to send, if there is a client for it: the one that has waited longest,
    /// else the one that is due. What is due and finds no client waits.
    fn next_due(&mut self) -> Option<Due> {
        if self.free_slots() == 0 {
            self.enqueue_due();
            return None;
        }
        let waiting = self.run.queue.pop(self.now);
        waiting.or_else(|| self.notice())
    }

    /// Puts every request that is due into the queue.
    fn enqueue_due(&mut self) {
        while let Some(due) = self.notice() {
            if self.run.queue.push(due, self.share.thread) {
                self.tally.waits(&due);
            }
        }
    }

    /// Takes the next request if it is due by now.
    fn notice(&mut self) -> Option<Due> {
        let pacer = self.pacer.as_mut()?;
        let due = pacer.notice(self.now)?;
        if pacer.is_exhausted() {
            self.run.queue.finish_schedule();
        }
        Some(due)
    }

    fn free_slots(&self) -> usize {
        self.idle.len() + self.unused.len()
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

    /// Offers the free slots to requests of other threads, before this one blocks. Returns whether
    /// it must not, since one waits.
    pub(super) fn offer_free_slots(&self) -> bool {
        self.pacer.is_some() && self.run.queue.offer(self.share.thread, self.free_slots())
    }

    /// Requests that wait for a connection. Only the first thread tells, as the queue is the run's.
    pub(super) fn waiting(&self) -> u64 {
        match self.share.thread {
            0 => self.run.queue.len() as u64,
            _ => 0,
        }
    }

    /// At the end: takes no request of another thread any more, and leaves its own that are due in
    /// the queue, where they count.
    pub(super) fn leave_queue(&mut self) {
        self.run.queue.announce(self.share.thread, 0);
        while let Some(due) = self.notice() {
            self.run.queue.push(due, self.share.thread);
        }
    }
}
