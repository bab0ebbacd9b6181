//! A pool of worker processes, one per slot.

use std::collections::BTreeSet;
use std::io;
use std::time::{Duration, Instant};

use nix::sys::wait::WaitStatus;
use nix::unistd::Pid;

use super::backoff::Backoff;
use super::children::Children;
use crate::accept::Entrance;
use crate::sys::signal::Signals;

/// A worker that dies younger than this has crashed on its way up: its replacement waits.
const YOUNG: Duration = Duration::from_secs(1);

/// The workers that are alive and the slots that are free.
pub(super) struct Pool {
    children: Children<Member>,
    free: BTreeSet<usize>,
    backoff: Backoff,
    /// No worker is made before this.
    retry_at: Option<Instant>,
}

/// What the master remembers of a worker.
struct Member {
    slot: usize,
    born: Instant,
}

impl Pool {
    /// An empty pool with this many slots.
    pub(super) fn new(workers: usize) -> Self {
        Self {
            children: Children::default(),
            free: (0..workers).collect(),
            backoff: Backoff::default(),
            retry_at: None,
        }
    }

    /// The lowest slot that needs a worker, if one may be made now.
    pub(super) fn vacancy(&self) -> Option<usize> {
        match self.retry_at {
            Some(moment) if Instant::now() < moment => None,
            _ => self.free.first().copied(),
        }
    }

    /// How long until a vacancy that has to wait may be filled.
    pub(super) fn next_try(&self) -> Option<Duration> {
        let moment = self.retry_at.filter(|_| !self.free.is_empty())?;
        Some(moment.saturating_duration_since(Instant::now()))
    }

    /// A worker has been made for a slot.
    pub(super) fn filled(&mut self, slot: usize, pid: Pid) {
        self.free.remove(&slot);
        self.retry_at = None;
        self.children.add(
            pid,
            Member {
                slot,
                born: Instant::now(),
            },
        );
    }

    /// No worker could be made: the next try waits, longer each time.
    pub(super) fn failed(&mut self) -> Duration {
        let pause = self.backoff.failed();
        self.retry_at = Some(Instant::now() + pause);
        pause
    }

    /// The slots without a worker.
    pub(super) fn vacancies(&self) -> Vec<usize> {
        self.free.iter().copied().collect()
    }

    /// Collects the workers that have ended; their slots are free again.
    pub(super) fn reap(&mut self, entrance: &mut Entrance) {
        while let Some((status, member)) = self.children.reap() {
            self.free.insert(member.slot);
            entrance.vacated(member.slot);
            let waiting = if member.born.elapsed() < YOUNG {
                let pause = self.failed();
                format!("replacing it in {} ms", pause.as_millis())
            } else {
                self.backoff.succeeded();
                "replacing it".to_owned()
            };
            crate::log!(
                "worker in slot {} {}; {waiting}",
                member.slot,
                describe(status)
            );
        }
    }

    /// Asks all workers to stop and waits until the last has gone; see [`Children::stop`].
    pub(super) fn stop(self, signals: &Signals, entrance: &mut Entrance) -> io::Result<()> {
        self.children.stop(|ended| {
            for member in ended {
                entrance.vacated(member.slot);
            }
            entrance.wait(signals, None)
        })
    }
}

/// How a process ended, in words.
fn describe(status: WaitStatus) -> String {
    match status {
        WaitStatus::Exited(pid, code) => format!("({pid}) left with code {code}"),
        WaitStatus::Signaled(pid, signal, _) => format!("({pid}) was killed by {signal}"),
        other => format!("changed: {other:?}"),
    }
}
