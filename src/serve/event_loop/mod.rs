//! Many clients in one process: nobody is waited for, all are.
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
//! What the models differ in is the [`Poller`], the way in which they wait. Everything else is
//! here: who is connected ([`Slab`]), who has to be looked at when ([`Alarms`]), who has more to do
//! than a turn allows, and how it all ends.

mod epoll;
mod poll;
mod poller;
mod slab;

use std::borrow::Borrow;
use std::io;
use std::net::TcpStream;
use std::num::NonZeroUsize;
use std::os::fd::AsFd as _;
use std::time::{Duration, Instant};

use nix::errno::Errno;

use super::nonblocking::{Client, Rest};
use super::{Server, TurnedAway};
use crate::accept::{Attempt, Listener, TICK};
use crate::http::Conn;
use crate::scoreboard::State;
use crate::sys::signal;

use super::alarms::Alarms;
pub use epoll::{Epoll, Trigger};
pub use poll::Poll;
pub use poller::{Interest, Poller, Ready, Signs};
use slab::Slab;
pub use slab::Token;

/// Connections accepted in one turn. Each saves a wait; but those that are being served wait for
/// all of them, and with them for a flood of new ones.
const ACCEPTS_PER_TURN: usize = 64;

/// A process that serves many clients, none of whom it waits for.
pub struct EventLoop<'a, L, P> {
    server: &'a Server<'a>,
    /// Gone when the server stops and the accept queue has been drained.
    listener: Option<L>,
    /// Not watched until the next tick: what a connection takes is not to be had.
    exhausted: bool,
    poller: P,
    clients: Slab<Client<'a>>,
    alarms: Alarms,
    /// Clients that have had their turn and could go on.
    unfinished: Vec<Token>,
    away: TurnedAway<'a>,
    /// The time, read once a turn and after each answer.
    now: Instant,
    next_tick: Instant,
    /// Counts the turns, from 1.
    turn: u64,
    stopping: bool,
    /// Whether other processes accept from the same queue.
    shares: bool,
    /// They go before this one after so many connections.
    requeue: Option<NonZeroUsize>,
    accepted: usize,
}

impl<'a, L: Borrow<Listener>, P: Poller> EventLoop<'a, L, P> {
    /// A loop that accepts from `listener`, which must not block, and waits by `poller`.
    ///
    /// # Errors
    /// The listener cannot be watched.
    pub fn new(server: &'a Server<'a>, listener: L, mut poller: P) -> io::Result<Self> {
        poller.watch_listener(listener.borrow().as_fd())?;
        let now = Instant::now();
        Ok(Self {
            server,
            listener: Some(listener),
            exhausted: false,
            poller,
            clients: Slab::default(),
            alarms: Alarms::default(),
            unfinished: Vec::new(),
            away: TurnedAway::new(server.scoreboard),
            now,
            next_tick: now + TICK,
            turn: 0,
            stopping: false,
            shares: false,
            requeue: None,
            accepted: 0,
        })
    }

    /// Other processes accept from the same listener: this one takes one client at a time, lest it
    /// take those that another is being woken for. After every `requeue` of them it goes to the
    /// back of the line of those who wait; never, if that is 0.
    pub fn sharing(mut self, requeue: usize) -> Self {
        self.shares = true;
        self.requeue = NonZeroUsize::new(requeue);
        self
    }

    /// Waits until somebody is `ready`. False when the server was asked to stop and has served
    /// everybody.
    ///
    /// # Errors
    /// What waiting and accepting cannot be cured of.
    // ANCHOR: wait
    pub fn wait(&mut self, ready: &mut Vec<Ready>) -> io::Result<bool> {
        ready.clear();
        if signal::retiring() && self.listener.is_some() {
            // Before anything else: the queue is left to others.
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
        let unfinished = self.unfinished.drain(..);
        ready.extend(unfinished.map(|it| Ready::Client(it, Signs::default())));
        Ok(true)
    }
    // ANCHOR_END: wait

    /// Takes some of those in the accept queue.
    ///
    /// # Errors
    /// Only what waiting cannot cure; see [`Listener::try_accept`].
    pub fn accept(&mut self) -> io::Result<()> {
        if self.take()? == 0 {
            self.server.scoreboard.woken_in_vain();
        }
        Ok(())
    }

    /// Goes on with a client that is ready, unless it has had its turn or has left meanwhile.
    // ANCHOR: serve
    pub fn serve(&mut self, client: Token, signs: Signs) {
        let Some(it) = self.clients.get_mut(client) else {
            return;
        };
        it.note(signs);
        if it.turn != self.turn {
            it.turn = self.turn;
            self.go_on(client);
        }
    }
    // ANCHOR_END: serve

    /// Looks at those whose deadline may be over, and at all that needs a look once a tick.
    ///
    /// # Errors
    /// As [`EventLoop::accept`].
    pub fn look_around(&mut self) -> io::Result<()> {
        while let Some(place) = self.alarms.rung(self.now) {
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

    /// Ends what is late. It may not be the client that was: a handler may have held up the loop
    /// while the client's octets waited in the socket. So those come first.
    // ANCHOR: expire
    fn expire(&mut self, client: Token) {
        self.try_again(client);
        if let Some(it) = self.clients.get_mut(client) {
            it.conn.expire(self.now);
            self.go_on(client);
        }
    }
    // ANCHOR_END: expire

    /// A client whose socket may have become ready without a report.
    fn try_again(&mut self, client: Token) {
        if let Some(it) = self.clients.get_mut(client) {
            it.signs.readable = true;
            it.signs.writable = true;
            self.go_on(client);
        }
    }

    // ANCHOR: go_on
    fn go_on(&mut self, client: Token) {
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
                    // No memory for it: to be deaf to a client would be worse.
                    return self.close(client);
                }
            }
        }
        if let Some(deadline) = it.conn.deadline() {
            self.alarms.set(client.place(), deadline);
        }
    }
    // ANCHOR_END: go_on

