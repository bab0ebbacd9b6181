//! The master's side: accepts, picks, passes.

use std::collections::VecDeque;
use std::io;
use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;

use super::super::shared::{EXHAUSTED_PAUSE, Listener, is_lasting, recover};
use super::{Pick, Receiver, TICK, order, report};
use crate::sys::passing;
use crate::sys::signal::{self, Signals};

/// Accepts for all workers and passes each client to an idle one. While none is idle it does not
/// accept: the accept queue is the better place to wait, since every worker can still take from it.
pub(crate) struct Dispatcher {
    /// `None` once the server stops and the accept queue is empty.
    listener: Option<Listener>,
    /// By slot; `None` where no worker has been.
    channels: Vec<Option<Channel>>,
    pick: Pick,
    last: Option<usize>,
    /// Accepted, and not passed, or passed to somebody who died before reading it.
    in_hand: VecDeque<TcpStream>,
    /// Something lacks: nothing is accepted or passed before this.
    pause_until: Option<Instant>,
}

/// The connection to the worker of a slot, whoever that is: it outlives workers.
struct Channel {
    /// The master's end.
    ours: OwnedFd,
    /// The worker's end, held here as well so that what is in the channel is never lost.
    theirs: OwnedFd,
    worker: Worker,
}

/// What is known of the worker.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Worker {
    /// It serves, or there is none.
    Busy,
    Idle,
    /// Idle, and asked to stop.
    Leaving,
}

/// What there is to do.
struct Ready {
    signals: bool,
    channels: Vec<usize>,
    listener: bool,
}

impl Dispatcher {
    pub(crate) fn new(listener: Listener, pick: Pick) -> Self {
        Self {
            listener: Some(listener),
            channels: Vec::new(),
            pick,
            last: None,
            in_hand: VecDeque::new(),
            pause_until: None,
        }
    }

    /// Makes the channel of a slot, unless it is there.
    ///
    /// # Errors
    /// No descriptors for it, or none would be left to accept with.
    pub(crate) fn prepare(&mut self, slot: usize) -> io::Result<()> {
        if self.channels.len() <= slot {
            self.channels.resize_with(slot + 1, || None);
        }
        if self.channels[slot].is_none() {
            let (ours, theirs) = passing::pair(TICK)?;
            // One more must be left: a client's, between its acceptance and its passing.
            ours.try_clone()?;
            self.channels[slot] = Some(Channel {
                ours,
                theirs,
                worker: Worker::Busy,
            });
        }
        Ok(())
    }

    /// In a child: the worker's end of its channel; all else is closed.
    pub(crate) fn into_receiver(mut self, slot: usize) -> io::Result<Receiver> {
        let channel = self.channels.get_mut(slot).and_then(Option::take);
        let channel = channel.ok_or_else(|| io::Error::other("the slot was not prepared"))?;
        Ok(Receiver::new(channel.theirs))
    }

    /// The worker of a slot has ended. What it has said is void, and clients that it has not read
    /// are taken back.
    // ANCHOR: vacated
    pub(crate) fn vacated(&mut self, slot: usize) {
        let Some(Some(channel)) = self.channels.get_mut(slot) else {
            return;
        };
        channel.worker = Worker::Busy;
        while let Ok(Some(_void)) = passing::receive_now(&channel.ours) {}
        while let Ok(Some(unread)) = passing::receive_now(&channel.theirs) {
            let client = unread.descriptor.map(TcpStream::from);
            self.in_hand.extend(client);
        }
    }
    // ANCHOR_END: vacated

    /// What it accepts from, unless that is over.
    pub(crate) fn listener(&self) -> Option<&Listener> {
        self.listener.as_ref()
    }

    /// How many connections wait to be passed.
    pub(crate) fn waiting(&self) -> io::Result<u32> {
        let queued = self.listener.as_ref().map_or(Ok(0), Listener::waiting)?;
        Ok(queued + self.in_hand.len() as u32)
    }

    /// Dispatches until a signal has come or `timeout` has passed.
    // ANCHOR: wait
    pub(crate) fn wait(
        &mut self,
        signals: &Signals,
        timeout: Option<Duration>,
    ) -> io::Result<Option<Signal>> {
        let until = timeout.map(|timeout| Instant::now() + timeout);
        loop {
            self.finish_if_stopping()?;
            self.pass_on();
            let ready = self.poll(signals, until)?;
            for slot in ready.channels {
                self.hear(slot);
            }
            if ready.listener {
                self.accept()?;
            }
            if ready.signals || is_over(until) {
                return Ok(signals.take()?);
            }
        }
    }
    // ANCHOR_END: wait

