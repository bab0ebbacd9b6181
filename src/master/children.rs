//! The processes that a parent has forked and not yet reaped: the `fork` model's and a master's.

use std::collections::HashMap;
use std::io;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::sys::signal::{self, Signals};

/// How long children have to end by themselves in a fast stop.
const FAST: Duration = Duration::from_secs(1);

/// How long a child that was killed may take to end. The kernel ends a process that waits for a
/// device only when the device answers, and shows the end of one that is traced to its tracer first
/// (`ptrace(2)`).
const DEATH_TIME_MAX: Duration = Duration::from_secs(5);

/// The signals that ask a master to stop.
pub(super) const STOPS: [Signal; 3] = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGQUIT];

/// Children that were not reaped, each with a note of its parent.
#[derive(Debug)]
pub struct Children<T> {
    live: HashMap<Pid, T>,
}

impl<T> Default for Children<T> {
    fn default() -> Self {
        Self {
            live: HashMap::new(),
        }
    }
}

impl<T> Children<T> {
    /// Adds a child that was just forked.
    pub fn add(&mut self, pid: Pid, note: T) {
        self.live.insert(pid, note);
    }

    /// How many have not been reaped.
    pub fn len(&self) -> usize {
        self.live.len()
    }

    /// Whether all have been reaped.
    pub fn is_empty(&self) -> bool {
        self.live.is_empty()
    }

    /// Reaps one child that has ended, without waiting for one. Returns how it ended, and its
    /// note. Until it is reaped, such a child stays in the process table as a zombie.
    ///
    /// Children that this process did not fork are reaped and ignored: process 1 of a container
    /// becomes the parent of all orphans.
    // ANCHOR: reap
    pub fn reap(&mut self) -> Option<(Pid, WaitStatus, T)> {
        loop {
            // ECHILD: there is no child at all, so none to reap.
            let status = waitpid(None, Some(WaitPidFlag::WNOHANG)).ok()?;
            let pid = status.pid()?;
            if let Some(note) = self.live.remove(&pid) {
                return Some((pid, status, note));
            }
        }
    }
    // ANCHOR_END: reap

    /// Reaps every child that has ended; each child's note is given to `reaped`.
    pub fn reap_all(&mut self, mut reaped: impl FnMut(T)) {
        while let Some((_, _, note)) = self.reap() {
            reaped(note);
        }
    }

    /// All of them, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Pid, &T)> {
        self.live.iter().map(|(&pid, note)| (pid, note))
    }

    /// All of them, in no order.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (Pid, &mut T)> {
        self.live.iter_mut().map(|(&pid, note)| (pid, note))
    }

    pub(super) fn get(&self, pid: Pid) -> Option<&T> {
        self.live.get(&pid)
    }

    pub(super) fn get_mut(&mut self, pid: Pid) -> Option<&mut T> {
        self.live.get_mut(&pid)
    }

    /// Sends a signal to a child that has not been reaped yet.
    pub(super) fn signal(&self, pid: Pid, signal: Signal) {
        // A child that has ended is a zombie and keeps its process ID until it is reaped, so the
        // signal cannot reach another process with the same ID.
        let _ = kill(pid, signal);
    }

    /// Sends SIGTERM to all children and waits until the last has ended. `wait` is given the notes
    /// of those that have ended since the last call, and returns the next signal. A second signal
    /// that stops, or the end of the grace period (SIGALRM), kills the rest. After another SIGALRM
    /// it waits no longer.
    ///
    /// # Errors
    /// Children had to be killed: their requests were not finished.
    // ANCHOR: stop
    pub fn stop(
        mut self,
        mut wait: impl FnMut(Vec<T>) -> io::Result<Option<Signal>>,
    ) -> io::Result<()> {
        let mut killed = None;
        self.signal_all(Signal::SIGTERM);
        loop {
            let mut ended = Vec::new();
            self.reap_all(|note| ended.push(note));
            if self.is_empty() {
                break;
            }
            let reason = match wait(ended)? {
                Some(Signal::SIGALRM) if killed.is_some() => {
                    return Err(undead(self.len()));
                }
                Some(Signal::SIGALRM) => "the graceful timeout is over",
                Some(signal) if STOPS.contains(&signal) => "a second signal",
                _ => continue,
            };
            killed = killed.or(Some((self.len(), reason)));
            self.signal_all(Signal::SIGKILL);
            signal::extend_grace(DEATH_TIME_MAX);
        }
        killed.map_or(Ok(()), |(count, reason)| by_force(count, reason))
    }
    // ANCHOR_END: stop

    /// Kills all children, after a second signal that stops, and waits until the last has ended.
    ///
    /// # Errors
    /// There were any: their requests were not finished.
    pub(super) fn kill(mut self, signals: &Signals) -> io::Result<()> {
        self.reap_all(drop);
        let count = self.len();
        self.signal_all(Signal::SIGKILL);
        self.reap_killed(signals)?;
        match count {
            0 => Ok(()),
            _ => by_force(count, "a second signal"),
        }
    }

    /// SIGQUIT ends all children at once, whatever they are doing. Children that are still there
    /// after a second (stopped, or stuck in the kernel) are killed.
    ///
    /// # Errors
    /// The system call that waits fails.
    pub fn stop_fast(mut self, signals: &Signals) -> io::Result<()> {
        let end = Instant::now() + FAST;
        self.signal_all(Signal::SIGQUIT);
        self.reap_all(drop);
        while !self.is_empty() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                self.signal_all(Signal::SIGKILL);
                return self.reap_killed(signals);
            }
            signals.wait(Some(left))?;
            self.reap_all(drop);
        }
        Ok(())
    }

    /// Waits for the ends of children that were all killed, but not for ever.
    fn reap_killed(&mut self, signals: &Signals) -> io::Result<()> {
        let end = Instant::now() + DEATH_TIME_MAX;
        while !self.is_empty() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(undead(self.len()));
            }
            signals.wait(Some(left))?;
            self.reap_all(drop);
        }
        Ok(())
    }

    fn signal_all(&self, signal: Signal) {
        for &pid in self.live.keys() {
            self.signal(pid, signal);
        }
    }
}

/// The error of a stop that waits for killed children no longer.
fn undead(count: usize) -> io::Error {
    io::Error::other(format!(
        "children that have not ended {DEATH_TIME_MAX:?} after SIGKILL: {count}; a debugger holds \
         them, or the kernel waits for a device"
    ))
}

/// The error of a stop that had to kill children.
pub(super) fn by_force(count: usize, reason: &str) -> io::Result<()> {
    Err(io::Error::other(format!(
        "stopped by force: {reason}; children still at work: {count}"
    )))
}
