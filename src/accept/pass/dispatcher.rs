//! The master's side: accepts, picks, passes.

use std::collections::VecDeque;
use std::io;
use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;

use super::messages::{order, report};
use super::receiver::Receiver;
use crate::accept::errors::{EXHAUSTED_PAUSE, is_lasting, log_exhausted, recover};
use crate::accept::strategy::{MasterSide, NewAcceptor};
use crate::accept::{Listener, Pick, TICK};
use crate::sys::outage::Outage;
use crate::sys::passing;
use crate::sys::poll::poll_timeout;
use crate::sys::signal::{self, Event, Signals};

/// The master cannot pass a connection, though a worker is idle.
static CANNOT_PASS: Outage = Outage::new("pass");

/// More messages than a channel holds. A process that a worker has left behind may go on sending.
const MESSAGES_MAX: usize = 4096;

/// Accepts for all workers and passes each client to an idle one. While none is idle it does not
/// accept: a connection in the accept queue can still go to any worker, and one that has been
/// accepted takes a descriptor.
pub(super) struct Dispatcher {
    /// `None` once the server stops and the accept queue is empty.
    listener: Option<Listener>,
    /// By slot; `None` for a slot that has had no worker yet.
    channels: Vec<Option<Channel>>,
    pick: Pick,
    last: Option<usize>,
    /// Accepted and not passed yet, or passed to a worker that died before it read the message.
    in_hand: VecDeque<TcpStream>,
    /// A descriptor or memory lacked: nothing is accepted or passed before this moment.
    pause_until: Option<Instant>,
}

/// The channel to the worker of a slot. The next worker in the slot inherits it.
struct Channel {
    /// The master's end.
    ours: OwnedFd,
    /// The worker's end. The master holds it too, so that a message is not lost with the worker.
    theirs: OwnedFd,
    worker: Worker,
}

/// What the master knows of the worker.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Worker {
    /// It serves, or the slot has no worker.
    Busy,
    Idle,
    /// Idle, and asked to stop.
    Leaving,
}

/// What a wait has found ready.
struct Ready {
    signals: bool,
    channels: Vec<usize>,
    listener: bool,
}

impl MasterSide for Dispatcher {
    /// Makes the channel of a slot, unless it is there.
    fn prepare(&mut self, slot: usize) -> io::Result<()> {
        if self.channels.len() <= slot {
            self.channels.resize_with(slot + 1, || None);
        }
        if self.channels[slot].is_none() {
            let (ours, theirs) = passing::pair(TICK)?;
            // One more descriptor must be left: a client's, between its acceptance and its passing.
            ours.try_clone()?;
            self.channels[slot] = Some(Channel {
                ours,
                theirs,
                worker: Worker::Busy,
            });
        }
        Ok(())
    }

    /// The worker's end of its channel.
    fn into_acceptor(mut self: Box<Self>, slot: usize, _: usize) -> NewAcceptor {
        let channel = self.channels.get_mut(slot).and_then(Option::take);
        let channel = channel.ok_or_else(|| io::Error::other("the slot was not prepared"))?;
        Ok(Box::new(Receiver::new(channel.theirs)))
    }

    /// The master passes connections on while it waits. No connection ends its wait.
    fn wait(&mut self, signals: &Signals, timeout: Option<Duration>, _: bool) -> io::Result<Event> {
        let signal = self.dispatch(signals, timeout)?;
        Ok(signal.map_or(Event::Timeout, Event::Signal))
    }

    /// What the worker of the slot has reported is void, and clients that it has not read are
    /// taken back.
    // ANCHOR: worker_ended
    fn worker_ended(&mut self, slot: usize) {
        let Some(Some(channel)) = self.channels.get_mut(slot) else {
            return;
        };
        channel.worker = Worker::Busy;
        for _ in 0..MESSAGES_MAX {
            if passing::receive_byte_now(&channel.ours).is_err() {
                break;
            }
        }
        while let Ok(Some(unread)) = passing::receive_now(&channel.theirs) {
            let client = unread.descriptor.map(TcpStream::from);
            self.in_hand.extend(client);
        }
    }
    // ANCHOR_END: worker_ended

    /// Any worker can get any connection, so the index does not matter.
    fn waiting(&self, _: usize) -> io::Result<u32> {
        let queued = self.listener.as_ref().map_or(Ok(0), Listener::waiting)?;
        Ok(queued + self.in_hand.len() as u32)
    }

