//! How a pool of workers gets at the connections of one port.

use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use super::flock::{FlockLock, Prepared};
use super::locked::Locked;
use super::mutex::MutexLock;
use super::pass::{Dispatcher, Pick, Receiver};
use super::{Accepted, Listener, Listeners, Strategy};
use crate::sys::mutex::Kind;
use crate::sys::signal::{Event, Signals};

/// The details of a strategy, for those that have any.
#[derive(Debug, Clone, Copy, Default)]
pub struct Manner {
    /// Whom [`Strategy::Pass`] passes the next connection to.
    pub pick: Pick,
    /// Makes the mutex of [`Strategy::Mutex`] one that stays locked when its holder dies: an
    /// exhibit.
    pub plain_mutex: bool,
}

/// What the master of a pool opens before its first fork, and holds for as long as it runs.
pub struct Entrance {
    /// `None` once it is closed.
    way: Option<Way>,
}

// ANCHOR: ways
enum Way {
    /// One listener for all.
    Shared(Listener),
    /// One listener behind a lock on a file.
    Flock(Listener, Prepared),
    /// One listener behind a mutex.
    Mutex(Listener, MutexLock),
    /// The master accepts.
    Pass(Dispatcher),
    /// A listener for each slot.
    Reuseport(Listeners),
}
// ANCHOR_END: ways

/// A worker's own way in.
pub struct Door {
    way: WorkersWay,
}

enum WorkersWay {
    Own(Listener),
    Flock(Locked<FlockLock>),
    Mutex(Locked<MutexLock>),
    Passed(Receiver),
}

impl Entrance {
    /// Prepares for workers in `slots` slots that share the port of `listener`.
    ///
    /// # Errors
    /// A lack of descriptors or memory.
    pub fn open(
        strategy: Strategy,
        manner: Manner,
        listener: Listener,
        slots: usize,
    ) -> io::Result<Self> {
        let way = match strategy {
            Strategy::Flock => Way::Flock(listener, Prepared::new()?),
            Strategy::Mutex => {
                let robust = !manner.plain_mutex;
                let kind = if robust { Kind::Robust } else { Kind::Plain };
                Way::Mutex(listener, MutexLock::new(kind)?)
            }
            Strategy::Pass => Way::Pass(Dispatcher::new(listener, manner.pick)),
            Strategy::Reuseport => Way::Reuseport(Listeners::open(listener, slots)?),
            _ => Way::Shared(listener),
        };
        Ok(Self { way: Some(way) })
    }

    /// To be called before the fork of a worker for `slot`. No two live workers may have the same
    /// slot where the master passes connections to them.
    ///
    /// # Errors
    /// A lack of descriptors: try again later.
    pub fn prepare(&mut self, slot: usize) -> io::Result<()> {
        match &mut self.way {
            Some(Way::Pass(dispatcher)) => dispatcher.prepare(slot),
            _ => Ok(()),
        }
    }

    /// To be called in the child that is to work in `slot`, right after the fork: its own door.
    /// What belongs to other workers, or to the master, is closed in this process. `seat` says
    /// whose work it takes over: where there are several listeners, two workers may share one for a
    /// while.
    ///
    /// # Errors
    /// A lack of descriptors or memory.
    pub fn door(&mut self, slot: usize, seat: usize) -> io::Result<Door> {
        let way = match self.way.take() {
            Some(Way::Shared(listener)) => WorkersWay::Own(listener),
            Some(Way::Flock(listener, lock)) => {
                WorkersWay::Flock(Locked::new(listener, lock.own()?))
            }
            Some(Way::Mutex(listener, lock)) => WorkersWay::Mutex(Locked::new(listener, lock)),
            Some(Way::Pass(dispatcher)) => WorkersWay::Passed(dispatcher.into_receiver(slot)?),
            Some(Way::Reuseport(listeners)) => WorkersWay::Own(listeners.keep(seat)),
            None => return Err(io::Error::other("the entrance is closed")),
        };
        Ok(Door { way })
    }

