//! What a master does at each signal that does not stop it.

use std::time::Instant;

use nix::sys::signal::Signal;

use super::MasterState;
use crate::accept::SharedListeners;
use crate::master::pool::Pool;
use crate::service::{ControlCommand, manager};
use crate::sys::log_files;

impl MasterState<'_> {
    /// Does what a signal asks for that does not stop the master.
    pub(in crate::master) fn handle_signal(
        &mut self,
        signal: Signal,
        pool: &mut Pool<'_>,
        listeners: &SharedListeners,
    ) {
        let is_leaving = self.is_leaving() || self.stops_at.is_some();
        if signal != Signal::SIGCHLD {
            crate::log_debug!("{signal} has come");
        }
        // ANCHOR: handle_signal
        match signal {
            Signal::SIGHUP | Signal::SIGUSR2 if is_leaving => {
                crate::log_warn!("{signal}: refused: this process is leaving");
                self.refuse(signal);
            }
            Signal::SIGHUP => self.reload(pool),
            Signal::SIGUSR2 => self.upgrade.begin(&listeners.listeners()),
            Signal::SIGWINCH => {
                crate::log!("{signal}: the workers leave, this process stays");
                self.configuration.cancel();
                pool.drain();
            }
            Signal::SIGUSR1 => log_files::reopen_and_say(),
            Signal::SIGTTIN => pool.adjust(1),
            Signal::SIGTTOU => pool.adjust(-1),
            // They only wake the loop, which reaps.
            Signal::SIGCHLD | Signal::SIGALRM => {}
            other => crate::log!("{other}: nothing to do"),
        }
        // ANCHOR_END: handle_signal
    }

    /// Tells `servers ctl` that a leaving master begins nothing new.
    fn refuse(&self, signal: Signal) {
        let command = match signal {
            Signal::SIGHUP => ControlCommand::Reload,
            _ => ControlCommand::Upgrade,
        };
        self.succession.begin_command(command);
        (self.succession).end_command(command, Err("this process is leaving"));
    }

    /// Tells `servers ctl` what has come of a reload, if there was one.
    pub(super) fn end_reload(&self, status: &str) {
        let result = match &self.refusal {
            Some(why) => Err(why.as_str()),
            None => Ok(status),
        };
        self.succession.end_command(ControlCommand::Reload, result);
    }

    // ANCHOR: reload
    fn reload(&mut self, pool: &mut Pool<'_>) {
        manager::reloading("reads its configuration again");
        self.succession.begin_command(ControlCommand::Reload);
        self.owes_ready = true;
        self.refusal = self.configuration.reload().err();
        if let Some(why) = &self.refusal {
            crate::log_error!("reload: {why}; nothing has changed");
            if pool.is_drained() {
                // HUP is also how an upgrade is rolled back.
                pool.resume();
                crate::log!("reload: the workers come back all the same");
            }
            return;
        }
        self.prepare(pool, Instant::now());
        if self.configuration.is_preparing() {
            crate::log!("reload: memory is being loaded; the workers serve on");
        }
    }
    // ANCHOR_END: reload
}
