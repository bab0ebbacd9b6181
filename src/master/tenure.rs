//! A master's time in office: by which configuration it works, what it owes to the service manager,
//! and to whom it hands over.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::children::STOPS;
use super::crew::Crew;
use super::current::Current;
use super::pool::Pool;
use super::ticker::Ticker;
use super::upgrade::{self, End, StandIn, Upgrade};
use super::worker::Work;
use crate::accept::SharedListeners;
use crate::serve::Configuration;
use crate::service::manager;
use crate::sys::signal;

/// What a master has to look after besides its pool.
pub(super) struct Tenure<'a> {
    current: Current<'a>,
    upgrade: Upgrade<'a>,
    watchdog: Option<Ticker>,
    /// The service manager has yet to hear that all is ready.
    owes_word: bool,
    /// Why the last reload has changed nothing, if so.
    refusal: Option<String>,
    stay: Stay,
}

/// Whether this master stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stay {
    Stays,
    /// It serves until its successor does, and then leaves, as that signal has asked.
    UntilSuccessorServes(Signal),
    /// It ends as soon as its last worker has.
    Leaves,
}

impl<'a> Tenure<'a> {
    pub(super) fn begin(configuration: &'a dyn Configuration, now: Instant) -> Self {
        Self {
            current: Current::new(configuration),
            upgrade: Upgrade::new(configuration.succession()),
            watchdog: manager::watchdog().map(|every| Ticker::new(every, now)),
            owes_word: true,
            refusal: None,
            stay: Stay::Stays,
        }
    }

    /// Whoever is to serve from now on, as is configured now.
    pub(super) fn crew(&self, work: Work) -> Crew<'_> {
        let server = self.current.server();
        Crew { server, work }
    }

    /// Whether there is nothing left to do.
    pub(super) fn is_over(&self, pool: &Pool<'_>) -> bool {
        self.stay == Stay::Leaves && pool.children.is_empty()
    }

    /// Looks what has become of another master, and says what the service manager has to know.
    pub(super) fn look(&mut self, pool: &mut Pool<'_>, now: Instant) {
        self.upgrade.look();
        if self.owes_word && pool.is_settled() {
            manager::ready(&self.status(pool));
            self.show_life();
            self.upgrade.serves();
            self.owes_word = false;
        }
        self.leave(pool);
        if let Some(ticker) = &mut self.watchdog
            && ticker.due(now).is_some()
        {
            manager::alive();
        }
    }

    /// Goes on with leaving, if this master leaves: not before another one serves, and not if there
    /// is none any more.
    // ANCHOR: leave
    fn leave(&mut self, pool: &mut Pool<'_>) {
        match (self.stay, self.upgrade.stand_in()) {
            (Stay::UntilSuccessorServes(_), StandIn::There) => {
                self.stay = Stay::Leaves;
                self.owes_word = false;
                self.upgrade.hand_over();
                self.show_life();
                pool.leave();
            }
            (Stay::Stays, _) | (_, StandIn::There | StandIn::Expected) => {}
            (_, StandIn::Nobody) => {
                crate::log!("upgrade: nobody else serves, so this is a stop");
                self.stay = Stay::Stays;
                manager::stopping();
                signal::begin_stop();
            }
        }
    }
    // ANCHOR_END: leave

    /// Who becomes the main process, or has just reloaded, is given the whole time again: the
    /// manager's watchdog does not know that, and its clock runs on.
    fn show_life(&self) {
        if self.watchdog.is_some() {
            manager::alive();
        }
    }

    /// How long until something is due here if nothing happens.
    pub(super) fn until_due(&self, pool: &Pool<'_>, now: Instant) -> Duration {
        // All may be as it should be only since the last look.
        let has_word = self.owes_word && pool.is_settled();
        match &self.watchdog {
            _ if has_word || self.is_over(pool) || signal::stopping() => Duration::ZERO,
            Some(ticker) => ticker.left(now),
            None => Duration::MAX,
        }
    }

    /// The end that a signal asks for, if it does. To leave is only begun here: see `Tenure::look`.
    pub(super) fn end(&mut self, signal: Signal) -> Option<End> {
        if !STOPS.contains(&signal) {
            return None;
        }
        match (self.stay, signal) {
            (Stay::Stays, _) => {}
            // That was to commit an upgrade, and this is to stop, whatever becomes of it.
            (Stay::UntilSuccessorServes(Signal::SIGQUIT), Signal::SIGTERM) => {
                self.stay = Stay::Stays;
                manager::stopping();
                return Some(End::Graceful);
            }
            _ => return Some(End::Forced),
        }
        self.upgrade.ends();
        let stand_in = self.upgrade.stand_in();
        let end = upgrade::end(signal, stand_in)?;
        match (end, stand_in) {
            (End::Leave, StandIn::Expected) => {
                crate::log!("{signal}: this process leaves when its successor serves");
            }
            (End::Leave, _) => {}
            _ => manager::stopping(),
        }
        if end == End::Leave {
            self.stay = Stay::UntilSuccessorServes(signal);
        }
        Some(end)
    }

    /// Does what a signal asks for that does not end the loop.
    pub(super) fn obey(
        &mut self,
        signal: Signal,
        pool: &mut Pool<'_>,
        listeners: &SharedListeners,
    ) {
        // ANCHOR: obey
        match signal {
            Signal::SIGHUP | Signal::SIGUSR2 if self.stay == Stay::Leaves => {
                crate::log!("{signal}: this process is leaving");
            }
            Signal::SIGHUP => self.reload(pool),
            Signal::SIGUSR2 => self.upgrade.begin(&listeners.listeners()),
            Signal::SIGWINCH => {
                crate::log!("{signal}: the workers leave, this process stays");
                pool.drain();
            }
            Signal::SIGTTIN => pool.adjust(1),
            Signal::SIGTTOU => pool.adjust(-1),
            // The next look finds whoever has ended.
            Signal::SIGCHLD | Signal::SIGALRM => {}
            other => crate::log!("{other}: nothing to do"),
        }
        // ANCHOR_END: obey
    }

    // ANCHOR: reload
    fn reload(&mut self, pool: &mut Pool<'_>) {
        manager::reloading("reads its configuration again");
        self.owes_word = true;
        self.refusal = self.current.reload().err();
        if let Some(why) = &self.refusal {
            crate::log!("reload: {why}; nothing has changed");
            if pool.is_drained() {
                // Whoever rolls an upgrade back wants to see them.
                pool.resume();
                crate::log!("reload: the workers come back all the same");
            }
            return;
        }
        crate::log!("reload: a new generation begins");
        pool.reconfigure(&self.current.server());
        pool.begin_generation(Instant::now());
    }
    // ANCHOR_END: reload

    /// In one line, for people who ask the service manager. Only what stays true until the next
    /// word: a pool may grow and shrink.
    fn status(&self, pool: &Pool<'_>) -> String {
        let (generation, workers) = pool.generation();
        match &self.refusal {
            Some(why) => format!("generation {generation} goes on; reload refused: {why}"),
            None => format!("generation {generation}; workers at its start: {workers}"),
        }
    }
}
