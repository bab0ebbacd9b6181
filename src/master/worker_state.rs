//! What a master knows of one worker, from its fork until it is reaped.
//!
//! ```text
//!            ready                told to leave, or leaves         reaped
//!  Starting ───────▶ Serving ───────────────────────────▶ Retiring ──────▶
//!     │                 │                                    │ --graceful-timeout: SIGTERM,
//!     │ no heartbeat    │ no heartbeat, request too long     │ then SIGKILL
//!     ▼                 ▼                                    ▼
//!  Aborted (SIGABRT) ──────────── a second later ──────▶ Killed (SIGKILL)
//! ```

use std::ops::Range;
use std::time::{Duration, Instant};

use nix::sys::wait::WaitStatus;
use nix::unistd::Pid;

use super::policy::liveness::Liveness;
use super::policy::recycling::Allowance;
use super::worker::Assignment;
use crate::scoreboard::{Heartbeat, Scoreboard};

/// A worker that dies younger than this has failed to start.
const YOUNG: Duration = Duration::from_secs(1);

/// A worker that was forked and has not been reaped.
#[derive(Debug)]
pub(super) struct WorkerState {
    pub(super) assignment: Assignment,
    pub(super) stage: Stage,
    pub(super) liveness: Liveness,
    /// False once a successor may take its index.
    pub(super) holds_index: bool,
    pub(super) born: Instant,
    pub(super) allowance: Allowance,
    /// Connections that earlier workers had accepted in its slots.
    accepted_before: u64,
    threads: usize,
}

/// How much a worker has to do, at one look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Load {
    /// Connections that its threads hold.
    pub(super) clients: u64,
    /// Whether one of its threads has none.
    pub(super) has_room: bool,
}

impl Load {
    /// The load of a worker with these threads; threads that have not begun are left out.
    fn of(threads: impl Iterator<Item = Heartbeat>) -> Self {
        let none = Self {
            clients: 0,
            has_room: false,
        };
        threads.fold(none, |sum, thread| Self {
            // Workers write these words, so that they may hold anything.
            clients: sum.clients.saturating_add(thread.clients),
            has_room: sum.has_room || thread.clients == 0,
        })
    }
}

/// Where a worker is in its life. Times are on the master's own clock, see `Interval::lived`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Forked, and not ready yet.
    Starting,
    /// It has reported itself ready.
    Serving,
    /// It accepts no connection any more, or was told not to.
    Retiring(Retirement),
    /// Sent SIGABRT at that time; SIGKILL follows.
    Aborted(Duration),
    /// Sent SIGKILL: the master can only wait.
    Killed,
}

/// Why a worker leaves, and by when. There is a deadline only where the master waits for the
/// worker's end: a slow client never causes the death of a worker that nothing waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Retirement {
    /// It has the grace period from that time on.
    Deadline(Duration),
    /// Its grace period was over: sent SIGTERM at that time; SIGKILL follows.
    Terminated(Duration),
    /// The pool has more workers than it needs. No deadline.
    Spare,
    /// It has done enough, by its requests, its memory or its age. No deadline.
    Recycled,
}

/// How a worker has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    /// The master wanted it to.
    Expected,
    /// It left by itself, in good order.
    Voluntary,
    /// It should not have. `soon`: before it was ready, or shortly after its fork without having
    /// accepted a connection. A worker that a request has killed could start and serve.
    Crashed { soon: bool },
}

impl WorkerState {
    pub(super) fn new(
        assignment: Assignment,
        threads: usize,
        scoreboard: &Scoreboard,
        now: Instant,
    ) -> Self {
        let mut worker = Self {
            assignment,
            stage: Stage::Starting,
            liveness: Liveness::new(threads),
            holds_index: true,
            born: now,
            allowance: Allowance::default(),
            accepted_before: 0,
            threads,
        };
        worker.accepted_before = worker.accepted(scoreboard);
        worker
    }

    /// Whether it neither leaves nor was told to.
    pub(super) fn stays(&self) -> bool {
        matches!(self.stage, Stage::Starting | Stage::Serving)
    }

    /// The heartbeat of each of its threads.
    pub(super) fn heartbeats(&self, scoreboard: &Scoreboard) -> Vec<Heartbeat> {
        let slots = self.slots();
        slots.map(|slot| scoreboard.heartbeat(slot)).collect()
    }

    /// Whether it has reported itself ready.
    pub(super) fn is_ready(&self, pid: Pid, scoreboard: &Scoreboard) -> bool {
        names(scoreboard.heartbeat(self.assignment.slot).ready_pid, pid)
    }

    /// Whether it has reported that it accepts no connection any more. Any of its threads reports
    /// it for all.
    pub(super) fn is_leaving(&self, pid: Pid, scoreboard: &Scoreboard) -> bool {
        let mut slots = self.slots();
        slots.any(|slot| names(scoreboard.heartbeat(slot).leaving_pid, pid))
    }

