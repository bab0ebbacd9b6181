//! Signs of life: what a worker says of itself while it works, for its master to see.
//!
//! Each is a store to the worker's own cache line: no system call, no clock and no lock. It is the
//! master who has a clock and looks whether the words change.

use std::sync::atomic::Ordering::Relaxed;

use super::Scoreboard;
use super::layout::record;
use crate::sys::slot;

/// A worker's signs of life at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Heartbeat {
    /// The process that has the slot, or had it last.
    pub pid: u32,
    /// The process that has reported itself ready in it.
    pub ready_pid: u32,
    /// The process that accepts nobody any more in it.
    pub leaving_pid: u32,
    /// Changes for as long as the worker gets on.
    pub beat: u64,
    /// The request that the handler is at work on; 0 if it has none.
    pub handling: u64,
    /// Connections that it holds.
    pub clients: u64,
    /// Connections begun in the slot.
    pub connections: u64,
    /// Requests answered in the slot.
    pub requests: u64,
}

/// A connection that is open; see [`Scoreboard::hold`].
pub struct Held<'a> {
    scoreboard: &'a Scoreboard,
    slot: usize,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let word = self.scoreboard.word(self.slot, record::CLIENTS);
        word.fetch_sub(1, Relaxed);
    }
}

impl Scoreboard {
    /// The current thread gets on. To be called at least once a tick, by whoever waits or takes
    /// his time: a worker that does not is wedged.
    #[inline]
    pub fn beat(&self) {
        // Nobody else writes here, so the two halves need not be one.
        let word = self.word(slot::get(), record::BEAT);
        word.store(word.load(Relaxed).wrapping_add(1), Relaxed);
    }

    /// The handler gets a request; [`Scoreboard::answered`] ends it.
    #[inline]
    pub fn answering(&self) {
        let slot = slot::get();
        let number = self.word(slot, record::REQUESTS).load(Relaxed) + 1;
        self.word(slot, record::HANDLING).store(number, Relaxed);
    }

    /// How many connections the current thread holds now. One that holds none is idle.
    #[inline]
    pub fn holds(&self, clients: u64) {
        self.word(slot::get(), record::CLIENTS)
            .store(clients, Relaxed);
    }

    /// The current thread has begun a connection more, which counts as its own until the guard
    /// goes, whichever thread it ends on: for tasks, which move about.
    pub fn hold(&self) -> Held<'_> {
        let slot = slot::get();
        self.word(slot, record::CLIENTS).fetch_add(1, Relaxed);
        Held {
            scoreboard: self,
            slot,
        }
    }

    /// This process, of this generation, has all that it needs to serve in `slot`.
    pub fn ready(&self, slot: usize, generation: u64) {
        let pid = u64::from(std::process::id());
        self.word(slot, record::GENERATION)
            .store(generation, Relaxed);
        self.word(slot, record::READY).store(pid, Relaxed);
    }

    /// This process accepts nobody any more, be it told to or not: for its master, who may want
    /// another in its place before the last client has gone.
    pub fn leaving(&self) {
        let pid = u64::from(std::process::id());
        self.word(slot::get(), record::LEAVING).store(pid, Relaxed);
    }

    /// The signs of life of a slot.
    pub fn heartbeat(&self, slot: usize) -> Heartbeat {
        let load = |field| self.word(slot, field).load(Relaxed);
        Heartbeat {
            pid: load(record::PID) as u32,
            ready_pid: load(record::READY) as u32,
            leaving_pid: load(record::LEAVING) as u32,
            beat: load(record::BEAT),
            handling: load(record::HANDLING),
            clients: load(record::CLIENTS),
            connections: load(record::CONNECTIONS),
            requests: load(record::REQUESTS),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_shows_what_it_does() {
        let scoreboard = Scoreboard::create().unwrap();
        let pid = std::process::id();
        scoreboard.enter(3);
        scoreboard.holds(1);
        scoreboard.beat();
        scoreboard.answered();
        scoreboard.answering();
        let seen = scoreboard.heartbeat(3);
        assert_eq!((seen.pid, seen.ready_pid), (pid, 0));
        assert_eq!((seen.beat, seen.handling, seen.clients), (1, 2, 1));
        scoreboard.answered();
        scoreboard.holds(0);
        scoreboard.ready(3, 7);
        let seen = scoreboard.heartbeat(3);
        assert_eq!((seen.ready_pid, seen.handling, seen.clients), (pid, 0, 0));
        assert_eq!(seen.leaving_pid, 0);
        scoreboard.leaving();
        assert_eq!(scoreboard.heartbeat(3).leaving_pid, pid);
    }

    #[test]
    fn what_a_killed_predecessor_has_left_is_swept_away() {
        let scoreboard = Scoreboard::create().unwrap();
        scoreboard.enter(1);
        scoreboard.holds(5);
        scoreboard.answering();
        scoreboard.enter(1);
        let seen = scoreboard.heartbeat(1);
        assert_eq!((seen.handling, seen.clients), (0, 0));
    }
}
