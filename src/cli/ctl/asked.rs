//! What is asked of a server, and how its outcome is learnt.

use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::server::RunningServer;
use crate::service::ControlCommand;
use crate::status::Source;

/// How often the server's memory is read while a command goes on.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What has come of it, with a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    Done(String),
    Failed(String),
    /// Not known yet when the time was over.
    TimedOut(String),
}

impl RunningServer {
    /// SIGHUP, and what has come of it.
    pub(super) fn reload(&self, end: Instant) -> Outcome {
        match self.ask(ControlCommand::Reload, Signal::SIGHUP, end) {
            Outcome::Done(state) => Outcome::Done(format!("reloaded: {state}")),
            other => other,
        }
    }

    /// SIGUSR2; then, if the successor serves, SIGTERM to this one.
    pub(super) fn upgrade(&self, end: Instant, pidfile: &Path) -> Outcome {
        match self.ask(ControlCommand::Upgrade, Signal::SIGUSR2, end) {
            Outcome::Done(_) => {}
            other => return other,
        }
        let successor = match Self::find(pidfile) {
            Ok(successor) => successor,
            Err(why) => return Outcome::Failed(format!("the successor is not there: {why}")),
        };
        let (old, new) = (self.pid(), successor.pid());
        if let Err(why) = self.send(Signal::SIGTERM) {
            return Outcome::Failed(why);
        }
        let late = format!("process {new} serves, and process {old} has not ended yet");
        match self.has_ended_by(end) {
            false => Outcome::TimedOut(late),
            true => Outcome::Done(format!("upgraded: process {new} serves, {old} has ended")),
        }
    }

    /// SIGTERM, and how the server ends.
    pub(super) fn stop(&self, end: Instant) -> Outcome {
        let pid = self.pid();
        if let Err(why) = self.send(Signal::SIGTERM) {
            return Outcome::Failed(why);
        }
        if !self.has_ended_by(end) {
            return Outcome::TimedOut(format!("process {pid} has not ended yet"));
        }
        match self.outcomes.end() {
            Some(true) => Outcome::Done(format!("stopped: process {pid} has ended")),
            Some(false) => Outcome::Failed(format!(
                "process {pid} has ended, but not in good order: requests were cut, or it had \
                 failed; the log says why"
            )),
            None => Outcome::Failed(format!("process {pid} was killed or stopped by force")),
        }
    }

    /// What the server does, in a few lines.
    pub(super) fn status(&self) -> Outcome {
        let report = match Source::of_process(self.pid()) {
            Ok(source) => source.report(),
            Err(error) => return Outcome::Failed(error.to_string()),
        };
        let mut lines = vec![
            format!("{} at {}", report.model, report.address),
            format!("process {}, up {:.0} s", report.pid, report.uptime_s),
        ];
        if let Some(pool) = report.pool {
            let (target, generation) = (pool.target, pool.generation);
            lines.push(format!("generation {generation}, workers wanted: {target}"));
        }
        let (busy, idle, requests) = (report.busy, report.idle, report.requests);
        lines.push(format!("busy {busy}, idle {idle}, requests {requests}"));
        for (command, name) in [
            (ControlCommand::Reload, "reload"),
            (ControlCommand::Upgrade, "upgrade"),
        ] {
            let progress = self.outcomes.progress(command);
            let state = match progress.result {
                _ if progress.begun == 0 => continue,
                _ if progress.ended < progress.begun => "goes on".to_owned(),
                Ok(state) => state,
                Err(why) => format!("failed: {why}"),
            };
            lines.push(format!("last {name}: {state}"));
        }
        Outcome::Done(lines.join("\n"))
    }

    /// Sends the signal, and waits until the command has come to an end.
    fn ask(&self, command: ControlCommand, signal: Signal, end: Instant) -> Outcome {
        let (pid, model) = (self.pid(), self.model.name);
        if !self.model.has_master() {
            return Outcome::Failed(format!(
                "{model} has no master that could do this: stop the server and start it again"
            ));
        }
        let before = self.outcomes.progress(command).begun;
        if let Err(why) = self.send(signal) {
            return Outcome::Failed(why);
        }
        loop {
            let progress = self.outcomes.progress(command);
            if progress.begun > before && progress.ended == progress.begun {
                return match progress.result {
                    Ok(state) => Outcome::Done(state),
                    Err(why) => Outcome::Failed(why),
                };
            }
            if Instant::now() >= end {
                return Outcome::TimedOut(format!("process {pid} has not finished yet"));
            }
            if self.process.wait(LOOK_EVERY).unwrap_or(false) {
                return Outcome::Failed(format!("process {pid} has ended meanwhile"));
            }
        }
    }

    fn send(&self, signal: Signal) -> Result<(), String> {
        let pid = self.pid();
        let sent = self.process.signal(signal);
        sent.map_err(|error| {
            let why = error.desc().to_lowercase();
            format!("cannot send {signal} to process {pid}: {why}")
        })
    }

    fn has_ended_by(&self, end: Instant) -> bool {
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match self.process.wait(left) {
                Ok(true) => return true,
                Ok(false) if left.is_zero() => return false,
                // A signal to this process, or the time is over.
                Ok(false) => {}
                Err(_) => return false,
            }
        }
    }
}