    fn close(&mut self, client: Token) {
        self.poller.forget(client);
        self.clients.remove(client);
    }

    /// Accepts a batch: how many came.
    // ANCHOR: take
    fn take(&mut self) -> io::Result<usize> {
        let most = match self.shares && !self.stopping {
            true => 1,
            false => ACCEPTS_PER_TURN,
        };
        for count in 0..most {
            let Some(listener) = &self.listener else {
                return Ok(count);
            };
            match listener.borrow().try_accept()? {
                Attempt::Client(socket) => self.admit(socket)?,
                Attempt::Empty => return Ok(count),
                Attempt::Exhausted(error) => {
                    self.pause(error)?;
                    return Ok(count.max(1));
                }
                Attempt::Over => {
                    self.close_listener()?;
                    return Ok(count);
                }
            }
        }
        Ok(most)
    }
    // ANCHOR_END: take

    fn admit(&mut self, socket: TcpStream) -> io::Result<()> {
        self.server.scoreboard.accepted();
        self.go_to_the_back()?;
        if self.clients.len() >= self.server.connections_max {
            self.away.add(socket);
            return Ok(());
        }
        let mut conn = Conn::new(&self.server.limits, self.now);
        if self.stopping {
            conn.stop(self.now);
        }
        let client = self.clients.insert(Client::new(socket, conn));
        // Its request may be there already, and hold the loop.
        self.server.scoreboard.holds(self.clients.len() as u64);
        self.go_on(client);
        Ok(())
    }

    /// Of those who wait for the listener exclusively, the kernel wakes the first that is asleep.
    /// Who watches it anew comes last.
    // ANCHOR: requeue
    fn go_to_the_back(&mut self) -> io::Result<()> {
        self.accepted += 1;
        match self.requeue {
            Some(every) if self.accepted.is_multiple_of(every.get()) => {
                self.unwatch_listener()?;
                self.watch_listener()
            }
            _ => Ok(()),
        }
    }
    // ANCHOR_END: requeue

    /// Whoever waits in the accept queue would be reported again and again: the loop would spin.
    // ANCHOR: pause
    fn pause(&mut self, error: Errno) -> io::Result<()> {
        crate::log!("accept: {}; waiting until that changes", error.desc());
        self.exhausted = true;
        self.unwatch_listener()
    }
    // ANCHOR_END: pause

    /// What needs no more than a look four times a second: those who read their 503; whether there
    /// are descriptors again; and whether somebody is in the accept queue though nobody was woken,
    /// because the process that was has died or been stopped.
    // ANCHOR: tick
    fn tick(&mut self) -> io::Result<()> {
        self.away.sweep();
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

    /// The wish to stop: what is in flight is finished, the accept queue is answered.
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

    /// Shows that this loop is alive, and whom it holds.
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

    /// How long to wait at most: not at all as long as somebody has more to do.
    fn timeout(&self) -> Duration {
        let draining = self.stopping && self.listener.is_some() && !self.exhausted;
        if draining || !self.unfinished.is_empty() {
            Duration::ZERO
        } else {
            TICK
        }
    }

    fn close_listener(&mut self) -> io::Result<()> {
        self.server.scoreboard.leaving();
        if !self.exhausted {
            self.unwatch_listener()?;
        }
        self.listener = None;
        Ok(())
    }

    fn watch_listener(&mut self) -> io::Result<()> {
        match &self.listener {
            Some(listener) => self.poller.watch_listener(listener.borrow().as_fd()),
            None => Ok(()),
        }
    }

    fn unwatch_listener(&mut self) -> io::Result<()> {
        match &self.listener {
            Some(listener) => self.poller.ignore_listener(listener.borrow().as_fd()),
            None => Ok(()),
        }
    }
}
