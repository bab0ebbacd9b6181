//! The requests of an open loop that are due and wait for a connection: one queue for the whole
//! run, the first come first.
//!
//! Each thread has its own connections and its own part of the schedule. With a queue of its own
//! as well, a request could wait in one thread while another has a free connection. So a thread
//! whose connections are all busy puts the request here and wakes a thread that has a free one.
//!
//! No wake-up is lost: a thread announces its free connections before it looks whether a request
//! waits, and the other puts the request here before it looks who has a free one. One of the two
//! sees the other, as all four accesses are sequentially consistent.

use std::collections::VecDeque;
use std::os::fd::AsFd;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::{Mutex, MutexGuard, PoisonError};

use nix::sys::epoll::{Epoll, EpollEvent, EpollFlags};
use nix::sys::eventfd::{EfdFlags, EventFd};

use super::pacer::Due;
use super::timer::failed;
use super::{Error, Plan};

/// The queue of a run. Times are in ns from the start of the run.
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    /// How many wait, for a look without the lock.
    count: AtomicUsize,
    /// Threads that have requests which are not due yet.
    unfinished: AtomicUsize,
    /// What the threads know of each other; nothing where there is only one.
    peers: Box<[Peer]>,
    /// Waiting counts from here on, after the warm-up.
    measured_from: u64,
}

#[derive(Default)]
struct Waiting {
    requests: VecDeque<Due>,
    /// Since when a request has found no free connection in any thread.
    since: Option<u64>,
    /// How long that was so until then.
    limit_ns: u64,
}

/// A thread, as the others see it. On a cache line of its own, since it writes to it in each turn.
#[repr(align(64))]
struct Peer {
    /// Free connections when it last looked.
    free: AtomicUsize,
    wake: EventFd,
}

/// What is left of the queue at the end.
#[derive(Default)]
pub(super) struct Left {
    pub(super) requests: VecDeque<Due>,
    pub(super) limit_ns: u64,
}

impl Queue {
    /// The queue of a run with so many threads.
    pub(super) fn new(plan: &Plan, threads: usize) -> Result<Self, Error> {
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        let is_shared = plan.schedule.is_some() && threads > 1;
        let peers = (0..threads).filter(|_| is_shared).map(|_| {
            Ok(Peer {
                free: AtomicUsize::new(0),
                wake: EventFd::from_flags(flags).map_err(failed("eventfd"))?,
            })
        });
        Ok(Self {
            waiting: Mutex::default(),
            count: AtomicUsize::new(0),
            unfinished: AtomicUsize::new(threads),
            peers: peers.collect::<Result<_, Error>>()?,
            measured_from: plan.warm_up.as_nanos() as u64,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets this epoll instance report, under this token, that the thread was woken.
    /// Edge-triggered, so that nothing has to be read.
    pub(super) fn register(&self, thread: usize, epoll: &Epoll, token: u64) -> Result<(), Error> {
        let Some(peer) = self.peers.get(thread) else {
            return Ok(());
        };
        let on = EpollFlags::EPOLLIN | EpollFlags::EPOLLET;
        epoll
            .add(peer.wake.as_fd(), EpollEvent::new(on, token))
            .map_err(failed("epoll_ctl"))
    }

    /// Puts a request that has found no free connection in its thread at the end of the queue.
    /// Returns whether it waits because all connections of the run are busy.
    pub(super) fn push(&self, mut due: Due, thread: usize) -> bool {
        let others = self.peers.iter().enumerate();
        let mut others = others.filter(|(other, _)| *other != thread);
        let taker = others.find(|(_, peer)| peer.take_free());
        due.is_handed_over = taker.is_some();
        let mut waiting = self.lock();
        if taker.is_none() {
            waiting.since.get_or_insert(due.noticed);
        }
        waiting.requests.push_back(due);
        self.count.store(waiting.requests.len(), SeqCst);
        drop(waiting);
        match taker {
            Some((_, peer)) => peer.wake(),
            // One may have come free meanwhile; see above.
            None => self.wake_a_free_one(thread),
        }
        taker.is_none()
    }

    fn wake_a_free_one(&self, thread: usize) {
        let others = self.peers.iter().enumerate();
        let mut others = others.filter(|(other, _)| *other != thread);
        if let Some((_, peer)) = others.find(|(_, peer)| peer.take_free()) {
            peer.wake();
        }
    }

    /// The request that has waited longest. Where another thread handed it over, the time until
    /// now is the generator's fault and no wait for a connection.
    pub(super) fn pop(&self, now: u64) -> Option<Due> {
        if self.count.load(Relaxed) == 0 {
            return None;
        }
        let mut waiting = self.lock();
        let mut due = waiting.requests.pop_front()?;
        if due.is_handed_over {
            due.noticed = due.noticed.max(now);
        }
        self.count.store(waiting.requests.len(), SeqCst);
        if waiting.requests.is_empty() {
            waiting.none_waits(now, self.measured_from);
        }
        Some(due)
    }

    /// Tells the other threads how many connections of this one are free.
    pub(super) fn announce(&self, thread: usize, free: usize) {
        if let Some(peer) = self.peers.get(thread) {
            peer.free.store(free, Relaxed);
        }
    }

    /// The same before the thread blocks.
    /// Returns whether it must not block, because a request waits for one of them.
    pub(super) fn offer(&self, thread: usize, free: usize) -> bool {
        let Some(peer) = self.peers.get(thread) else {
            return false;
        };
        peer.free.store(free, SeqCst);
        free > 0 && self.count.load(SeqCst) > 0
    }

    /// How many requests wait.
    pub(super) fn len(&self) -> usize {
        self.count.load(Relaxed)
    }

    /// A thread has no request any more that is not due.
    pub(super) fn finish_schedule(&self) {
        if self.unfinished.fetch_sub(1, SeqCst) == 1 {
            // The others may have nothing else to wait for.
            self.peers.iter().for_each(Peer::wake);
        }
    }

    /// Whether every request of the run has been due, and none waits.
    pub(super) fn is_exhausted(&self) -> bool {
        self.unfinished.load(SeqCst) == 0 && self.count.load(SeqCst) == 0
    }

    /// Ends the run, at this time.
    pub(super) fn close(self, now: u64) -> Left {
        let mut waiting = self.waiting.into_inner();
        let waiting = waiting.as_mut().map(std::mem::take);
        let mut waiting = waiting.unwrap_or_else(|poisoned| std::mem::take(poisoned.get_mut()));
        waiting.none_waits(now, self.measured_from);
        Left {
            requests: waiting.requests,
            limit_ns: waiting.limit_ns,
        }
    }
}

impl Waiting {
    fn none_waits(&mut self, now: u64, measured_from: u64) {
        if let Some(since) = self.since.take() {
            self.limit_ns += now.saturating_sub(since.max(measured_from));
        }
    }
}

impl Peer {
    /// Claims one of the free connections that it has told of.
    fn take_free(&self) -> bool {
        let one_less = |free: usize| free.checked_sub(1);
        self.free.load(SeqCst) > 0 && self.free.fetch_update(SeqCst, SeqCst, one_less).is_ok()
    }

    fn wake(&self) {
        // EAGAIN would mean 2^64 wake-ups that were not taken.
        let _ = self.wake.write(1);
    }
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
