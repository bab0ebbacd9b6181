//! The master's side of the strategies in which all workers take from one accept queue.

use std::io;
use std::time::Duration;

use super::strategy::{MasterSide, NewAcceptor};
use super::{Acceptor, Listener};
use crate::sys::signal::{Event, Signals};

/// One listener that all workers inherit, and what each makes of it.
pub(super) struct OneQueue<F> {
    listener: Listener,
    acceptor: F,
}

impl<F> OneQueue<F>
where
    F: FnOnce(Listener) -> io::Result<Box<dyn Acceptor>> + 'static,
{
    /// A worker calls `acceptor` once, right after its fork.
    pub(super) fn boxed(listener: Listener, acceptor: F) -> Box<dyn MasterSide> {
        Box::new(Self { listener, acceptor })
    }
}

impl<F> MasterSide for OneQueue<F>
where
    F: FnOnce(Listener) -> io::Result<Box<dyn Acceptor>>,
{
    fn into_acceptor(self: Box<Self>, _: usize, _: usize) -> NewAcceptor {
        (self.acceptor)(self.listener)
    }

    fn wait(
        &mut self,
        signals: &Signals,
        timeout: Option<Duration>,
        for_connection: bool,
    ) -> io::Result<Event> {
        let watched = self.listener.descriptors().filter(|_| for_connection);
        Ok(signals.wait_beside(timeout, &watched.collect::<Vec<_>>())?)
    }

    fn waiting(&self, _: usize) -> io::Result<u32> {
        self.listener.waiting()
    }

    fn listeners(&self) -> Vec<&Listener> {
        vec![&self.listener]
    }
}
