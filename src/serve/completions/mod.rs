//! Many clients in one process: what is to be done for them is asked for, and comes back done.
//!
//! ```text
//!            ┌────────────────────────────────────────────────────────────────┐
//!            ▼                                                                │
//!   wait ──▶ done: [ accepted, received from 7, sent to 2, … ]                │
//!                       │            │             │                          │
//!                       └────────────┴─────────────┴─▶ go on: answer, and ask for the next
//! ```
//!
//! Other loops are told that a socket is ready, and then make the call. Here the call is asked for
//! beforehand, and what is told is its result.

mod client;
#[cfg(test)]
mod tests;

use std::io;
use std::net::{Shutdown, TcpStream};
use std::time::Instant;

use nix::errno::Errno;

use super::alarms::Alarms;
use super::{Server, TurnedAway};
use crate::accept::{Arrivals, Listener, TICK};
use crate::http::{Conn, Limits, Want};
use crate::scoreboard::State;
use crate::sys::signal;
use crate::sys::uring::{self, Cancel, Ring};

use client::{Client, Receiving, Session, catch_up};

/// Octets that may arrive from a client before they are wanted. Beyond it receiving is cancelled,
/// and taken up again when they are; what the kernel receives until it has heard of that still
/// comes, in 32 buffers at most (`MULTISHOT_MAX_RETRY` in the kernel's `io_uring/net.c`).
const EARLY_MAX: usize = 4096;

/// What a ring has done for a client.
pub type Done = uring::Done<Session>;

