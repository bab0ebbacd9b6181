//! Two masters on one port, for as long as it takes to see whether the new one is any good.
//!
//! ```text
//!   old  ───serves───┬──────serves──────┬─ its workers leave ─▶ gone
//!                 SIGUSR2            SIGTERM
//!   new              └ starts ▸ ready ──┴────────serves────────────────▶
//! ```

use std::os::fd::{AsFd, BorrowedFd};

use nix::errno::Errno;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::member::describe;
use crate::accept::Listener;
use crate::service::{Succession, manager};

/// What a master that is to end makes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Answer what is in flight and in the accept queue, and be gone: nobody will be here.
    Graceful,
    /// Be gone.
    Fast,
    /// Somebody else serves: let every client come to its end, and leave the accept queue to him.
    Leave,
}

/// The end that a signal asks for, if it does. While two masters serve, whoever ends has a
/// stand-in, so that the signal which is fast elsewhere has no need to be.
// ANCHOR: end
pub(super) fn end(signal: Signal, has_stand_in: bool) -> Option<End> {
    match (signal, has_stand_in) {
        (Signal::SIGTERM | Signal::SIGQUIT, true) => Some(End::Leave),
        (Signal::SIGTERM, false) => Some(End::Graceful),
        (Signal::SIGINT | Signal::SIGQUIT, _) => Some(End::Fast),
        _ => None,
    }
}
// ANCHOR_END: end

/// An upgrade as this master sees it, be it the old one or the new one.
pub(super) struct Upgrade<'a> {
    succession: &'a Succession,
    successor: Option<Pid>,
}

impl<'a> Upgrade<'a> {
    pub(super) fn new(succession: &'a Succession) -> Self {
        Self {
            succession,
            successor: None,
        }
    }

    /// The other master, if there are two.
    pub(super) fn other(&self) -> Option<Pid> {
        self.successor.or_else(|| self.succession.predecessor())
    }

    /// Starts a successor that inherits `listeners`, unless there are two masters already.
    pub(super) fn begin(&mut self, listeners: &[&Listener]) {
        if let Some(other) = self.other() {
            crate::log!("upgrade: the last one is not over while process {other} runs");
            return;
        }
        let listeners: Vec<BorrowedFd<'_>> = listeners.iter().map(AsFd::as_fd).collect();
        let program = self.succession.program().display();
        match self.succession.start(&listeners) {
            Ok(successor) => {
                crate::log!("upgrade: process {successor} starts from {program}");
                self.successor = Some(successor);
            }
            Err(error) => crate::log!("upgrade: cannot start {program}: {error}"),
        }
    }

    /// Looks whether the successor has ended. That changes nothing for those who are here.
    pub(super) fn look(&mut self) {
        let Some(successor) = self.successor else {
            return;
        };
        let how = match waitpid(successor, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) | Err(Errno::EINTR) => return,
            Ok(status) => describe(status),
            // It was reaped among the children.
            Err(_) => "has ended".to_owned(),
        };
        crate::log!("upgrade: the successor {how}; this process goes on");
        self.successor = None;
        self.succession.failed();
    }

    /// Tells the service manager that this process is about to end.
    pub(super) fn bid_farewell(&self) {
        match self.other() {
            Some(other) => {
                crate::log!("upgrade: process {other} serves from now on");
                manager::handed_over_to(other.as_raw().cast_unsigned());
            }
            None => manager::stopping(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_end_a_master_according_to_who_else_serves() {
        for (signal, alone, with_another) in [
            (Signal::SIGTERM, Some(End::Graceful), Some(End::Leave)),
            (Signal::SIGQUIT, Some(End::Fast), Some(End::Leave)),
            (Signal::SIGINT, Some(End::Fast), Some(End::Fast)),
            (Signal::SIGHUP, None, None),
        ] {
            assert_eq!(
                (end(signal, false), end(signal, true)),
                (alone, with_another)
            );
        }
    }
}
