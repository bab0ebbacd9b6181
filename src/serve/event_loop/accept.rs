//! New clients of the loop: taken from the accept queue in batches, admitted, or left there.

use std::borrow::Borrow;
use std::io;
use std::net::TcpStream;

use super::{EventLoop, Poller};
use crate::accept::{Attempt, Listener};
use crate::http::Conn;
use crate::serve::nonblocking::Client;
use crate::trace;

/// Connections accepted in one turn. Each after the first saves a wait. But the clients that are
/// being served wait for all of them, so a flood of new connections must not fill a turn.
const ACCEPTS_PER_TURN: usize = 64;

impl<L: Borrow<Listener>, P: Poller> EventLoop<'_, L, P> {
    /// Accepts some of the connections in the accept queue.
    ///
    /// # Errors
    /// Only what waiting cannot cure; see [`Listener::try_accept`].
    pub fn accept(&mut self) -> io::Result<()> {
        if self.take()? == 0 {
            self.server.scoreboard.woken_in_vain();
        }
        Ok(())
    }

    /// Accepts a batch. Returns how many clients came.
    // ANCHOR: take
    pub(super) fn take(&mut self) -> io::Result<usize> {
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
                Attempt::Exhausted => {
                    self.pause()?;
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
        self.requeue_if_due()?;
        if self.clients.len() >= self.server.connections_max {
            self.rejected.add(socket);
            return Ok(());
        }
        trace::taken(&socket);
        let mut conn = Conn::new(&self.server.limits, self.now);
        if self.stopping {
            conn.stop(self.now);
        }
        let client = self.clients.insert(Client::new(socket, conn));
        // Its request may have arrived already, and its handler may take long.
        self.server.scoreboard.holds(self.clients.len() as u64);
        self.advance(client);
        Ok(())
    }

    /// Of the processes that wait for the listener exclusively, the kernel wakes the first that
    /// sleeps. A process that stops and starts watching takes the last place.
    // ANCHOR: requeue
    fn requeue_if_due(&mut self) -> io::Result<()> {
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

    /// The connection stays in the accept queue, so the poller would report the listener again and
    /// again, and the loop would spin.
    // ANCHOR: pause
    fn pause(&mut self) -> io::Result<()> {
        self.exhausted = true;
        self.unwatch_listener()
    }
    // ANCHOR_END: pause

    pub(super) fn close_listener(&mut self) -> io::Result<()> {
        self.server.scoreboard.leaving();
        if !self.exhausted {
            self.unwatch_listener()?;
        }
        self.listener = None;
        Ok(())
    }

    pub(super) fn watch_listener(&mut self) -> io::Result<()> {
        match &self.listener {
            Some(listener) => self.poller.watch_listener(listener.borrow()),
            None => Ok(()),
        }
    }

    fn unwatch_listener(&mut self) -> io::Result<()> {
        match &self.listener {
            Some(listener) => self.poller.ignore_listener(listener.borrow()),
            None => Ok(()),
        }
    }
}
