//! Connections that are opened before a run begins.

use std::sync::atomic::Ordering::Relaxed;

use nix::sys::epoll::EpollFlags;

use super::EventLoop;

impl EventLoop<'_> {
    /// Opens this thread's connections before the clock starts. With several generators that begin
    /// at one moment, all handshakes at that moment would be a load of their own.
    ///
    /// The connections of a closed loop open with their first request, as does a connection that
    /// carries only one request.
    pub(super) fn open_ahead(&mut self) {
        let plan = self.run.plan;
        let keeps = plan.keep_alive && plan.requests_per_connection != Some(1);
        let is_wanted = plan.start_at.is_some() && !self.run.watch.stop.load(Relaxed);
        if !is_wanted || self.pacer.is_none() || !keeps {
            return;
        }
        let mut slots = std::mem::take(&mut self.unused);
        slots.reverse();
        for &slot in &slots {
            self.slots[slot].client.open(&self.tools);
        }
        for slot in slots {
            let client = &mut self.slots[slot].client;
            client.complete(&self.tools, self.run.clock.until_start());
            // So that the end of an idle connection is noticed.
            let armed = client.arm(&self.epoll, slot as u64, EpollFlags::EPOLLIN);
            if armed.is_err() {
                client.close();
            }
            self.release(slot);
        }
    }
}
