//! A master's state beside its pool: the configuration in force, an upgrade that is going on, and
//! what the service manager has been told.

mod signals;

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::active_configuration::ActiveConfiguration;
use super::children::STOPS;
use super::interval::Interval;
use super::policy::rollout::Rollout;
use super::pool::Pool;
use super::status_process::StatusProcess;
use super::upgrade::{self, Stop, Upgrade};
use super::worker::{Work, WorkerContext};
use crate::server::Configuration;
use crate::service::{PeerState, Succession, manager};
use crate::sys::{signal, title};

/// How long the master prepares a new configuration before it looks after its workers again.
const PREPARE_TURN: Duration = Duration::from_millis(20);

pub(super) struct MasterState<'a> {
    configuration: ActiveConfiguration<'a>,
    succession: &'a Succession,
    upgrade: Upgrade<'a>,
    watchdog: Option<Interval>,
    /// The pool is being filled or replaced; the service manager is told when that is done.
    owes_ready: bool,
    /// Why the last reload was refused, if it was.
    refusal: Option<String>,
    phase: Phase,
    /// When a graceful stop begins that was put off (`--drain-delay`).
    stops_at: Option<Instant>,
}

/// How far this master is in handing over to another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Serving,
    /// This signal has asked it to leave. It serves until its successor does.
    HandingOver(Signal, Instant),
    /// The successor serves. This master ends with its last worker.
    Leaving,
}

