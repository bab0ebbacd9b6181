//! Many clients in one process: it submits operations, and the kernel completes them.
//!
//! ```text
//!            ┌────────────────────────────────────────────────────────────────┐
//!            ▼                                                                │
//!   wait ──▶ done: [ accepted, received from 7, sent to 2, … ]                │
//!                       │            │             │                          │
//!                       └────────────┴─────────────┴─▶ advance: answer, and submit the next
//! ```
//!
//! The kernel tells an event loop that a socket is ready, and the loop then makes the call. Here
//! the call is submitted beforehand, and the kernel reports its result.

mod client;
mod steps;
#[cfg(test)]
mod tests;

use std::io;
use std::net::TcpStream;
use std::time::Instant;

use nix::errno::Errno;

use super::timers::Timers;
use crate::accept::{Arrivals, Listener, TICK};
use crate::http::{Conn, Limits};
use crate::scoreboard::State;
use crate::server::{Rejected, Server};
use crate::sys::signal;
use crate::sys::uring::{self, Cancel, Ring};
use crate::trace;

use client::{Client, Receiving, Session};

/// Bytes that may arrive from a client before the connection wants them. Beyond that, the receive
/// operation is cancelled and submitted again later. What the kernel receives before it sees the
/// cancellation still arrives, in 32 buffers at most (`MULTISHOT_MAX_RETRY` in the kernel's
/// `io_uring/net.c`).
const EARLY_MAX: usize = 4096;

/// What the kernel has completed for a client.
pub type Done = uring::Done<Session>;

/// A process that serves many clients through a ring.
pub struct CompletionLoop<'a> {
    server: &'a Server<'a>,
    limits: &'static Limits,
    ring: Ring<Session>,
    arrivals: Arrivals,
    /// By key. A key goes to another client only when nothing is in flight for the last one, so a
    /// completion never reaches the wrong client.
    clients: Vec<Option<Client>>,
    free: Vec<usize>,
    timers: Timers,
    rejected: Rejected<'a>,
    /// The time, read once a turn and after each answer.
    now: Instant,
    /// The time when the last wait was over.
    woken: Instant,
    next_tick: Instant,
    stopping: bool,
}

impl<'a> CompletionLoop<'a> {
    /// A loop that accepts from `listener`.
    ///
    /// # Errors
    /// The kernel gives no ring; see [`Ring::create`].
    pub fn new(server: &'a Server<'a>, listener: Listener) -> io::Result<Self> {
        Ok(Self::on(Ring::create()?, server, listener))
    }

    fn on(ring: Ring<Session>, server: &'a Server<'a>, listener: Listener) -> Self {
        let now = Instant::now();
        Self {
            server,
            // The kernel may use a session until its completion, whatever happens to this loop.
            // So a session may borrow only what lives for ever.
            limits: Box::leak(Box::new(server.limits.clone())),
            ring,
            arrivals: Arrivals::new(listener),
            clients: Vec::new(),
            free: Vec::new(),
            timers: Timers::default(),
            rejected: Rejected::new(server.scoreboard),
            now,
            woken: now,
            next_tick: now + TICK,
            stopping: false,
        }
    }

    /// Submits the operations and waits until one is complete, in one system call. False when the
    /// server was asked to stop and has served all clients.
    ///
    /// # Errors
    /// Only what trying again cannot cure.
    pub fn wait(&mut self) -> io::Result<bool> {
        self.arrivals.tend(&mut self.ring)?;
        if self.arrivals.is_closed() && self.count() == 0 {
            return Ok(false);
        }
        if signal::stopping() && !self.stopping {
            self.stop()?;
        }
        self.show();
        self.ring.wait(TICK)?;
        self.now = Instant::now();
        self.woken = self.now;
        Ok(true)
    }

    /// The next completion, to be given to the method of its name.
    pub fn take(&mut self) -> Option<Done> {
        self.ring.take()
    }

    /// A client has come, or accepting has failed.
    ///
    /// # Errors
    /// As [`CompletionLoop::wait`].
    pub fn accepted(
        &mut self,
        key: usize,
        client: nix::Result<TcpStream>,
        goes_on: bool,
    ) -> io::Result<()> {
        match self.arrivals.accepted(key, client, goes_on)? {
            Some(client) => self.admit(client),
            None => Ok(()),
        }
    }

