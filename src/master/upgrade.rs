//! Two masters on one port, for as long as it takes to see whether the new one is any good.
//!
//! ```text
//!   old  ───serves───┬──────serves──────┬─ its workers leave ─▶ gone
//!                 SIGUSR2            SIGTERM
//!   new              └ starts ▸ ready ──┴────────serves────────────────▶
//! ```
//!
//! Whether the other one serves is what it says itself, on a [`Line`] between the two.

use std::os::fd::{AsFd, BorrowedFd};

use nix::errno::Errno;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::member::describe;
use crate::accept::Listener;
use crate::service::{Line, Standing, Succession, manager};

/// What a master that is to end makes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Answer what is in flight and in the accept queue, and be gone: nobody will be here.
    Graceful,
    /// Be gone.
    Fast,
    /// Somebody else serves, or is about to: let every client come to its end, and leave the accept
    /// queue to him.
    Leave,
    /// Be gone, though it was promised to be polite: somebody is in a hurry.
    Forced,
}

/// Whether somebody else will be here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StandIn {
    /// Nobody: there is no other master, or it is about to end as well.
    Nobody,
    /// A successor that has yet to become ready.
    Expected,
    /// Another master that serves.
    There,
}

/// The end that a signal asks for, if it does. With a stand-in, the
/// signal that is fast elsewhere has no need to be.
// ANCHOR: end
pub(super) fn end(signal: Signal, stand_in: StandIn) -> Option<End> {
    match (signal, stand_in) {
        (Signal::SIGINT, _) => Some(End::Fast),
        (Signal::SIGTERM, StandIn::Nobody) => Some(End::Graceful),
        (Signal::SIGQUIT, StandIn::Nobody) => Some(End::Fast),
        (Signal::SIGTERM | Signal::SIGQUIT, _) => Some(End::Leave),
        _ => None,
    }
}
// ANCHOR_END: end

/// An upgrade as this master sees it, be it the old one or the new one.
pub(super) struct Upgrade<'a> {
    succession: &'a Succession,
    successor: Option<(Pid, Line)>,
}

impl<'a> Upgrade<'a> {
    pub(super) fn new(succession: &'a Succession) -> Self {
        Self {
            succession,
            successor: None,
        }
    }

    /// The other master, if there are two, and what it says.
    fn other(&self) -> Option<(Pid, &Line)> {
        let predecessor = self.succession.predecessor();
        match &self.successor {
            Some((pid, line)) => Some((*pid, line)),
            None => predecessor.map(|it| (it.pid, &it.line)),
        }
    }

    /// Who will be here when this master is not.
    pub(super) fn stand_in(&self) -> StandIn {
        match self.other().map(|(_, line)| line.other()) {
            None | Some(Standing::Ending) => StandIn::Nobody,
            Some(Standing::Starting) => StandIn::Expected,
            Some(Standing::Serving) => StandIn::There,
        }
    }

    /// Starts a successor that inherits `listeners`, unless there are two masters already.
    pub(super) fn begin(&mut self, listeners: &[&Listener]) {
        if let Some((other, _)) = self.other() {
            crate::log!("upgrade: the last one is not over while process {other} runs");
            return;
        }
        let listeners: Vec<BorrowedFd<'_>> = listeners.iter().map(AsFd::as_fd).collect();
        let program = self.succession.program().display();
        match self.succession.start(&listeners) {
            Ok((successor, line)) => {
                crate::log!("upgrade: process {successor} starts from {program}");
                self.successor = Some((successor, line));
            }
            Err(error) => crate::log!("upgrade: cannot start {program}: {error}"),
        }
    }

    /// Looks whether the successor has ended. That changes nothing for those who are here.
    pub(super) fn look(&mut self) {
        let Some((successor, _)) = self.successor else {
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

    /// Tells the other master that this one serves.
    pub(super) fn serves(&self) {
        if let Some((_, line)) = self.other() {
            line.serves();
        }
    }

    /// Tells the other master that this one will not be here.
    pub(super) fn ends(&self) {
        if let Some((_, line)) = self.other() {
            line.ends();
        }
    }

    /// Tells the service manager, and whoever reads the log, that the other one is the service now.
    pub(super) fn hand_over(&self) {
        if let Some((other, _)) = self.other() {
            crate::log!("upgrade: process {other} serves from now on");
            manager::handed_over_to(other.as_raw().cast_unsigned());
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
            assert_eq!(end(signal, StandIn::Nobody), alone);
            assert_eq!(end(signal, StandIn::Expected), with_another);
            assert_eq!(end(signal, StandIn::There), with_another);
        }
    }
}
