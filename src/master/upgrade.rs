//! Two masters on one port, until it is clear whether the new one works.
//!
//! ```text
//!   old  ───serves───┬──────serves──────┬─ its workers leave ─▶ gone
//!                 SIGUSR2            SIGTERM
//!   new              └ starts ▸ ready ──┴────────serves────────────────▶
//! ```
//!
//! Each master says on the [`UpgradeChannel`] whether it serves.

use std::os::fd::BorrowedFd;
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::worker_state::describe;
use crate::accept::Listener;
use crate::service::{ControlCommand, PeerState, Succession, UpgradeChannel, manager};
use crate::sys::inherit::{Exec, ExecState};

/// How long to wait for the end of a process that was killed.
const KILL_TIME_MAX: Duration = Duration::from_secs(1);

/// How a master stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// The workers answer the requests in flight and the accept queue, within a grace period.
    Graceful,
    /// The workers leave at once.
    Fast,
    /// Another master serves or is about to. The workers finish with their clients; the accept
    /// queue is left to the other master.
    HandOver,
    /// Not yet: the server says that it is not ready, and serves.
    Delayed,
    /// The workers are killed: a second signal has come during another kind of stop.
    Forced,
}

/// The kind of stop that a signal asks for. While another master is there, SIGQUIT need not be
/// fast: no new client waits for the end of this one.
// ANCHOR: end
pub(super) fn stop_for(signal: Signal, peer: PeerState) -> Option<Stop> {
    match (signal, peer) {
        (Signal::SIGINT, _) => Some(Stop::Fast),
        (Signal::SIGTERM, PeerState::Gone) => Some(Stop::Graceful),
        (Signal::SIGQUIT, PeerState::Gone) => Some(Stop::Fast),
        (Signal::SIGTERM | Signal::SIGQUIT, _) => Some(Stop::HandOver),
        _ => None,
    }
}
// ANCHOR_END: end

/// An upgrade as this master sees it, whether it is the old master or the new one.
pub(super) struct Upgrade<'a> {
    succession: &'a Succession,
    successor: Option<(Pid, UpgradeChannel)>,
    /// The kernel has not begun to run its program; when that was asked for.
    starting: Option<(Exec, Instant)>,
}

impl<'a> Upgrade<'a> {
    pub(super) fn new(succession: &'a Succession) -> Self {
        Self {
            succession,
            successor: None,
            starting: None,
        }
    }

    /// The other master, while there are two.
    fn other(&self) -> Option<(Pid, &UpgradeChannel)> {
        let predecessor = self.succession.predecessor();
        match &self.successor {
            Some((pid, channel)) => Some((*pid, channel)),
            None => predecessor.map(|it| (it.pid, &it.channel)),
        }
    }

    /// Whether another master would serve if this one ended now.
    pub(super) fn peer(&self) -> PeerState {
        self.other()
            .map_or(PeerState::Gone, |(_, channel)| channel.peer())
    }

    /// Starts a successor that inherits `listeners`. Refused while there are two masters.
    pub(super) fn begin(&mut self, listeners: &[&Listener]) {
        self.succession.begin_command(ControlCommand::Upgrade);
        if let Some((other, _)) = self.other() {
            let why = format!("refused: the last upgrade ends when process {other} has ended");
            crate::log_warn!("upgrade: {why}");
            return self.end(Err(&why));
        }
        let listeners: Vec<BorrowedFd<'_>> =
            listeners.iter().flat_map(|it| it.descriptors()).collect();
        let program = self.succession.program().display();
        match self.succession.start(&listeners) {
            Ok((successor, channel, exec)) => {
                crate::log!("upgrade: process {successor} starts from {program}");
                self.successor = Some((successor, channel));
                self.starting = Some((exec, Instant::now()));
            }
            Err(error) => self.refuse(&format!("cannot start {program}: {error}")),
        }
    }