    /// Bytes have arrived. They are read now, because the next [`CompletionLoop::take`] gives their
    /// buffer back.
    ///
    /// # Errors
    /// As [`CompletionLoop::wait`].
    // ANCHOR: received
    pub fn received(
        &mut self,
        key: usize,
        count: nix::Result<usize>,
        goes_on: bool,
    ) -> io::Result<()> {
        let Some(client) = self.clients[key].as_mut() else {
            return Ok(());
        };
        if !goes_on {
            client.receiving = Receiving::Nothing;
        }
        match count {
            Ok(1..) => {
                trace::received(&client.socket);
                client.arrived(self.ring.received(), self.now);
            }
            // There was no buffer, or it was cancelled: it is submitted again.
            Err(Errno::ENOBUFS | Errno::ECANCELED) => {}
            // Nothing has happened, and it is submitted again as well.
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            // The end, or a reset: the client sends no more.
            Ok(0) | Err(_) => client.has_ended = true,
        }
        let is_enough = client.early.len() > EARLY_MAX;
        if is_enough && client.receiving == Receiving::Many {
            client.receiving = Receiving::Ending;
            self.ring.cancel(key, Cancel::Receive)?;
        }
        self.advance(key)
    }
    // ANCHOR_END: received

    /// Bytes have been sent.
    ///
    /// # Errors
    /// As [`CompletionLoop::wait`].
    pub fn sent(
        &mut self,
        key: usize,
        count: nix::Result<usize>,
        session: Box<Session>,
    ) -> io::Result<()> {
        self.server.scoreboard.sent(count.unwrap_or(0));
        self.take_back(key, session, count, Session::sent)
    }

    /// A part of a file is in memory.
    ///
    /// # Errors
    /// As [`CompletionLoop::wait`].
    pub fn read(
        &mut self,
        key: usize,
        count: nix::Result<usize>,
        session: Box<Session>,
    ) -> io::Result<()> {
        self.take_back(key, session, count, Session::read)
    }

    /// Looks at the clients whose deadline may be over and, once a tick, at all else that depends
    /// on time.
    ///
    /// # Errors
    /// As [`CompletionLoop::wait`].
    pub fn run_timers(&mut self) -> io::Result<()> {
        // Deadlines are compared with the time of the last wait, not with the present. A handler
        // may have held up the loop, and what arrived meanwhile has not been read yet.
        while let Some(key) = self.timers.pop_expired(self.woken) {
            self.expire(key)?;
        }
        if self.woken >= self.next_tick {
            self.next_tick = self.woken + TICK;
            self.rejected.sweep();
            self.arrivals.tick();
        }
        Ok(())
    }

    /// How many clients there are, those that are closing included.
    fn count(&self) -> usize {
        self.clients.len() - self.free.len()
    }

    /// Shows that this loop is alive, and how many clients it holds.
    fn show(&self) {
        let scoreboard = self.server.scoreboard;
        scoreboard.beat();
        scoreboard.holds(self.count() as u64);
        scoreboard.set(State::Waiting, self.now);
    }

    fn admit(&mut self, socket: TcpStream) -> io::Result<()> {
        self.server.scoreboard.accepted();
        if self.count() >= self.server.connections_max {
            self.rejected.add(socket);
            return Ok(());
        }
        trace::taken(&socket);
        let mut conn = Conn::new(self.limits, self.now);
        if self.stopping {
            conn.stop(self.now);
        }
        let client = Some(Client::new(socket, conn));
        let key = match self.free.pop() {
            Some(key) => {
                self.clients[key] = client;
                key
            }
            None => {
                self.clients.push(client);
                self.clients.len() - 1
            }
        };
        // Its request may have arrived already, and its handler may take long.
        self.server.scoreboard.holds(self.count() as u64);
        self.advance(key)
    }

    /// The kernel gives a session back, after it has sent or read `count` bytes.
    fn take_back(
        &mut self,
        key: usize,
        mut session: Box<Session>,
        count: nix::Result<usize>,
        note: fn(&mut Session, usize, Instant),
    ) -> io::Result<()> {
        let Some(client) = self.clients[key].as_mut() else {
            return Ok(());
        };
        match count {
            Ok(count) => note(&mut session, count, self.now),
            // It was cancelled because the deadline has passed. If the deadline has moved since
            // then, it is submitted again.
            Err(Errno::ECANCELED) => session.conn.expire(self.now),
            Err(Errno::EINTR | Errno::EAGAIN) => {}
            // The client has gone: there is no one left to tell.
            Err(_) => return self.close(key),
        }
        if self.stopping {
            session.conn.stop(self.now);
        }
        client.session = Some(session);
        self.advance(key)
    }

    /// The server was asked to stop: requests in flight are finished, and those on their way.
    fn stop(&mut self) -> io::Result<()> {
        self.stopping = true;
        self.now = Instant::now();
        for key in 0..self.clients.len() {
            let client = self.clients[key].as_mut();
            if let Some(session) = client.and_then(|client| client.session.as_mut()) {
                session.conn.stop(self.now);
                self.advance(key)?;
            }
        }
        Ok(())
    }
}
