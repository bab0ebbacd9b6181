//! What an accept strategy is: a row of facts, and the two sides of a pool.

use std::fmt;
use std::io;
use std::time::Duration;

use super::{Acceptor, Listener, Pick};
use crate::sys::signal::{Event, Signals};

/// A way in which the workers of a server come by their connections.
#[derive(Clone, Copy)]
pub struct Strategy {
    /// The word behind `--accept`.
    pub name: &'static str,
    /// What it does, in one line.
    pub summary: &'static str,
    /// Each worker has an accept queue of its own, and no other worker takes connections from it.
    /// So the number of workers is fixed: a queue without its worker would keep its clients
    /// waiting.
    pub has_queue_per_worker: bool,
    /// The master accepts and hands the connections to workers that are there.
    pub master_accepts: bool,
    /// The options of `servers run` that have an effect with this strategy only.
    pub options: &'static [&'static str],
    /// What the master of a pool does before its first fork. The arguments are the listener, the
    /// details, and the number of workers.
    pub(super) open: Open,
}

/// Prepares the master's side; see [`Strategy::open`].
pub(super) type Open = fn(Listener, StrategyOptions, usize) -> io::Result<Box<dyn MasterSide>>;

/// The details of a strategy, for those that have any.
#[derive(Debug, Clone, Copy, Default)]
pub struct StrategyOptions {
    /// With `pass`, which worker gets the next connection.
    pub pick: Pick,
    /// With `mutex`, the mutex stays locked when its holder dies. An exhibit: it shows why the
    /// default is a robust mutex.
    pub plain_mutex: bool,
}

/// What a worker accepts from, made in the worker itself.
pub(super) type NewAcceptor = io::Result<Box<dyn Acceptor>>;

/// What the master of a pool holds, from before its first fork until it closes the port.
// ANCHOR: master_side
pub(super) trait MasterSide {
    /// Called before a worker is forked for `slot`.
    fn prepare(&mut self, _slot: usize) -> io::Result<()> {
        Ok(())
    }

    /// Called in the child, right after the fork: what this worker accepts
    /// from. All else is closed in the child's process.
    fn into_acceptor(self: Box<Self>, slot: usize, index: usize) -> NewAcceptor;

    /// Waits for a signal or the end of `timeout`. With `for_connection`,
    /// a connection in the accept queue ends the wait as well.
    fn wait(
        &mut self,
        signals: &Signals,
        timeout: Option<Duration>,
        for_connection: bool,
    ) -> io::Result<Event>;

    /// Called when the worker of `slot` has ended.
    fn worker_ended(&mut self, _slot: usize) {}

    /// Connections that wait for the worker with this index.
    fn waiting(&self, index: usize) -> io::Result<u32>;

    /// All listeners of the port, for a successor to inherit.
    fn listeners(&self) -> Vec<&Listener>;
}
// ANCHOR_END: master_side

impl Strategy {
    /// Whether the option of this name has an effect with this strategy.
    pub fn takes(&self, option: &str) -> bool {
        self.options.contains(&option)
    }
}

/// Two strategies are the same if they have the same name: there is one row for each.
impl PartialEq for Strategy {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Strategy {}

impl fmt::Debug for Strategy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name)
    }
}