impl<'a> MasterState<'a> {
    pub(super) fn begin(configuration: &'a dyn Configuration, now: Instant) -> Self {
        Self {
            configuration: ActiveConfiguration::new(configuration),
            succession: configuration.succession(),
            upgrade: Upgrade::new(configuration.succession()),
            watchdog: manager::watchdog().map(|every| Interval::new(every, now)),
            owes_ready: true,
            refusal: None,
            phase: Phase::Serving,
            stops_at: None,
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
        let exec_time = self.configuration.server().pool.exec_time;
        self.upgrade.check_exec(now, exec_time);
        self.upgrade.reap_successor();
        self.upgrade.note_success();
        self.check_rollout(pool, now);
        self.check_hand_over(now);
        self.prepare(pool, now);
        if self.stops_at.is_some_and(|at| now >= at) {
            signal::begin_stop();
        }
        if self.is_ready(pool) {
            manager::ready(&self.status(pool));
            self.feed_watchdog();
            self.upgrade.announce_serving();
            self.owes_ready = false;
            self.end_reload(&self.status(pool));
        }
        self.hand_over(pool);
        if let Some(interval) = &mut self.watchdog
            && interval.due(now).is_some()
        {
            manager::alive();
        }
    }

    /// Keeps the process alive that serves the status. A master that leaves needs none: its
    /// successor has one, at the same address.
    pub(super) fn keep(&self, status: &mut StatusProcess<'_>, now: Instant) {
        match self.is_leaving() {
            true => status.end(),
            false => status.keep(now),
        }
    }

    /// A new configuration stays if a worker becomes ready with it. If workers fail to start, the
    /// last good one is in force again.
    fn check_rollout(&mut self, pool: &mut Pool<'_>, now: Instant) {
        match pool.rollout() {
            Rollout::Pending => {}
            Rollout::Proven => self.configuration.confirm(),
            Rollout::Failed => {
                let (failed, _) = pool.generation();
                self.configuration.give_up();
                pool.roll_back(now);
                pool.reconfigure(&self.configuration.server());
                let (generation, _) = pool.generation();
                crate::log_error!(
                    "reload: no worker of generation {failed} became ready; generation \
                     {generation} goes on with its own configuration"
                );
                self.refusal = Some("its workers did not start".to_owned());
                self.owes_ready = true;
            }
        }
    }

    /// When this master has to have a successor that serves, or stops without one.
    fn hand_over_deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::HandingOver(_, since) if self.upgrade.peer() == PeerState::Starting => {
                since.checked_add(self.configuration.server().pool.grace)
            }
            _ => None,
        }
    }

    /// A successor that does not become ready within the graceful timeout does not hold up a stop.
    fn check_hand_over(&mut self, now: Instant) {
        if self.hand_over_deadline().is_some_and(|it| now >= it) {
            crate::log_warn!("upgrade: the successor is not ready in time (--graceful-timeout)");
            self.upgrade.kill_starting_successor();
        }
    }

    /// A master that hands over leaves when its successor serves. If the
    /// successor has gone, it stops like a master that was alone.
    // ANCHOR: hand_over
    fn hand_over(&mut self, pool: &mut Pool<'_>) {
        match (self.phase, self.upgrade.peer()) {
            (Phase::HandingOver(..), PeerState::Serving) => {
                self.phase = Phase::Leaving;
                title::set_state(b" (leaving)");
                self.owes_ready = false;
                self.upgrade.hand_over();
                self.feed_watchdog();
                self.configuration.cancel();
                pool.leave();
            }
            (Phase::HandingOver(..) | Phase::Leaving, PeerState::Gone) => {
                crate::log_warn!("upgrade: no other master serves: a stop");
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

    /// Whether the service manager is to be told that the pool is as it should be.
    fn is_ready(&self, pool: &Pool<'_>) -> bool {
        self.owes_ready && !self.configuration.is_preparing() && pool.is_settled()
    }

    /// How long until `update` has something to do if no signal comes.
    pub(super) fn until_due(&self, pool: &Pool<'_>, now: Instant) -> Duration {
        // The pool may have become settled after the last update.
        let is_due = self.is_ready(pool) || self.configuration.is_preparing();
        if is_due || self.is_over(pool) || signal::stopping() {
            return Duration::ZERO;
        }
        let watchdog = self.watchdog.as_ref().map(|it| it.left(now));
        let deadline = self.hand_over_deadline();
        let deadline = deadline.map(|it| it.saturating_duration_since(now));
        let stop = self.stops_at.map(|at| at.saturating_duration_since(now));
        let exec_time = self.configuration.server().pool.exec_time;
        let exec = self.upgrade.until_exec_due(now, exec_time);
        watchdog
            .into_iter()
            .chain(deadline)
            .chain(stop)
            .chain(exec)
            .min()
            .unwrap_or(Duration::MAX)
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
            (Phase::HandingOver(Signal::SIGQUIT, _), Signal::SIGTERM) => {
                return Some(self.stop_without_successor());
            }
            // No request is in danger yet: this master still serves while its successor starts.
            (Phase::HandingOver(..), Signal::SIGTERM)
                if self.upgrade.peer() == PeerState::Starting =>
            {
                return Some(self.stop_without_successor());
            }
            _ => {
                self.upgrade.kill_starting_successor();
                return Some(Stop::Forced);
            }
        }
        self.upgrade.announce_ending();
        let peer = self.upgrade.peer();
        let stop = upgrade::stop_for(signal, peer)?;
        if stop == Stop::HandOver {
            self.phase = Phase::HandingOver(signal, Instant::now());
            if peer == PeerState::Starting {
                crate::log!("{signal}: this process leaves when its successor serves");
            }
        } else {
            self.upgrade.kill_starting_successor();
            manager::stopping();
        }
        Some(match stop {
            Stop::Graceful if self.puts_off(signal) => Stop::Delayed,
            stop => stop,
        })
    }

    /// Puts a graceful stop off, once, if that is asked for.
    fn puts_off(&mut self, signal: Signal) -> bool {
        let server = self.configuration.server();
        let delay = server.pool.drain_delay;
        if delay.is_zero() || self.stops_at.is_some() {
            return false;
        }
        crate::log!(
            "{signal}: not ready from now on; the stop begins in {delay:?} (--drain-delay)"
        );
        server.scoreboard.note_draining();
        title::set_state(b" (draining)");
        self.configuration.cancel();
        self.stops_at = Instant::now().checked_add(delay);
        true
    }

    /// The graceful stop of a master that waits for its successor no more. A successor that
    /// is not ready would keep the port and serve no client.
    fn stop_without_successor(&mut self) -> Stop {
        self.upgrade.kill_starting_successor();
        self.phase = Phase::Serving;
        manager::stopping();
        Stop::Graceful
    }

    /// Does a part of what a configuration that was just read needs, and puts it into force when
    /// nothing is left.
    fn prepare(&mut self, pool: &mut Pool<'_>, now: Instant) {
        if self.configuration.prepare(now + PREPARE_TURN) {
            crate::log!("reload: a new generation begins");
            pool.reconfigure(&self.configuration.server());
            pool.begin_generation(now);
        }
    }

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
