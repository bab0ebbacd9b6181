//! The steps of one client: what its connection wants is answered, or submitted to the kernel.

use std::io;
use std::net::Shutdown;

use super::CompletionLoop;
use super::client::{Receiving, catch_up};
use crate::http::Want;
use crate::serve::transfer::lingers;
use crate::sys::uring::Cancel;
use crate::trace;

impl CompletionLoop<'_> {
    /// Takes steps for a client until the next step is the kernel's.
    pub(super) fn advance(&mut self, key: usize) -> io::Result<()> {
        loop {
            let Some(client) = self.clients[key].as_mut() else {
                return Ok(());
            };
            let Some(session) = &mut client.session else {
                return self.release(key);
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
                // Bytes may wait here or in the kernel.
                Want::Close if !client.early.is_empty() && conn.linger() => {}
                Want::Close if lingers(conn, &client.socket) => {}
                Want::Close => self.close(key)?,
            }
        }
    }

    /// Waits for bytes of the client. The first operation completes once. Later ones are multishot:
    /// they complete whenever bytes arrive, and have to be cancelled in the end. Many connections
    /// carry one request, and save the cancellation.
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
            self.timers.set(key, deadline);
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

    /// The session goes to the kernel, and comes back when something has been sent.
    fn send(&mut self, key: usize) -> io::Result<()> {
        let Some(client) = self.clients[key].as_mut() else {
            return Ok(());
        };
        let Some(session) = client.session.take() else {
            return Ok(());
        };
        client.deadline = session.conn.deadline();
        if let Some(deadline) = client.deadline {
            self.timers.set(key, deadline);
        }
        if session.lacks_part() {
            self.ring.read(key, session)?;
        } else {
            self.ring.send(key, &client.socket, session)?;
        }
        Ok(())
    }

    pub(super) fn expire(&mut self, key: usize) -> io::Result<()> {
        let Some(client) = self.clients[key].as_mut() else {
            return Ok(());
        };
        match (client.deadline, &mut client.session) {
            (None, _) => Ok(()),
            (Some(deadline), _) if deadline > self.woken => {
                self.timers.set(key, deadline);
                Ok(())
            }
            (_, Some(session)) => {
                session.conn.expire(self.now);
                self.advance(key)
            }
            // The kernel has the session. When it comes back, the loop sees the deadline.
            (_, None) => Ok(self.ring.cancel(key, Cancel::Send)?),
        }
    }

    /// The connection is over. An operation in flight holds the socket open until it completes.
    // ANCHOR: close
    pub(super) fn close(&mut self, key: usize) -> io::Result<()> {
        if let Some(client) = self.clients[key].as_mut() {
            client.session = None;
            client.deadline = None;
            client.is_closing = true;
            if let Receiving::Once | Receiving::Many = client.receiving {
                client.receiving = Receiving::Ending;
                self.ring.cancel(key, Cancel::Receive)?;
            }
        }
        self.release(key)
    }

    fn release(&mut self, key: usize) -> io::Result<()> {
        let place = &mut self.clients[key];
        if let Some(client) = place.take_if(|client| client.is_over()) {
            trace::closed(&client.socket);
            self.ring.close(client.socket)?;
            self.free.push(key);
        }
        Ok(())
    }
    // ANCHOR_END: close
}