/// A process that serves many clients through a ring.
pub struct CompletionLoop<'a> {
    server: &'a Server<'a>,
    limits: &'static Limits,
    ring: Ring<Session>,
    arrivals: Arrivals,
    /// By key. A key goes to another client when nothing is in flight for the last one any more, so
    /// no completion meets a stranger.
    clients: Vec<Option<Client>>,
    free: Vec<usize>,
    alarms: Alarms,
    away: TurnedAway<'a>,
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
    /// There is no ring to be had; see [`Ring::create`].
    pub fn new(server: &'a Server<'a>, listener: Listener) -> io::Result<Self> {
        Ok(Self::on(Ring::create()?, server, listener))
    }

    fn on(ring: Ring<Session>, server: &'a Server<'a>, listener: Listener) -> Self {
        let now = Instant::now();
        Self {
            server,
            // What the kernel has must borrow from nobody who could go. So these stay for ever.
            limits: Box::leak(Box::new(server.limits.clone())),
            ring,
            arrivals: Arrivals::new(listener),
            clients: Vec::new(),
            free: Vec::new(),
            alarms: Alarms::default(),
            away: TurnedAway::new(server.scoreboard),
            now,
            woken: now,
            next_tick: now + TICK,
            stopping: false,
        }
    }

    /// Hands over what has been asked for and waits until something is done, in one system call.
    /// False when the server was asked to stop and has served everybody.
    ///
    /// # Errors
    /// What waiting and accepting cannot be cured of.
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

    /// The next of what is done, to be given to the method of its name.
    pub fn take(&mut self) -> Option<Done> {
        self.ring.take()
    }

    /// Somebody has come.
    ///
    /// # Errors
    /// As [`CompletionLoop::wait`].
    pub fn accepted(&mut self, client: nix::Result<TcpStream>, goes_on: bool) -> io::Result<()> {
        match self.arrivals.accepted(client, goes_on)? {
            Some(client) => self.admit(client),
            None => Ok(()),
        }
    }

    /// Octets have come, to be looked at now: they are gone with the next [`CompletionLoop::take`].
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
            Ok(1..) => client.arrived(self.ring.received(), self.now),
            // There was no buffer, or it was cancelled: asked for again.
            Err(Errno::ENOBUFS | Errno::ECANCELED) => {}
            // It came to nothing, and is asked for again as well.
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            // The end, or a reset: there is nobody left to answer.
            Ok(0) | Err(_) => client.has_ended = true,
        }
        let is_enough = client.early.len() > EARLY_MAX;
        if is_enough && client.receiving == Receiving::Many {
            client.receiving = Receiving::Ending;
            self.ring.cancel(key, Cancel::Receive)?;
        }
        self.go_on(key)
    }
    // ANCHOR_END: received

    /// Octets have gone.
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

    /// Looks at those whose deadline has passed, and at all that needs a look now and then.
    ///
    /// # Errors
    /// As [`CompletionLoop::wait`].
    pub fn look_around(&mut self) -> io::Result<()> {
        // Not by the time that it is now: a handler may have held up the loop, and what arrived
        // meanwhile has not been looked at.
        while let Some(key) = self.alarms.rung(self.woken) {
            self.expire(key)?;
        }
        if self.woken >= self.next_tick {
            self.next_tick = self.woken + TICK;
            self.away.sweep();
            self.arrivals.tick();
        }
        Ok(())
    }

    /// How many clients there are, those that are closing included.
    fn count(&self) -> usize {
        self.clients.len() - self.free.len()
    }

    /// Shows that this loop is alive, and whom it holds.
    fn show(&self) {
        let scoreboard = self.server.scoreboard;
        scoreboard.beat();
        scoreboard.holds(self.count() as u64);
        scoreboard.set(State::Waiting, self.now);
    }

    fn admit(&mut self, socket: TcpStream) -> io::Result<()> {
        self.server.scoreboard.accepted();
        if self.count() >= self.server.connections_max {
            self.away.add(socket);
            return Ok(());
        }
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
        // Its request may be there already, and hold the loop.
        self.server.scoreboard.holds(self.count() as u64);
        self.go_on(key)
    }

    /// The ring has done with a session, by sending or reading `count` octets.
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
            // It was cancelled because the deadline has passed. If it has not: once more.
            Err(Errno::ECANCELED) => session.conn.expire(self.now),
            Err(Errno::EINTR | Errno::EAGAIN) => {}
            // The client has gone, and with it everybody who could be told.
            Err(_) => return self.close(key),
        }
        if self.stopping {
            session.conn.stop(self.now);
        }
        client.session = Some(session);
        self.go_on(key)
    }

    /// Does what is to be done for a client until the next step is the kernel's.
    fn go_on(&mut self, key: usize) -> io::Result<()> {
        loop {
            let Some(client) = self.clients[key].as_mut() else {
                return Ok(());
            };
            let Some(session) = &mut client.session else {
                return self.let_go(key);
            };
            let conn = &mut session.conn;
            match conn.want() {
                Want::Read if !client.early.is_empty() => {
                    catch_up(conn, &mut client.early, self.now);
                }
                Want::Read if client.has_ended => conn.ended(),
                Want::Read => return self.receive(key),
                Want::Respond => {
                    self.server.respond(conn, &client.socket);
                    self.now = conn.since();
                }
                Want::Write => return self.send(key),
                Want::Shutdown => {
                    conn.shut(self.now);
                    if client.socket.shutdown(Shutdown::Write).is_err() {
                        conn.ended();
                    }
                }
                Want::Close => self.close(key)?,
            }
        }
    }

    /// Waits for the client. The first time it is once: many connections carry one request, and
    /// what goes on by itself has to be cancelled in the end.
    fn receive(&mut self, key: usize) -> io::Result<()> {
        let Some(client) = self.clients[key].as_mut() else {
            return Ok(());
        };
        let Some(session) = &mut client.session else {
            return Ok(());
        };
        session.give_back();
        client.deadline = session.conn.deadline();
        if let Some(deadline) = client.deadline {
            self.alarms.set(key, deadline);
        }
        if client.receiving == Receiving::Nothing {
            let many = self.ring.receive(key, &client.socket, client.has_begun)?;
            client.receiving = if many {
                Receiving::Many
            } else {
                Receiving::Once
            };
        }
        Ok(())
    }

    /// The session goes to the ring, and comes back when something has been sent.
    fn send(&mut self, key: usize) -> io::Result<()> {
        let Some(client) = self.clients[key].as_mut() else {
            return Ok(());
        };
        let Some(session) = client.session.take() else {
            return Ok(());
        };
        client.deadline = session.conn.deadline();
        if let Some(deadline) = client.deadline {
            self.alarms.set(key, deadline);
        }
        if session.lacks_part() {
            self.ring.read(key, session)?;
        } else {
            self.ring.send(key, &client.socket, session)?;
        }
        Ok(())
    }

    fn expire(&mut self, key: usize) -> io::Result<()> {
        let Some(client) = self.clients[key].as_mut() else {
            return Ok(());
        };
        match (client.deadline, &mut client.session) {
            (None, _) => Ok(()),
            (Some(deadline), _) if deadline > self.woken => {
                self.alarms.set(key, deadline);
                Ok(())
            }
            (_, Some(session)) => {
                session.conn.expire(self.now);
                self.go_on(key)
            }
            // The kernel has it. What comes back will find that the deadline has passed.
            (_, None) => Ok(self.ring.cancel(key, Cancel::Send)?),
        }
    }

    /// The wish to stop: what is in flight is finished, and what is on its way.
    fn stop(&mut self) -> io::Result<()> {
        self.stopping = true;
        self.now = Instant::now();
        for key in 0..self.clients.len() {
            let client = self.clients[key].as_mut();
            if let Some(session) = client.and_then(|client| client.session.as_mut()) {
                session.conn.stop(self.now);
                self.go_on(key)?;
            }
        }
        Ok(())
    }

    /// The end, but for what is in flight: as long as that holds the socket, it stays open.
    // ANCHOR: close
    fn close(&mut self, key: usize) -> io::Result<()> {
        if let Some(client) = self.clients[key].as_mut() {
            client.session = None;
            client.deadline = None;
            client.is_closing = true;
            if let Receiving::Once | Receiving::Many = client.receiving {
                client.receiving = Receiving::Ending;
                self.ring.cancel(key, Cancel::Receive)?;
            }
        }
        self.let_go(key)
    }

    fn let_go(&mut self, key: usize) -> io::Result<()> {
        let place = &mut self.clients[key];
        if let Some(client) = place.take_if(|client| client.is_over()) {
            self.ring.close(client.socket)?;
            self.free.push(key);
        }
        Ok(())
    }
    // ANCHOR_END: close
}