    /// What the master waits for: the next signal, the end of `timeout`, or, if `demand` is what it
    /// waits for, a connection that nobody has accepted yet. Where the master has work of its own
    /// at the entrance, it is done meanwhile.
    ///
    /// # Errors
    /// The system calls' own.
    pub fn wait(
        &mut self,
        signals: &Signals,
        timeout: Option<Duration>,
        demand: bool,
    ) -> io::Result<Event> {
        match &mut self.way {
            Some(Way::Pass(dispatcher)) => {
                let signal = dispatcher.wait(signals, timeout)?;
                Ok(signal.map_or(Event::Timeout, Event::Signal))
            }
            Some(Way::Shared(listener) | Way::Flock(listener, _) | Way::Mutex(listener, _))
                if demand =>
            {
                Ok(signals.wait_beside(timeout, &[listener.as_fd()])?)
            }
            _ => Ok(signals.wait_beside(timeout, &[])?),
        }
    }

    /// To be called when the worker of a slot has ended, before another takes it over.
    pub fn vacated(&mut self, slot: usize) {
        if let Some(Way::Pass(dispatcher)) = &mut self.way {
            dispatcher.vacated(slot);
        }
    }

    /// How many connections wait that the worker of this seat could take.
    ///
    /// # Errors
    /// The system call's own.
    pub fn waiting(&self, seat: usize) -> io::Result<u32> {
        match &self.way {
            Some(Way::Shared(listener) | Way::Flock(listener, _) | Way::Mutex(listener, _)) => {
                listener.waiting()
            }
            Some(Way::Pass(dispatcher)) => dispatcher.waiting(),
            Some(Way::Reuseport(listeners)) => listeners.of(seat).waiting(),
            None => Ok(0),
        }
    }

    /// All listeners, for a successor to inherit; see [`Listener::with`].
    pub fn listeners(&self) -> Vec<&Listener> {
        match &self.way {
            Some(Way::Shared(listener) | Way::Flock(listener, _) | Way::Mutex(listener, _)) => {
                vec![listener]
            }
            Some(Way::Pass(dispatcher)) => dispatcher.listener().into_iter().collect(),
            Some(Way::Reuseport(listeners)) => listeners.iter().collect(),
            None => Vec::new(),
        }
    }

    /// The server stops, and no worker will be made any more: the master lets go of the port, and
    /// the workers drain what is in the accept queue. Where only the master can do that it goes on
    /// until that is done, in [`Entrance::wait`].
    pub fn close(&mut self) {
        if !matches!(self.way, Some(Way::Pass(_))) {
            self.way = None;
        }
    }
}

impl Door {
    /// The next connection, or `None` when this worker is to stop; see [`Listener::accept`].
    pub fn accept(&self) -> Accepted {
        self.accept_while(|| {})
    }

    /// [`Door::accept`], with something to do at least once a tick while nobody comes.
    pub fn accept_while(&self, meanwhile: impl FnMut()) -> Accepted {
        match &self.way {
            WorkersWay::Own(listener) => listener.accept_while(meanwhile),
            WorkersWay::Flock(locked) => locked.accept_while(meanwhile),
            WorkersWay::Mutex(locked) => locked.accept_while(meanwhile),
            WorkersWay::Passed(receiver) => receiver.accept_while(meanwhile),
        }
    }

    /// The listener behind it, for those who wait in other ways than `accept` does.
    ///
    /// # Errors
    /// This worker has none that it may use as it likes.
    pub fn listener(&self) -> io::Result<&Listener> {
        match &self.way {
            WorkersWay::Own(listener) => Ok(listener),
            _ => Err(io::Error::other("this worker has no listener of its own")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A worker may have threads that all use its door.
    #[test]
    fn doors_can_be_shared_by_threads() {
        fn is_shared<T: Sync>() {}
        is_shared::<Door>();
    }
}
