//! The listeners of a pool, as its master holds them, whatever the strategy is.

use std::io;
use std::time::Duration;

use super::strategy::MasterSide;
use super::{Acceptor, Listener, Strategy, StrategyOptions};
use crate::sys::errors::plain;
use crate::sys::outage::Outage;
use crate::sys::signal::{Event, Signals};

/// What the master of a pool opens before its first fork and holds until the port closes.
pub struct SharedListeners {
    strategy: Strategy,
    /// `None` once the port is closed in this process.
    held: Option<Box<dyn MasterSide>>,
}

/// A listener that was shut down stays so. The master tries again at the end of each worker.
static CANNOT_LISTEN: Outage = Outage::new("cannot listen again");

impl SharedListeners {
    /// Prepares for `workers` workers that share the port of `listener`.
    ///
    /// # Errors
    /// A lack of descriptors or memory.
    pub fn open(
        strategy: Strategy,
        options: StrategyOptions,
        listener: Listener,
        workers: usize,
    ) -> io::Result<Self> {
        let held = (strategy.open)(listener, options, workers)?;
        Ok(Self {
            strategy,
            held: Some(held),
        })
    }

    /// To be called before the fork of a worker for `slot`. Where the master passes connections to
    /// its workers, no two live workers may have the same slot.
    ///
    /// # Errors
    /// A lack of descriptors: the caller can try again later.
    pub fn prepare(&mut self, slot: usize) -> io::Result<()> {
        self.held.as_mut().map_or(Ok(()), |held| held.prepare(slot))
    }

    /// To be called in the child that works in `slot`, right after the fork: what it accepts from.
    /// What belongs to the master or to other workers is closed in the child. The `index` is the
    /// worker's place in its generation: with a queue for each worker it says which queue. While
    /// one generation replaces another, two workers share one.
    ///
    /// # Errors
    /// A lack of descriptors or memory.
    pub fn acceptor(&mut self, slot: usize, index: usize) -> io::Result<Box<dyn Acceptor>> {
        let held = self.held.take();
        let held = held.ok_or_else(|| io::Error::other("the listener is closed"))?;
        held.into_acceptor(slot, index)
    }

    /// The master's wait: the next signal, the end of `timeout` or, with `for_connection`, a
    /// connection that no worker has accepted yet. A master that passes connections on does so
    /// meanwhile.
    ///
    /// # Errors
    /// Those of the system calls.
    pub fn wait(
        &mut self,
        signals: &Signals,
        timeout: Option<Duration>,
        for_connection: bool,
    ) -> io::Result<Event> {
        match &mut self.held {
            Some(held) => held.wait(signals, timeout, for_connection),
            None => Ok(signals.wait_beside(timeout, &[])?),
        }
    }

    /// To be called when the worker of a slot has ended, before another worker gets the slot. A
    /// worker also ends when the listener was shut down, so this is when the master looks.
    pub fn worker_ended(&mut self, slot: usize) {
        let Some(held) = &mut self.held else {
            return;
        };
        held.worker_ended(slot);
        for listener in held.listeners() {
            if let Err(error) = listener.reopen_if_shut() {
                CANNOT_LISTEN.failed(plain(&error));
            }
        }
    }

    /// How many connections wait that the worker with this index could take.
    ///
    /// # Errors
    /// Those of the system call.
    pub fn waiting(&self, index: usize) -> io::Result<u32> {
        self.held.as_ref().map_or(Ok(0), |held| held.waiting(index))
    }

    /// All listeners, for a successor to inherit; see [`Listener::with`].
    pub fn listeners(&self) -> Vec<&Listener> {
        self.held
            .as_ref()
            .map_or_else(Vec::new, |held| held.listeners())
    }

    /// The server stops and no further worker will be forked. The master closes the port in its
    /// process, and the workers drain the accept queue. A master that accepts itself has to drain
    /// the queue itself: it goes on in [`SharedListeners::wait`] until that is done.
    pub fn close(&mut self) {
        if !self.strategy.master_accepts {
            self.held = None;
        }
    }
}
