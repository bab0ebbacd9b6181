//! A master's state beside its pool: the configuration in force, an upgrade that is going on, and
//! what the service manager has been told.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::active_configuration::ActiveConfiguration;
use super::children::STOPS;
use super::interval::Interval;
use super::pool::Pool;
use super::upgrade::{self, Stop, Upgrade};
use super::worker::Work;
use super::worker_context::WorkerContext;
use crate::accept::SharedListeners;
use crate::server::Configuration;
use crate::service::{PeerState, manager};
use crate::sys::signal;

pub(super) struct MasterState<'a> {
    configuration: ActiveConfiguration<'a>,
    upgrade: Upgrade<'a>,
    watchdog: Option<Interval>,
    /// The pool is being filled or replaced; the service manager is told when that is done.
    owes_ready: bool,
    /// Why the last reload was refused, if it was.
    refusal: Option<String>,
    phase: Phase,
}

/// How far this master is in handing over to another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Serving,
    /// This signal has asked it to leave. It serves until its successor does.
    HandingOver(Signal),
    /// The successor serves. This master ends with its last worker.
    Leaving,
}

impl<'a> MasterState<'a> {
    pub(super) fn begin(configuration: &'a dyn Configuration, now: Instant) -> Self {
        Self {
            configuration: ActiveConfiguration::new(configuration),
            upgrade: Upgrade::new(configuration.succession()),
            watchdog: manager::watchdog().map(|every| Interval::new(every, now)),
            owes_ready: true,
            refusal: None,
            phase: Phase::Serving,
        }
    }

    /// What the next workers start with.
    pub(super) fn worker_context(&self, work: Work) -> WorkerContext<'_> {
        let server = self.configuration.server();
        WorkerContext { server, work }
    }

    /// Whether this master has handed over and its last worker has ended.
    pub(super) fn is_over(&self, pool: &Pool<'_>) -> bool {
        self.is_leaving() && pool.children.is_empty()
    }

    fn is_leaving(&self) -> bool {
        self.phase == Phase::Leaving
    }

    /// Goes on with an upgrade, and tells the service manager what has changed.
    pub(super) fn update(&mut self, pool: &mut Pool<'_>, now: Instant) {
        self.upgrade.reap_successor();
        if self.owes_ready && pool.is_settled() {
            manager::ready(&self.status(pool));
            self.feed_watchdog();
            self.upgrade.announce_serving();
            self.owes_ready = false;
        }
        self.hand_over(pool);
        if let Some(interval) = &mut self.watchdog
            && interval.due(now).is_some()
        {
            manager::alive();
        }
    }

    /// A master that hands over leaves when its successor serves. If the
    /// successor has gone, it stops like a master that was alone.
    // ANCHOR: hand_over
    fn hand_over(&mut self, pool: &mut Pool<'_>) {
        match (self.phase, self.upgrade.peer()) {
            (Phase::HandingOver(_), PeerState::Serving) => {
                self.phase = Phase::Leaving;
                self.owes_ready = false;
                self.upgrade.hand_over();
                self.feed_watchdog();
                pool.leave();
            }
            (Phase::HandingOver(_) | Phase::Leaving, PeerState::Gone) => {
                crate::log!("upgrade: no other master serves: a stop");
                self.phase = Phase::Serving;
                manager::stopping();
                signal::begin_stop();
            }
            _ => {}
        }
    }
    // ANCHOR_END: hand_over

    /// The manager's watchdog does not start anew when another process becomes the main one, nor
    /// when a reload ends. This gives the process the whole time again.
    fn feed_watchdog(&self) {
        if self.watchdog.is_some() {
            manager::alive();
        }
    }

    /// How long until `update` has something to do if no signal comes.
    pub(super) fn until_due(&self, pool: &Pool<'_>, now: Instant) -> Duration {
        // The pool may have become settled after the last update.
        let is_ready = self.owes_ready && pool.is_settled();
        match &self.watchdog {
            _ if is_ready || self.is_over(pool) || signal::stopping() => Duration::ZERO,
            Some(interval) => interval.left(now),
            None => Duration::MAX,
        }
    }

    /// The stop that a signal asks for, if it asks for one. A hand-over only begins here, and goes
    /// on in [`MasterState::update`].
    pub(super) fn stop_for(&mut self, signal: Signal) -> Option<Stop> {
        if !STOPS.contains(&signal) {
            return None;
        }
        match (self.phase, signal) {
            (Phase::Serving, _) => {}
            // QUIT was to complete the upgrade. TERM ends the service, whatever the successor does.
            (Phase::HandingOver(Signal::SIGQUIT), Signal::SIGTERM) => {
                self.phase = Phase::Serving;
                manager::stopping();
                return Some(Stop::Graceful);
            }
            _ => return Some(Stop::Forced),
        }
        self.upgrade.announce_ending();
        let peer = self.upgrade.peer();
        let stop = upgrade::stop_for(signal, peer)?;
        if stop == Stop::HandOver {
            self.phase = Phase::HandingOver(signal);
            if peer == PeerState::Starting {
                crate::log!("{signal}: this process leaves when its successor serves");
            }
        } else {
            manager::stopping();
        }
        Some(stop)
    }

    /// Does what a signal asks for that does not stop the master.
    pub(super) fn handle_signal(
        &mut self,
        signal: Signal,
        pool: &mut Pool<'_>,
        listeners: &SharedListeners,
    ) {
        // ANCHOR: handle_signal
        match signal {
            Signal::SIGHUP | Signal::SIGUSR2 if self.is_leaving() => {
                crate::log!("{signal}: refused: this process is leaving");
            }
            Signal::SIGHUP => self.reload(pool),
            Signal::SIGUSR2 => self.upgrade.begin(&listeners.listeners()),
            Signal::SIGWINCH => {
                crate::log!("{signal}: the workers leave, this process stays");
                pool.drain();
            }
            Signal::SIGTTIN => pool.adjust(1),
            Signal::SIGTTOU => pool.adjust(-1),
            // They only wake the loop, which reaps.
            Signal::SIGCHLD | Signal::SIGALRM => {}
            other => crate::log!("{other}: nothing to do"),
        }
        // ANCHOR_END: handle_signal
    }

    // ANCHOR: reload
    fn reload(&mut self, pool: &mut Pool<'_>) {
        manager::reloading("reads its configuration again");
        self.owes_ready = true;
        self.refusal = self.configuration.reload().err();
        if let Some(why) = &self.refusal {
            crate::log!("reload: {why}; nothing has changed");
            if pool.is_drained() {
                // HUP is also how an upgrade is rolled back.
                pool.resume();
                crate::log!("reload: the workers come back all the same");
            }
            return;
        }
        crate::log!("reload: a new generation begins");
        pool.reconfigure(&self.configuration.server());
        pool.begin_generation(Instant::now());
    }
    // ANCHOR_END: reload

    /// One line for `systemctl status`. It says only what stays true until the next one: the size
    /// of a pool changes.
    fn status(&self, pool: &Pool<'_>) -> String {
        let (generation, workers) = pool.generation();
        match &self.refusal {
            Some(why) => format!("generation {generation} goes on; reload refused: {why}"),
            None => format!("generation {generation}; workers at its start: {workers}"),
        }
    }
}
