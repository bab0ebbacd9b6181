//! The master's child that serves the status (`--status-bind`): it is started again if it ends.

use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::lines::ENDED;
use crate::server::Configuration;
use crate::service::status_process;

/// It is started no more often than this, so that one that cannot live is no flood of forks.
const PAUSE: Duration = Duration::from_secs(1);

/// The process, if there is to be one.
pub(super) struct StatusProcess<'a> {
    configuration: &'a dyn Configuration,
    pid: Option<Pid>,
    started: Option<Instant>,
}

impl<'a> StatusProcess<'a> {
    /// It is not started yet.
    pub(super) fn new(configuration: &'a dyn Configuration) -> Self {
        Self {
            configuration,
            pid: None,
            started: None,
        }
    }

    /// Starts it, if there is to be one and none lives. The master comes here at each turn of its
    /// loop, once a second at least.
    pub(super) fn keep(&mut self, now: Instant) {
        if !self.configuration.has_status_process() {
            return;
        }
        if let Some(pid) = self.pid {
            if !status_process::has_ended(pid) {
                return;
            }
            self.pid = None;
            ENDED.log(format_args!(
                "the process for --status-bind ({pid}) has ended"
            ));
        }
        let is_too_soon = |started| now.saturating_duration_since(started) < PAUSE;
        if self.started.is_some_and(is_too_soon) {
            return;
        }
        self.started = Some(now);
        let model = self.configuration.succession().model();
        match status_process::start(model, || self.configuration.serve_status()) {
            Ok(pid) => self.pid = Some(pid),
            Err(error) => {
                let why = error.desc().to_lowercase();
                ENDED.log(format_args!("no process for --status-bind: fork: {why}"));
            }
        }
    }

    /// Ends it for good, when another master serves and has one of its own. Otherwise it lives
    /// until the master ends, and says meanwhile that the server is not ready.
    pub(super) fn end(&mut self) {
        if let Some(pid) = self.pid.take() {
            // A process that has ended and was reaped here is not remembered any more.
            let _ = kill(pid, Signal::SIGTERM);
        }
    }
}
