//! Many clients in one process: it waits for all of them at once and for none in particular.
//!
//! ```text
//!            ┌───────────────────────────────────────────────────────────┐
//!            ▼                                                           │
//!   wait ──▶ ready: [ listener, client 7, client 2, … ]                  │
//!                      │           │                                     │
//!                      │           └─▶ serve: as far as it gets ──▶ waits for its socket
//!                      └─▶ accept: a few ─────────────────────┘  └▶ or has had its turn
//! ```
//!
//! The models differ in the [`Poller`], the way in which they wait. All else is here: which clients
//! are connected ([`Slab`]), when each has to be looked at ([`Timers`]), which of them have more to
//! do than a turn allows, and how the loop ends.

mod accept;
mod epoll;
mod poll;
mod poller;
mod slab;

use std::borrow::Borrow;
use std::io;
use std::num::NonZeroUsize;
use std::os::fd::AsFd as _;
use std::time::{Duration, Instant};

use super::nonblocking::{Client, Rest};
use super::readiness::Readiness;
use super::timers::Timers;
use crate::accept::{Listener, TICK};
use crate::scoreboard::State;
use crate::server::{Rejected, Server};
use crate::sys::{log_files, signal};
use crate::trace;

pub use epoll::Epoll;
pub use poll::Poll;
pub use poller::{Poller, Ready};
use slab::Slab;
pub use slab::Token;

/// A process that serves many clients and blocks for none of them.
pub struct EventLoop<'a, L, P> {
    server: &'a Server<'a>,
    /// `None` once the server stops and the accept queue has been drained.
    listener: Option<L>,
    /// Descriptors or memory lacked, so the listener is not watched until the next tick.
    exhausted: bool,
    poller: P,
    clients: Slab<Client<'a>>,
    timers: Timers,
    /// Clients that have had their turn and could take another step.
    unfinished: Vec<Token>,
    rejected: Rejected<'a>,
    /// The time, read once a turn and after each answer.
    now: Instant,
    next_tick: Instant,
    /// Counts the turns, from 1.
    turn: u64,
    stopping: bool,
    /// Whether other processes accept from the same queue.
    shares: bool,
    /// After so many connections this process takes the last place among them.
    requeue: Option<NonZeroUsize>,
    accepted: usize,
}

impl<'a, L: Borrow<Listener>, P: Poller> EventLoop<'a, L, P> {
    /// A loop that accepts from `listener`, which must not block, and waits by `poller`.
    ///
    /// # Errors
    /// The listener cannot be watched.
    pub fn new(server: &'a Server<'a>, listener: L, mut poller: P) -> io::Result<Self> {
        poller.watch_listener(listener.borrow())?;
        let now = Instant::now();
        Ok(Self {
            server,
            listener: Some(listener),
            exhausted: false,
            poller,
            clients: Slab::default(),
            timers: Timers::default(),
            unfinished: Vec::new(),
            rejected: Rejected::new(server.scoreboard),
            now,
            next_tick: now + TICK,
            turn: 0,
            stopping: false,
            shares: false,
            requeue: None,
            accepted: 0,
        })
    }

    /// Other processes accept from the same listener. This one takes one client a turn, so that it
    /// does not take those that the kernel is waking another process for. After every `requeue`
    /// clients it takes the last place among the processes that wait; never, if that is 0.
    pub fn sharing(mut self, requeue: usize) -> Self {
        self.shares = true;
        self.requeue = NonZeroUsize::new(requeue);
        self
    }

    /// Waits until a socket is ready and fills `ready`. False when the server was asked to stop and
    /// has served all clients.
    ///
    /// # Errors
    /// Only what trying again cannot cure.
    // ANCHOR: wait
    pub fn wait(&mut self, ready: &mut Vec<Ready>) -> io::Result<bool> {
        ready.clear();
        if signal::retiring() && self.listener.is_some() {
            // Before anything else: the queue is left to the other workers.
            self.close_listener()?;
        }
        if signal::stopping() {
            self.stop()?;
        }
        self.show();
        if self.listener.is_none() && self.clients.is_empty() {
            return Ok(false);
        }
        self.poller.wait(self.timeout(), ready)?;
        self.now = Instant::now();
        self.turn += 1;
        for client in self.unfinished.drain(..) {
            ready.push(Ready::Client(client, Readiness::default()));
        }
        Ok(true)
    }
    // ANCHOR_END: wait

