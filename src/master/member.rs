//! What a master remembers of a worker.

use std::ops::Range;
use std::time::{Duration, Instant};

use nix::sys::wait::WaitStatus;
use nix::unistd::Pid;

use super::liveness::Pulse;
use super::worker::Post;
use crate::scoreboard::{Scoreboard, Vitals};

/// A worker that dies younger than this has crashed on its way up.
const YOUNG: Duration = Duration::from_secs(1);

/// A worker that is alive, as far as is known.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) post: Post,
    pub(super) stage: Stage,
    pub(super) pulse: Pulse,
    /// Whether its seat is still its own, or may be a successor's already.
    pub(super) is_seated: bool,
    pub(super) born: Instant,
    threads: usize,
}

/// How much a worker has to do, at one look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Burden {
    /// Clients that it has.
    pub(super) clients: u64,
    /// Whether one of its threads has none.
    pub(super) has_room: bool,
}

impl Burden {
    /// That of a worker with these threads; others are yet to begin.
    fn of(threads: impl Iterator<Item = Vitals>) -> Self {
        let none = Self {
            clients: 0,
            has_room: false,
        };
        threads.fold(none, |sum, thread| Self {
            clients: sum.clients + thread.clients,
            has_room: sum.has_room || thread.clients == 0,
        })
    }
}

/// How far it is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Made, and not ready yet.
    Starting,
    /// Ready.
    Serving,
    /// It accepts nobody any more, or soon will not.
    Leaving(Leave),
    /// Sent SIGABRT, at that time; SIGKILL follows if that does not help.
    Condemned(Duration),
    /// Sent SIGKILL: nothing can be done but wait.
    Killed,
}

/// Why it leaves. A client who takes his time does no worker any harm that is in nobody's way: only
/// where somebody waits for the last of them is there a deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leave {
    /// It is to be gone, and has a grace period from that time on, on the master's own clock.
    Soon(Duration),
    /// It was told to stop at that time, since its grace period was over; SIGKILL follows.
    Late(Duration),
    /// There are more than enough: whenever its clients let it.
    Spare,
    /// It has not been told: it has done enough. Whenever its clients let it.
    ByItself,
}

/// How a worker has ended, and what of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// As it was told to.
    AsTold,
    /// It left by itself, in good order.
    Left,
    /// It should not have. `soon`: shortly after it began, or before it was ready.
    Crashed { soon: bool },
}

impl Member {
    pub(super) fn new(post: Post, threads: usize, now: Instant) -> Self {
        Self {
            post,
            stage: Stage::Starting,
            pulse: Pulse::new(threads),
            is_seated: true,
            born: now,
            threads,
        }
    }

    /// Whether nobody has told it to go.
    pub(super) fn stays(&self) -> bool {
        matches!(self.stage, Stage::Starting | Stage::Serving)
    }

    /// The signs of life of each of its threads.
    pub(super) fn vitals(&self, scoreboard: &Scoreboard) -> Vec<Vitals> {
        let slots = self.slots();
        slots.map(|slot| scoreboard.vitals(slot)).collect()
    }

    /// Whether it has reported itself ready.
    pub(super) fn is_ready(&self, pid: Pid, scoreboard: &Scoreboard) -> bool {
        is(pid, scoreboard.vitals(self.post.slot).ready_pid)
    }

    /// Whether it has said that it accepts nobody any more: any of its threads speaks for all.
    pub(super) fn is_leaving(&self, pid: Pid, scoreboard: &Scoreboard) -> bool {
        let mut slots = self.slots();
        slots.any(|slot| is(pid, scoreboard.vitals(slot).leaving_pid))
    }

    /// How much it has to do.
    pub(super) fn burden(&self, pid: Pid, scoreboard: &Scoreboard) -> Burden {
        let threads = self.slots().map(|slot| scoreboard.vitals(slot));
        Burden::of(threads.filter(|thread| is(pid, thread.pid)))
    }

    /// Connections that were begun in its records.
    pub(super) fn accepted(&self, scoreboard: &Scoreboard) -> u64 {
        let connections = |slot| scoreboard.vitals(slot).connections;
        self.slots().map(connections).sum()
    }

    /// The records of its threads.
    fn slots(&self) -> Range<usize> {
        self.post.slot..self.post.slot + self.threads
    }

    /// What its end means.
    pub(super) fn end(&self, status: WaitStatus, was_ready: bool, now: Instant) -> End {
        let in_order = matches!(status, WaitStatus::Exited(_, 0));
        match self.stage {
            Stage::Condemned(_) | Stage::Killed => End::AsTold,
            Stage::Leaving(Leave::Soon(_) | Leave::Late(_) | Leave::Spare) if in_order => {
                End::AsTold
            }
            _ if in_order && was_ready => End::Left,
            _ => End::Crashed {
                soon: !was_ready || now - self.born < YOUNG,
            },
        }
    }
}

/// Whether a word of the scoreboard names this process.
fn is(pid: Pid, word: u32) -> bool {
    u32::try_from(pid.as_raw()) == Ok(word)
}

/// How a process ended, in words.
pub(super) fn describe(status: WaitStatus) -> String {
    match status {
        WaitStatus::Exited(pid, code) => format!("({pid}) left with code {code}"),
        WaitStatus::Signaled(pid, signal, _) => format!("({pid}) was killed by {signal}"),
        other => format!("changed: {other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use nix::sys::signal::Signal;

    use super::*;

    /// Several threads make a difference between *has room* and *has nobody*.
    #[test]
    fn a_worker_has_what_its_threads_have() {
        let of = |clients: &[u64]| {
            let threads = clients.iter().map(|&clients| Vitals {
                clients,
                ..Vitals::default()
            });
            let burden = Burden::of(threads);
            (burden.clients, burden.has_room)
        };
        assert_eq!(of(&[]), (0, false), "none has begun");
        assert_eq!(of(&[0, 0]), (0, true));
        assert_eq!(of(&[1, 0]), (1, true));
        assert_eq!(of(&[1, 1]), (2, false));
    }

    #[test]
    fn ends_are_told_apart() {
        let born = Instant::now();
        let (soon, late) = (born + YOUNG / 2, born + YOUNG * 2);
        let pid = Pid::from_raw(7);
        let code = |code| WaitStatus::Exited(pid, code);
        let killed = WaitStatus::Signaled(pid, Signal::SIGSEGV, false);
        let mut member = Member::new(
            Post {
                slot: 0,
                seat: 0,
                generation: 1,
            },
            1,
            born,
        );
        let crash = |soon| End::Crashed { soon };
        // Before it is ready, any end is a failure.
        assert_eq!(member.end(code(0), false, late), crash(true));
        member.stage = Stage::Serving;
        assert_eq!(member.end(code(0), true, soon), End::Left);
        assert_eq!(member.end(code(1), true, soon), crash(true));
        assert_eq!(member.end(killed, true, late), crash(false));
        let then = Duration::ZERO;
        for why in [Leave::Soon(then), Leave::Late(then), Leave::Spare] {
            member.stage = Stage::Leaving(why);
            assert_eq!(member.end(code(0), true, late), End::AsTold);
            assert_eq!(member.end(killed, true, late), crash(false));
        }
        member.stage = Stage::Leaving(Leave::ByItself);
        assert_eq!(member.end(code(0), true, soon), End::Left);
        assert_eq!(member.end(killed, true, late), crash(false));
        member.stage = Stage::Condemned(Duration::ZERO);
        assert_eq!(member.end(killed, true, late), End::AsTold);
    }
}