    /// The kernel opens the program while this master goes on. If it cannot, or not within
    /// `time_max`, there is no successor.
    pub(super) fn check_exec(&mut self, now: Instant, time_max: Duration) {
        let Some((exec, since)) = &self.starting else {
            return;
        };
        let program = self.succession.program().display();
        match exec.state() {
            ExecState::Done => self.starting = None,
            ExecState::Failed(error) => {
                self.refuse(&format!("cannot start {program}: {}", error.desc()));
                // Its process has ended, and is reaped like a worker.
                self.forget_successor();
            }
            ExecState::Pending if now.saturating_duration_since(*since) < time_max => {}
            ExecState::Pending => {
                self.refuse(&format!(
                    "the kernel has not begun to run {program} in {time_max:?} (--exec-timeout)"
                ));
                self.kill_starting_successor();
            }
        }
    }

    /// How long until [`Upgrade::check_exec`] has something to do, whatever happens.
    pub(super) fn until_exec_due(&self, now: Instant, time_max: Duration) -> Option<Duration> {
        let (_, since) = self.starting.as_ref()?;
        Some((*since + time_max).saturating_duration_since(now))
    }

    fn refuse(&self, why: &str) {
        crate::log_error!("upgrade: {why}");
        self.end(Err(why));
    }

    /// Tells `servers ctl` what has come of the upgrade.
    fn end(&self, result: Result<&str, &str>) {
        self.succession.end_command(ControlCommand::Upgrade, result);
    }

    /// Notices that the successor serves.
    pub(super) fn note_success(&self) {
        if let Some((successor, channel)) = &self.successor
            && channel.peer() == PeerState::Serving
        {
            self.end(Ok(&format!("process {successor} serves")));
        }
    }

    /// Notices that the successor has ended. This master and its workers go on serving.
    pub(super) fn reap_successor(&mut self) {
        let Some((successor, _)) = self.successor else {
            return;
        };
        let how = match waitpid(successor, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) | Err(Errno::EINTR) => return,
            Ok(status) => describe(status),
            // `Children::reap` waits for any child and may have been first.
            Err(_) => "has ended".to_owned(),
        };
        crate::log_warn!("upgrade: the successor {how}; this process goes on");
        self.end(Err(&format!(
            "the successor {how}; its reason is in the log"
        )));
        self.forget_successor();
    }

    fn forget_successor(&mut self) {
        self.successor = None;
        self.starting = None;
        self.succession.failed();
    }

    /// Kills a successor that has never been ready, so that it does not keep the port after this
    /// master has ended.
    pub(super) fn kill_starting_successor(&mut self) {
        let Some((successor, channel)) = &self.successor else {
            return;
        };
        if channel.peer() == PeerState::Starting {
            crate::log_warn!("upgrade: the successor ({successor}) is killed");
            self.end(Err("the successor was killed before it served"));
            // It is not reaped yet, so the ID is still its own.
            let _ = kill(*successor, Signal::SIGKILL);
            // It dies soon, but the kernel may be slow, and the master must not wait for ever.
            let end = Instant::now() + KILL_TIME_MAX;
            let has_died =
                || waitpid(*successor, Some(WaitPidFlag::WNOHANG)) != Ok(WaitStatus::StillAlive);
            while !has_died() && Instant::now() < end {
                thread::sleep(Duration::from_millis(5));
            }
            self.forget_successor();
        }
    }

    /// Tells the other master that this one serves.
    pub(super) fn announce_serving(&self) {
        if let Some((_, channel)) = self.other() {
            channel.announce_serving();
        }
    }

    /// Tells the other master that this one ends.
    pub(super) fn announce_ending(&self) {
        if let Some((_, channel)) = self.other() {
            channel.announce_ending();
        }
    }

    /// Tells the service manager, and notes in the log, that the other master is the main process
    /// of the service now.
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
    fn signals_stop_a_master_according_to_whether_another_serves() {
        for (signal, alone, with_another) in [
            (Signal::SIGTERM, Some(Stop::Graceful), Some(Stop::HandOver)),
            (Signal::SIGQUIT, Some(Stop::Fast), Some(Stop::HandOver)),
            (Signal::SIGINT, Some(Stop::Fast), Some(Stop::Fast)),
            (Signal::SIGHUP, None, None),
        ] {
            assert_eq!(stop_for(signal, PeerState::Gone), alone);
            assert_eq!(stop_for(signal, PeerState::Starting), with_another);
            assert_eq!(stop_for(signal, PeerState::Serving), with_another);
        }
    }
}
