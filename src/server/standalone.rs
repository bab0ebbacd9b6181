//! The settings of a server without a command line: for a program that brings its own handler.

use super::{Configuration, Lifetime, PoolSettings, Server, Trigger};
use crate::accept::{Strategy, StrategyOptions};
use crate::http::{Handler, Limits};
use crate::scoreboard::Scoreboard;
use crate::service::Succession;

/// Worker processes of a pool, and connections of the models that have a limit of them.
const WORKERS: usize = 4;
const CONNECTIONS_MAX: usize = 1024;

/// Defaults around a handler. `examples/custom_handler.rs` runs a model with it.
pub struct Standalone<H> {
    handler: H,
    accept: Strategy,
    scoreboard: Scoreboard,
    succession: Succession,
}

impl<H: Handler> Standalone<H> {
    /// A server of `model` whose workers share the port by `accept`, one of the model's strategies.
    ///
    /// # Errors
    /// No descriptors or no memory for the scoreboard.
    pub fn new(model: &'static str, accept: Strategy, handler: H) -> nix::Result<Self> {
        Ok(Self {
            handler,
            accept,
            scoreboard: Scoreboard::create()?,
            succession: Succession::new(model, None, None),
        })
    }
}

impl<H: Handler> Configuration for Standalone<H> {
    fn server(&self) -> Server<'_> {
        Server {
            handler: &self.handler,
            limits: Limits::default(),
            workers: WORKERS,
            pool: PoolSettings::default(),
            lifetime: Lifetime::default(),
            threads: None,
            accept: self.accept,
            strategy_options: StrategyOptions::default(),
            trigger: Trigger::Level,
            requeue: 0,
            connections_max: CONNECTIONS_MAX,
            scoreboard: &self.scoreboard,
            slow: None,
            access: None,
            configuration: self,
        }
    }

    fn drop_privileges(&self) -> Result<(), String> {
        Ok(())
    }

    fn reload(&self) -> Result<Box<dyn Configuration + '_>, String> {
        Err("this program has no configuration to read again".to_owned())
    }

    fn succession(&self) -> &Succession {
        &self.succession
    }
}