    /// The clients that it has now.
    pub(super) fn load(&self, pid: Pid, scoreboard: &Scoreboard) -> Load {
        let threads = self.slots().map(|slot| scoreboard.heartbeat(slot));
        Load::of(threads.filter(|thread| names(thread.pid, pid)))
    }

    /// Connections accepted in its slots, by it and by earlier workers.
    pub(super) fn accepted(&self, scoreboard: &Scoreboard) -> u64 {
        let connections = |slot| scoreboard.heartbeat(slot).connections;
        self.slots().map(connections).fold(0, u64::wrapping_add)
    }

    /// The slots of its threads.
    fn slots(&self) -> Range<usize> {
        self.assignment.slot..self.assignment.slot + self.threads
    }

    /// Whether it has accepted a connection.
    pub(super) fn has_served(&self, scoreboard: &Scoreboard) -> bool {
        self.accepted(scoreboard) != self.accepted_before
    }

    /// What its end means, from how it ended and from what it had reported.
    pub(super) fn exit(
        &self,
        status: WaitStatus,
        was_ready: bool,
        has_served: bool,
        now: Instant,
    ) -> Exit {
        let in_order = matches!(status, WaitStatus::Exited(_, 0));
        match self.stage {
            Stage::Aborted(_) | Stage::Killed => Exit::Expected,
            Stage::Retiring(
                Retirement::Deadline(_) | Retirement::Terminated(_) | Retirement::Spare,
            ) if in_order => Exit::Expected,
            _ if in_order && was_ready => Exit::Voluntary,
            _ => Exit::Crashed {
                soon: !was_ready || !has_served && now - self.born < YOUNG,
            },
        }
    }
}

/// Whether a word of the scoreboard names this process. Another value is a predecessor's.
fn names(word: u32, pid: Pid) -> bool {
    u32::try_from(pid.as_raw()) == Ok(word)
}

/// How a process ended, in words.
pub(super) fn describe(status: WaitStatus) -> String {
    match status {
        WaitStatus::Exited(pid, code) => format!("({pid}) exited with code {code}"),
        WaitStatus::Signaled(pid, signal, false) => format!("({pid}) was killed by {signal}"),
        WaitStatus::Signaled(pid, signal, true) => {
            format!("({pid}) was killed by {signal} and has dumped core")
        }
        other => format!("changed: {other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use nix::sys::signal::Signal;

    use super::*;

    /// A worker with two threads and one client still has room.
    #[test]
    fn the_load_of_a_worker_is_that_of_its_threads() {
        let of = |clients: &[u64]| {
            let threads = clients.iter().map(|&clients| Heartbeat {
                clients,
                ..Heartbeat::default()
            });
            let load = Load::of(threads);
            (load.clients, load.has_room)
        };
        assert_eq!(of(&[]), (0, false), "no thread has begun");
        assert_eq!(of(&[0, 0]), (0, true));
        assert_eq!(of(&[1, 0]), (1, true));
        assert_eq!(of(&[1, 1]), (2, false));
    }

    #[test]
    fn an_exit_is_expected_voluntary_or_a_crash() {
        let born = Instant::now();
        let (soon, late) = (born + YOUNG / 2, born + YOUNG * 2);
        let pid = Pid::from_raw(7);
        let code = |code| WaitStatus::Exited(pid, code);
        let killed = WaitStatus::Signaled(pid, Signal::SIGSEGV, false);
        let mut worker = WorkerState::new(
            Assignment {
                slot: 0,
                index: 0,
                generation: 1,
            },
            1,
            &Scoreboard::create().unwrap(),
            born,
        );
        let crash = |soon| Exit::Crashed { soon };
        // Before it is ready, any end is a failure.
        assert_eq!(worker.exit(code(0), false, false, late), crash(true));
        worker.stage = Stage::Serving;
        assert_eq!(worker.exit(code(0), true, false, soon), Exit::Voluntary);
        assert_eq!(worker.exit(code(1), true, false, soon), crash(true));
        assert_eq!(worker.exit(killed, true, false, late), crash(false));
        // It was killed by a request, and its successor need not wait.
        assert_eq!(worker.exit(killed, true, true, soon), crash(false));
        let then = Duration::ZERO;
        for why in [
            Retirement::Deadline(then),
            Retirement::Terminated(then),
            Retirement::Spare,
        ] {
            worker.stage = Stage::Retiring(why);
            assert_eq!(worker.exit(code(0), true, false, late), Exit::Expected);
            assert_eq!(worker.exit(killed, true, false, late), crash(false));
        }
        worker.stage = Stage::Retiring(Retirement::Recycled);
        assert_eq!(worker.exit(code(0), true, false, soon), Exit::Voluntary);
        assert_eq!(worker.exit(killed, true, false, late), crash(false));
        worker.stage = Stage::Aborted(Duration::ZERO);
        assert_eq!(worker.exit(killed, true, false, late), Exit::Expected);
    }
}