    /// Waits until there is something to do. As long as no worker is idle, the listener is left
    /// alone.
    fn poll(&self, signals: &Signals, until: Option<Instant>) -> io::Result<Ready> {
        let wants_client =
            self.in_hand.is_empty() && !self.is_paused() && self.free_slot().is_some();
        let pause = self.pause_until.filter(|_| self.is_paused());
        let listener = self.listener.as_ref().filter(|_| wants_client);
        let slots = self.channels.iter().enumerate();
        let channels = slots.filter_map(|(slot, it)| Some((slot, it.as_ref()?.ours.as_fd())));
        let (slots, channels): (Vec<usize>, Vec<BorrowedFd<'_>>) = channels.unzip();

        let mut polled = vec![PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
        let watch = |fd| PollFd::new(fd, PollFlags::POLLIN);
        polled.extend(channels.into_iter().map(watch));
        polled.extend(listener.map(AsFd::as_fd).map(watch));
        match poll(&mut polled, timeout(until.into_iter().chain(pause).min())) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
        let mut is_ready = polled.iter().map(|it| it.any().unwrap_or(false));
        Ok(Ready {
            signals: is_ready.next().unwrap_or(false),
            channels: slots
                .into_iter()
                .filter(|_| is_ready.next().unwrap_or(false))
                .collect(),
            listener: is_ready.next().unwrap_or(false),
        })
    }

    /// What the worker of a slot has to say.
    fn hear(&mut self, slot: usize) {
        let Some(Some(channel)) = self.channels.get_mut(slot) else {
            return;
        };
        let Ok(Some(message)) = passing::receive_now(&channel.ours) else {
            return;
        };
        channel.worker = match (message.octet, channel.worker) {
            (report::IDLE, _) => Worker::Idle,
            (report::LEAVING, _) => Worker::Leaving,
            (report::CHANGED_MY_MIND, Worker::Idle) => Worker::Leaving,
            // It has been given a client meanwhile, and will say so again
            // when it has served it.
            (_, before) => before,
        };
    }

    /// Once the server stops, the port is closed as soon as all who were in the accept queue have
    /// been taken from it, and workers that wish to leave may leave.
    fn finish_if_stopping(&mut self) -> io::Result<()> {
        if let Some(listener) = &self.listener
            && listener.is_finished()?
        {
            self.listener = None;
        }
        let is_draining = self.is_draining();
        for channel in self.channels.iter_mut().flatten() {
            if channel.worker == Worker::Leaving && !is_draining {
                // A worker that is gone needs no answer, and the channel has room for one.
                let _ = passing::send(&channel.ours, order::GO, None);
                channel.worker = Worker::Busy;
            }
        }
        Ok(())
    }

    /// There are clients who must be served before a worker may leave: those in hand, and all who
    /// are in the accept queue when the server stops.
    fn is_draining(&self) -> bool {
        signal::stopping() && self.listener.is_some() || !self.in_hand.is_empty()
    }

    /// Passes clients on as far as there are any and somebody is idle.
    // ANCHOR: pass_on
    fn pass_on(&mut self) {
        while !self.is_paused()
            && let Some(slot) = self.free_slot()
            && let Some(Some(channel)) = self.channels.get_mut(slot)
            && let Some(client) = self.in_hand.pop_front()
        {
            let fd = Some(client.as_fd());
            match passing::send(&channel.ours, order::SERVE, fd) {
                Ok(()) => {
                    channel.worker = Worker::Busy;
                    self.last = Some(slot);
                    // Dropping `client` closes the master's copy.
                }
                Err(error) => {
                    self.in_hand.push_front(client);
                    self.pause("pass", error);
                }
            }
        }
    }
    // ANCHOR_END: pass_on

    fn free_slot(&self) -> Option<usize> {
        let is_draining = self.is_draining();
        let is_free = |slot: usize| match &self.channels[slot] {
            Some(channel) => match channel.worker {
                Worker::Idle => true,
                Worker::Leaving => is_draining,
                Worker::Busy => false,
            },
            None => false,
        };
        self.pick.choose(self.channels.len(), self.last, is_free)
    }

    /// One client more in hand, if there is one after all.
    fn accept(&mut self) -> io::Result<()> {
        let Some(listener) = &self.listener else {
            return Ok(());
        };
        match listener.accept_one() {
            Ok(client) => self.in_hand.push_back(client),
            Err(error) if is_lasting(error) => self.pause("accept", error),
            Err(error) => {
                recover(error)?;
            }
        }
        Ok(())
    }

    /// The master has other things to do than to sleep.
    fn pause(&mut self, what: &str, error: Errno) {
        crate::log!("{what}: {}; waiting until that changes", error.desc());
        self.pause_until = Some(Instant::now() + EXHAUSTED_PAUSE);
    }

    fn is_paused(&self) -> bool {
        self.pause_until.is_some_and(|until| Instant::now() < until)
    }
}

fn is_over(until: Option<Instant>) -> bool {
    until.is_some_and(|until| until <= Instant::now())
}

/// How long `poll` may wait, rounded up, so that the rest of a millisecond is not a busy loop.
fn timeout(until: Option<Instant>) -> PollTimeout {
    let Some(until) = until else {
        return PollTimeout::NONE;
    };
    let left = until.saturating_duration_since(Instant::now());
    PollTimeout::try_from(left.as_micros().div_ceil(1000)).unwrap_or(PollTimeout::MAX)
}
