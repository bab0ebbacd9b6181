//! The heartbeat: words that a worker changes while it works, for its master.
//!
//! Each is a store to the worker's own cache line: no system call, no clock and no lock. The master
//! has the clock, and checks whether the words change.

use std::sync::atomic::Ordering::Relaxed;

use super::Scoreboard;
use super::layout::record;
use super::slot;

/// The heartbeat of one slot at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Heartbeat {
    /// The process that has the slot, or had it last.
    pub pid: u32,
    /// The process that has last reported itself ready in it.
    pub ready_pid: u32,
    /// The process that has last reported in it that it accepts no connection any more.
    pub leaving_pid: u32,
    /// Changes at every tick of a worker that does not hang.
    pub beat: u64,
    /// The number of the request that the handler is answering; 0 between requests.
    pub handling: u64,
    /// Connections that it holds.
    pub clients: u64,
    /// Connections accepted in the slot, by all its workers so far.
    pub connections: u64,
    /// Requests answered in the slot, by all its workers so far.
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
    /// The current thread is alive. To be called at least once a tick, also by code that waits or
    /// takes long: the master kills a worker that does not beat.
    #[inline]
    pub fn beat(&self) {
        // Only this thread writes here, so no atomic addition is needed.
        let word = self.word(slot::get(), record::BEAT);
        word.store(word.load(Relaxed).wrapping_add(1), Relaxed);
    }

    /// The handler begins with a request; [`Scoreboard::answered`] ends it.
    #[inline]
    pub fn answering(&self) {
        let slot = slot::get();
        let number = self.word(slot, record::REQUESTS).load(Relaxed) + 1;
        self.word(slot, record::HANDLING).store(number, Relaxed);
    }

    /// The number of connections that the current thread holds now. With none it is idle.
    #[inline]
    pub fn holds(&self, clients: u64) {
        self.word(slot::get(), record::CLIENTS)
            .store(clients, Relaxed);
    }

    /// Counts one more connection for the current thread, until the guard is dropped. Tasks move
    /// between threads, so the guard remembers the slot.
    pub fn hold(&self) -> Held<'_> {
        let slot = slot::get();
        self.word(slot, record::CLIENTS).fetch_add(1, Relaxed);
        Held {
            scoreboard: self,
            slot,
        }
    }

    /// Reports that this process, of this generation, is ready to serve in `slot`.
    pub fn ready(&self, slot: usize, generation: u64) {
        let pid = u64::from(std::process::id());
        self.word(slot, record::GENERATION)
            .store(generation, Relaxed);
        self.word(slot, record::READY).store(pid, Relaxed);
    }

    /// Reports that this process accepts no connection any more. Its master may start a successor
    /// before the last client has left.
    pub fn leaving(&self) {
        let pid = u64::from(std::process::id());
        self.word(slot::get(), record::LEAVING).store(pid, Relaxed);
    }

    /// Reads the heartbeat of a slot; for the master.
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
    fn a_heartbeat_can_be_read() {
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
    fn a_worker_clears_what_a_killed_one_has_left_in_its_slot() {
        let scoreboard = Scoreboard::create().unwrap();
        scoreboard.enter(1);
        scoreboard.holds(5);
        scoreboard.answering();
        scoreboard.enter(1);
        let seen = scoreboard.heartbeat(1);
        assert_eq!((seen.handling, seen.clients), (0, 0));
    }
}