    /// Serves a client that is ready, unless it has had its turn or has left meanwhile.
    // ANCHOR: serve
    pub fn serve(&mut self, client: Token, readiness: Readiness) {
        let Some(it) = self.clients.get_mut(client) else {
            return;
        };
        it.note(readiness);
        if it.turn != self.turn {
            it.turn = self.turn;
            self.advance(client);
        }
    }
    // ANCHOR_END: serve

    /// Looks at the clients whose deadline may be over and, once a tick, at all else that depends
    /// on time.
    ///
    /// # Errors
    /// As [`EventLoop::accept`].
    pub fn run_timers(&mut self) -> io::Result<()> {
        while let Some(place) = self.timers.pop_expired(self.now) {
            if let Some(client) = self.clients.at(place) {
                self.expire(client);
            }
        }
        if self.now >= self.next_tick {
            self.next_tick = self.now + TICK;
            self.tick()?;
        }
        Ok(())
    }

    /// Ends a client that is late. But perhaps the loop was late: a handler may have held it up
    /// while the client's bytes waited in the socket. So the loop reads those first.
    // ANCHOR: expire
    fn expire(&mut self, client: Token) {
        self.try_again(client);
        if let Some(it) = self.clients.get_mut(client) {
            it.conn.expire(self.now);
            self.advance(client);
        }
    }
    // ANCHOR_END: expire

    /// Serves a client whose socket may have become ready without a report.
    fn try_again(&mut self, client: Token) {
        if let Some(it) = self.clients.get_mut(client) {
            it.readiness.readable = true;
            it.readiness.writable = true;
            self.advance(client);
        }
    }

    // ANCHOR: advance
    fn advance(&mut self, client: Token) {
        let Some(it) = self.clients.get_mut(client) else {
            return;
        };
        match it.drive(self.server, &mut self.now) {
            Rest::Closed => return self.close(client),
            Rest::Turn => self.unfinished.push(client),
            Rest::For(interest) => {
                let (socket, before) = (it.socket.as_fd(), it.interest);
                it.interest = Some(interest);
                let watch = self.poller.watch(socket, client, interest, before);
                if watch.is_err() {
                    // The kernel has no memory to watch it, so it would
                    // never be heard again.
                    return self.close(client);
                }
            }
        }
        if let Some(deadline) = it.conn.deadline() {
            self.timers.set(client.place(), deadline);
        }
    }
    // ANCHOR_END: advance

    fn close(&mut self, client: Token) {
        self.poller.forget(client);
        if let Some(left) = self.clients.remove(client) {
            trace::closed(&left.socket);
        }
    }

    /// Four times a second: takes over log files that were opened anew, closes the connections of
    /// clients that have read their 503, looks whether there are descriptors again, and looks into
    /// a shared accept queue. A connection may wait there for a process that was woken and has died
    /// or been stopped.
    // ANCHOR: tick
    fn tick(&mut self) -> io::Result<()> {
        log_files::follow();
        self.rejected.sweep();
        if self.exhausted {
            self.exhausted = false;
            self.watch_listener()?;
        }
        if self.shares {
            self.take()?;
        }
        Ok(())
    }
    // ANCHOR_END: tick

    /// The server was asked to stop: requests in flight are finished, and the connections in the
    /// accept queue are answered.
    // ANCHOR: stop
    fn stop(&mut self) -> io::Result<()> {
        if !self.stopping {
            self.stopping = true;
            self.now = Instant::now();
            for client in self.clients.tokens() {
                if let Some(it) = self.clients.get_mut(client) {
                    it.conn.stop(self.now);
                }
                // Its request may have arrived by now.
                self.try_again(client);
            }
        }
        if !self.exhausted {
            self.take()?;
        }
        Ok(())
    }
    // ANCHOR_END: stop

    /// Shows that this loop is alive, and how many clients it holds.
    fn show(&self) {
        let scoreboard = self.server.scoreboard;
        scoreboard.beat();
        scoreboard.holds(self.clients.len() as u64);
        let state = match self.stopping || signal::retiring() {
            true => State::Finishing,
            false => State::Waiting,
        };
        scoreboard.set(state, self.now);
    }

    /// How long to wait at most: not at all while a client has more to do.
    fn timeout(&self) -> Duration {
        let draining = self.stopping && self.listener.is_some() && !self.exhausted;
        if draining || !self.unfinished.is_empty() {
            Duration::ZERO
        } else {
            TICK
        }
    }
}
