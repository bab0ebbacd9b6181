//! How a pool of workers gets at the connections of one port.

use std::io;
use std::time::Duration;

use nix::sys::signal::Signal;

use super::{Accepted, Listener, Listeners, Strategy};
use crate::sys::signal::Signals;

/// What the master of a pool opens before its first fork, and holds for as long as it runs.
pub struct Entrance {
    ways: Option<Ways>,
}

enum Ways {
    /// One listener for all.
    Shared(Listener),
    /// A listener for each slot.
    Reuseport(Listeners),
}

/// A worker's own way in.
pub struct Door {
    listener: Listener,
}

impl Entrance {
    /// Prepares for `slots` workers that share the port of `listener`.
    ///
    /// # Errors
    /// A lack of descriptors or memory.
    pub fn open(strategy: Strategy, listener: Listener, slots: usize) -> io::Result<Self> {
        let ways = match strategy {
            Strategy::Reuseport => Ways::Reuseport(Listeners::open(listener, slots)?),
            _ => Ways::Shared(listener),
        };
        Ok(Self { ways: Some(ways) })
    }

    /// To be called in the child that is to work in `slot`, right after the fork: its own door.
    /// What belongs to other workers, and to the master, is closed in this process.
    ///
    /// # Errors
    /// A lack of descriptors or memory.
    pub fn door(&mut self, slot: usize) -> io::Result<Door> {
        let listener = match self.ways.take() {
            Some(Ways::Shared(listener)) => listener,
            Some(Ways::Reuseport(listeners)) => listeners.keep(slot),
            None => return Err(io::Error::other("the entrance is closed")),
        };
        Ok(Door { listener })
    }

    /// What the master waits for: the next signal, or `None` when `timeout` has passed.
    ///
    /// # Errors
    /// The system call's own.
    pub fn wait(
        &mut self,
        signals: &Signals,
        timeout: Option<Duration>,
    ) -> io::Result<Option<Signal>> {
        Ok(signals.wait(timeout)?)
    }

    /// How many connections wait for the worker of `slot`.
    ///
    /// # Errors
    /// The system call's own.
    pub fn waiting(&self, slot: usize) -> io::Result<u32> {
        match &self.ways {
            Some(Ways::Shared(listener)) => listener.waiting(),
            Some(Ways::Reuseport(listeners)) => listeners.of(slot).waiting(),
            None => Ok(0),
        }
    }

    /// Deals new connections to the slots that are `in_service` and to no others, where each slot
    /// has an accept queue of its own; elsewhere whoever is there takes them anyway.
    ///
    /// # Errors
    /// EINVAL if no slot is in service.
    pub fn deal(&self, in_service: impl Fn(usize) -> bool) -> io::Result<()> {
        match &self.ways {
            Some(Ways::Reuseport(listeners)) => listeners.deal(in_service),
            _ => Ok(()),
        }
    }

    /// Closes the master's hold of the port: the workers drain what is theirs.
    pub fn close(&mut self) {
        self.ways = None;
    }
}

impl Door {
    /// The next connection; see [`Listener::accept`].
    pub fn accept(&self) -> Accepted {
        self.listener.accept()
    }

    /// The listener behind it, for those who wait in other ways than `accept` does.
    ///
    /// # Errors
    /// There is none, since the master accepts.
    pub fn listener(&self) -> io::Result<&Listener> {
        Ok(&self.listener)
    }
}