    fn listeners(&self) -> Vec<&Listener> {
        self.listener.iter().collect()
    }
}

impl Dispatcher {
    pub(super) fn new(listener: Listener, pick: Pick) -> Self {
        Self {
            listener: Some(listener),
            channels: Vec::new(),
            pick,
            last: None,
            in_hand: VecDeque::new(),
            pause_until: None,
        }
    }

    /// Accepts and passes on until a signal has come or `timeout` has passed.
    // ANCHOR: dispatch
    fn dispatch(
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
                self.read_report(slot);
            }
            if ready.listener {
                self.accept()?;
            }
            if ready.signals || is_over(until) {
                return Ok(signals.take()?);
            }
        }
    }
    // ANCHOR_END: dispatch

    /// Waits for a message of a worker, a signal or, if a worker is idle, a connection.
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
        polled.extend(
            listener
                .into_iter()
                .flat_map(Listener::descriptors)
                .map(watch),
        );
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
            listener: is_ready.any(|it| it),
        })
    }

    /// Reads the message of the worker in a slot.
    fn read_report(&mut self, slot: usize) {
        let Some(Some(channel)) = self.channels.get_mut(slot) else {
            return;
        };
        let Ok(Some(byte)) = passing::receive_byte_now(&channel.ours) else {
            return;
        };
        channel.worker = match (byte, channel.worker) {
            (report::IDLE, _) => Worker::Idle,
            (report::LEAVING, _) => Worker::Leaving,
            (report::CHANGED_MY_MIND, Worker::Idle) => Worker::Leaving,
            // The master has passed it a client meanwhile. When it has served
            // that, it reports again.
            (_, before) => before,
        };
    }

    /// Once the server stops, the port is closed as soon as all connections that were in the accept
    /// queue have been taken from it. Then workers that asked to leave may leave.
    fn finish_if_stopping(&mut self) -> io::Result<()> {
        if let Some(listener) = &self.listener
            && listener.is_finished()?
        {
            self.listener = None;
        }
        let is_draining = self.is_draining();
        for channel in self.channels.iter_mut().flatten() {
            if channel.worker == Worker::Leaving && !is_draining {
                // It fails only if the worker has gone, which then needs no answer: the channel has
                // room for one more message.
                let _ = passing::send(&channel.ours, order::GO, None);
                channel.worker = Worker::Busy;
            }
        }
        Ok(())
    }

    /// Some clients must be served before a worker may leave: those in hand, and all that are in
    /// the accept queue when the server stops.
    fn is_draining(&self) -> bool {
        signal::stopping() && self.listener.is_some() || !self.in_hand.is_empty()
    }

    /// Passes clients on while there are any and a worker is idle.
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
                    CANNOT_PASS.worked();
                    channel.worker = Worker::Busy;
                    self.last = Some(slot);
                    // Dropping `client` closes the master's copy.
                }
                // It has said that it is idle, and does not read.
                Err(Errno::EAGAIN) => {
                    channel.worker = Worker::Busy;
                    self.in_hand.push_front(client);
                }
                Err(error) => {
                    CANNOT_PASS.failed(error.desc());
                    self.in_hand.push_front(client);
                    self.pause();
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

    /// Accepts one client. The queue may be empty after all: a client can leave while it waits.
    fn accept(&mut self) -> io::Result<()> {
        let Some(listener) = &self.listener else {
            return Ok(());
        };
        match listener.accept_one() {
            Ok(client) => self.in_hand.push_back(client),
            Err(error) if is_lasting(error) => {
                log_exhausted(error);
                self.pause();
            }
            Err(error) => {
                recover(error)?;
            }
        }
        Ok(())
    }

    /// The master must not sleep here: it also reaps workers and handles signals.
    fn pause(&mut self) {
        self.pause_until = Some(Instant::now() + EXHAUSTED_PAUSE);
    }

    fn is_paused(&self) -> bool {
        self.pause_until.is_some_and(|until| Instant::now() < until)
    }
}

fn is_over(until: Option<Instant>) -> bool {
    until.is_some_and(|until| until <= Instant::now())
}

/// How long `poll` may wait.
fn timeout(until: Option<Instant>) -> PollTimeout {
    let Some(until) = until else {
        return PollTimeout::NONE;
    };
    poll_timeout(until.saturating_duration_since(Instant::now()))
}
