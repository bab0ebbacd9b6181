//! What a master remembers of a worker.

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
        let slots = self.post.slot..self.post.slot + self.threads;
        slots.map(|slot| scoreboard.vitals(slot)).collect()
    }

    /// Whether it has reported itself ready.
    pub(super) fn is_ready(&self, pid: Pid, scoreboard: &Scoreboard) -> bool {
        is(pid, scoreboard.vitals(self.post.slot).ready_pid)
    }

    /// Whether it has said that it accepts nobody any more: any of its threads speaks for all.
    pub(super) fn is_leaving(&self, pid: Pid, scoreboard: &Scoreboard) -> bool {
        let mut slots = self.post.slot..self.post.slot + self.threads;
        slots.any(|slot| is(pid, scoreboard.vitals(slot).leaving_pid))
    }

    /// Whether it has room for a client: one of its threads has none.
    pub(super) fn is_idle(&self, pid: Pid, scoreboard: &Scoreboard) -> bool {
        let mut slots = self.post.slot..self.post.slot + self.threads;
        slots.any(|slot| {
            let thread = scoreboard.vitals(slot);
            is(pid, thread.pid) && thread.clients == 0
        })
    }

    /// What its end means.
    pub(super) fn end(&self, status: WaitStatus, was_ready: bool, now: Instant) -> End {
        let in_order = matches!(status, WaitStatus::Exited(_, 0));
        match self.stage {
            Stage::Condemned(_) | Stage::Killed => End::AsTold,
            Stage::Leaving(Leave::Soon(_) | Leave::Spare) if in_order => End::AsTold,
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
        for why in [Leave::Soon(Duration::ZERO), Leave::Spare] {
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
