//! A master's time in office: by which configuration it works, what it owes to the service manager,
//! and to whom it hands over.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::crew::Crew;
use super::current::Current;
use super::pool::Pool;
use super::ticker::Ticker;
use super::upgrade::{self, End, Upgrade};
use super::worker::Work;
use crate::accept::Entrance;
use crate::serve::Configuration;
use crate::service::manager;

/// What a master has to look after besides its pool.
pub(super) struct Tenure<'a> {
    current: Current<'a>,
    upgrade: Upgrade<'a>,
    watchdog: Option<Ticker>,
    /// The service manager has yet to hear that all is ready.
    owes_word: bool,
    /// This master ends as soon as its last worker has.
    leaves: bool,
}

impl<'a> Tenure<'a> {
    pub(super) fn begin(configuration: &'a dyn Configuration, now: Instant) -> Self {
        Self {
            current: Current::new(configuration),
            upgrade: Upgrade::new(configuration.succession()),
            watchdog: manager::watchdog().map(|every| Ticker::new(every, now)),
            owes_word: true,
            leaves: false,
        }
    }

    /// Whoever is to serve from now on, as is configured now.
    pub(super) fn crew(&self, work: Work) -> Crew<'_> {
        let server = self.current.server();
        Crew { server, work }
    }

    /// Whether there is nothing left to do.
    pub(super) fn is_over(&self, pool: &Pool<'_>) -> bool {
        self.leaves && pool.children.is_empty()
    }

    /// Looks what has become of a successor, and says what the service manager has to know.
    pub(super) fn look(&mut self, pool: &Pool<'_>, now: Instant) {
        self.upgrade.look();
        if self.owes_word && pool.is_settled() {
            manager::ready();
            self.owes_word = false;
        }
        if self
            .watchdog
            .as_mut()
            .is_some_and(|it| it.due(now).is_some())
        {
            manager::alive();
        }
    }

    /// How long until something is due here if nothing happens.
    pub(super) fn until_due(&self, pool: &Pool<'_>, now: Instant) -> Duration {
        match &self.watchdog {
            _ if self.is_over(pool) => Duration::ZERO,
            Some(ticker) => ticker.left(now),
            None => Duration::MAX,
        }
    }

    /// The end that a signal asks for, if it does.
    pub(super) fn end(&mut self, signal: Signal) -> Option<End> {
        // Whoever asks twice is in a hurry.
        let has_stand_in = self.upgrade.other().is_some() && !self.leaves;
        let end = upgrade::end(signal, has_stand_in)?;
        self.upgrade.bid_farewell();
        self.leaves |= end == End::Leave;
        Some(end)
    }

    /// Does what a signal asks for that does not end the loop.
    pub(super) fn obey(&mut self, signal: Signal, pool: &mut Pool<'_>, entrance: &Entrance) {
        // ANCHOR: obey
        match signal {
            Signal::SIGHUP => self.reload(pool),
            Signal::SIGUSR2 => self.upgrade.begin(&entrance.listeners()),
            Signal::SIGWINCH => pool.drain(),
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
        manager::reloading();
        self.owes_word = true;
        if self.current.reload() {
            let now = Instant::now();
            pool.reconfigure(&self.current.server(), now);
            pool.begin_generation(now);
            crate::log!("reload: a new generation begins");
        }
    }
    // ANCHOR_END: reload
}
