//! Which options of `servers run` go together, and with which model.

use super::Args;
use super::values::Bind;
use crate::accept::{self, Strategy, StrategyOptions};
use crate::cli::option_conflict::OptionConflict;
use crate::models;
use crate::server::{PoolSettings, Trigger};

/// The options that have to go together, checked and with defaults filled in.
pub(super) struct Rules {
    pub(super) accept: Strategy,
    pub(super) strategy_options: StrategyOptions,
    pub(super) trigger: Trigger,
    pub(super) pool: PoolSettings,
}

impl Args {
    /// Checks the options against each other and against the model.
    ///
    /// # Errors
    /// Some do not go together, or with the model.
    pub(super) fn rules(&self) -> Result<Rules, OptionConflict> {
        if self.service.preloads_in_workers() && !self.model.has_master() {
            let message = format!("{} has no workers that could preload", self.model.name);
            return Err(OptionConflict::between(
                &["preload-when", "preload"],
                message,
            ));
        }
        if self.pool.workers.is_some() && !self.model.has_master() {
            let with_pool = models::ALL.iter().filter(|it| it.has_master());
            let names: Vec<&str> = with_pool.map(|it| it.name).collect();
            let message = format!(
                "{} has no pool of worker processes, so --workers has no effect; {} have one",
                self.model.name,
                names.join(", ")
            );
            return Err(OptionConflict::between(&["workers", "model"], message));
        }
        self.logs.check()?;
        let accept = self.strategy()?;
        self.check_binds(accept)?;
        Ok(Rules {
            accept,
            strategy_options: self.strategy_options(accept)?,
            trigger: self.trigger()?,
            pool: (self.pool).rules(self.model, accept, self.graceful_timeout, self.drain_delay)?,
        })
    }

    /// Checks the values of `--bind` against each other and against the strategy.
    fn check_binds(&self, accept: Strategy) -> Result<(), OptionConflict> {
        let is_unix = |bind: &Bind| matches!(bind, Bind::Unix(_));
        let has_unix = self.bind.iter().any(is_unix);
        let given: [(&'static [&'static str], bool); 2] = [
            (&["socket-mode", "bind"], self.socket_mode.is_some()),
            (&["socket-owner", "bind"], self.socket_owner.is_some()),
        ];
        for (between, is_given) in given {
            if is_given && !has_unix {
                let message = format!("--{} needs --bind unix:PATH", between[0]);
                return Err(OptionConflict::between(between, message));
            }
        }
        if has_unix && accept.has_queue_per_worker {
            let message = format!(
                "--accept {} needs IP addresses: a Unix socket has one accept queue",
                accept.name
            );
            return Err(OptionConflict::between(&["bind", "accept"], message));
        }
        let is_fixed = |bind: &Bind| match bind {
            Bind::Tcp(addresses) => addresses.iter().all(|it| it.port() != 0),
            Bind::Unix(_) => true,
        };
        let mut rest = self.bind.iter();
        while let Some(bind) = rest.next() {
            if is_fixed(bind) && rest.as_slice().contains(bind) {
                let message = "--bind has one address twice";
                return Err(OptionConflict::value(&["bind"], message));
            }
        }
        Ok(())
    }

    /// [`Args::rules`], for the check alone.
    ///
    /// # Errors
    /// Some options do not go together, or with the model.
    pub(in crate::cli) fn check(&self) -> Result<(), OptionConflict> {
        self.rules().map(drop)
    }

    /// The strategy that was asked for, if the model has it, or the model's default.
    pub(super) fn strategy(&self) -> Result<Strategy, OptionConflict> {
        let known = self.model.strategies;
        let Some(wanted) = self.accept else {
            return Ok(known.first().copied().unwrap_or(accept::SHARED));
        };
        if !known.contains(&wanted) {
            let names: Vec<&str> = known.iter().map(|strategy| strategy.name).collect();
            let (model, wanted) = (self.model.name, wanted.name);
            let message = format!(
                "{model} has no --accept {wanted}; it can do: {}",
                names.join(", ")
            );
            return Err(OptionConflict::value(&["accept"], message));
        }
        Ok(wanted)
    }

    /// The details of the strategy, as far as it has any.
    fn strategy_options(&self, accept: Strategy) -> Result<StrategyOptions, OptionConflict> {
        let given: [(&'static [&'static str], bool); 2] = [
            (&["pick", "accept"], self.pick.is_some()),
            (&["plain-mutex", "accept"], self.plain_mutex),
        ];
        for (between, is_given) in given {
            let option = between[0];
            if is_given && !accept.takes(option) {
                let takes = accept::ALL.iter().filter(|it| it.takes(option));
                let names: Vec<&str> = takes.map(|it| it.name).collect();
                let message = format!("--{option} needs --accept {}", names.join(" or "));
                return Err(OptionConflict::between(between, message));
            }
        }
        Ok(StrategyOptions {
            pick: self.pick.unwrap_or_default(),
            plain_mutex: self.plain_mutex,
        })
    }

    /// The trigger that was asked for, if the model waits with epoll.
    fn trigger(&self) -> Result<Trigger, OptionConflict> {
        if let Some(wanted) = self.trigger
            && !self.model.triggers.contains(&wanted)
        {
            let known = models::ALL.iter().filter(|it| !it.triggers.is_empty());
            let names: Vec<&str> = known.map(|model| model.name).collect();
            let (model, names) = (self.model.name, names.join(" and "));
            let message = format!("{model} has no --trigger; {names} have it");
            return Err(OptionConflict::value(&["trigger"], message));
        }
        Ok(self.trigger.unwrap_or(Trigger::Level))
    }
}
