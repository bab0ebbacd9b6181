//! The processes that a master has forked and not yet reaped.

use std::collections::HashMap;
use std::io;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::sys::signal::Signals;

/// How long the fast stop lets children end by themselves.
const FAST: Duration = Duration::from_secs(1);

/// The signals that ask for an end.
pub(super) const STOPS: [Signal; 3] = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGQUIT];

/// Live children, each with what its parent wants to remember of it.
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
    /// Remembers a child that was forked just now.
    pub fn add(&mut self, pid: Pid, note: T) {
        self.live.insert(pid, note);
    }

    /// How many are alive, as far as is known.
    pub fn len(&self) -> usize {
        self.live.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.live.is_empty()
    }

    /// Collects a child that has ended, without waiting for one: how it ended, and its note. An
    /// unreaped child stays in the process table as a zombie.
    ///
    /// Strangers are passed over: whoever runs as process 1 of a container inherits all its
    /// orphans.
    // ANCHOR: reap
    pub fn reap(&mut self) -> Option<(Pid, WaitStatus, T)> {
        loop {
            // ECHILD means that there is no child at all: no error here.
            let status = waitpid(None, Some(WaitPidFlag::WNOHANG)).ok()?;
            let pid = status.pid()?;
            if let Some(note) = self.live.remove(&pid) {
                return Some((pid, status, note));
            }
        }
    }
    // ANCHOR_END: reap

    /// Reaps every child that has ended; what was remembered of each is given to `bury`.
    pub fn reap_all(&mut self, mut bury: impl FnMut(T)) {
        while let Some((_, _, note)) = self.reap() {
            bury(note);
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
        // One that ended meanwhile is a zombie until it is reaped, so the signal cannot reach a
        // stranger with a recycled process ID.
        let _ = kill(pid, signal);
    }

    /// Asks all children to stop and waits until the last has gone: `wait` is given what was
    /// remembered of those that have ended meanwhile, and gives the next signal. A second wish to
    /// stop and the end of the grace period both mean that they are killed.
    ///
    /// # Errors
    /// When children had to be killed: their requests were not finished.
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
                Some(Signal::SIGALRM) => "the graceful timeout is over",
                Some(signal) if STOPS.contains(&signal) => "a second signal",
                _ => continue,
            };
            killed = killed.or(Some((self.len(), reason)));
            self.signal_all(Signal::SIGKILL);
        }
        killed.map_or(Ok(()), |(count, reason)| by_force(count, reason))
    }
    // ANCHOR_END: stop

    /// Kills all children, since somebody cannot wait for their end, and waits until the last has
    /// gone.
    ///
    /// # Errors
    /// When there were any.
    pub(super) fn kill(mut self, signals: &Signals) -> io::Result<()> {
        self.reap_all(drop);
        let count = self.len();
        self.signal_all(Signal::SIGKILL);
        while !self.is_empty() {
            signals.wait(None)?;
            self.reap_all(drop);
        }
        match count {
            0 => Ok(()),
            _ => by_force(count, "a second signal"),
        }
    }

    /// Ends all children at once, whatever they are doing: that is what was asked for. Those that
    /// do not follow, since they are stopped or stuck in the kernel, are killed.
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
            }
            signals.wait((!left.is_zero()).then_some(left))?;
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

/// What a stop has come to that has not let everybody finish.
pub(super) fn by_force(count: usize, reason: &str) -> io::Result<()> {
    Err(io::Error::other(format!(
        "stopped by force: {reason}; children still at work: {count}"
    )))
}
