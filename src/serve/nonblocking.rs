//! Drives a connection as far as it gets without waiting, and says what it waits for.
//!
//! The sockets are non-blocking: where a blocking call would wait, these return with EAGAIN. The
//! steps are those of [`blocking`](super::blocking), but for the places where that one waits.

use std::io::{self, ErrorKind};
use std::net::{Shutdown, TcpStream};
use std::time::Instant;

use super::readiness::{Interest, Readiness};
use super::transfer::{self, lingers};
use crate::http::{Conn, Want};
use crate::server::Server;
use crate::trace;

/// Steps that a connection may take in one turn of the loop: each is a system call or an answer. A
/// usual request takes three. A client that pipelines without end, or a large answer, takes this
/// many (eight answers, or a megabyte), and then the other clients have their turn. That is below a
/// millisecond for each client, and enough work that the cost of a wait does not show.
const STEPS_PER_TURN: usize = 16;

/// A connection and what is known of its socket.
#[derive(Debug)]
pub(super) struct Client<'a> {
    pub(super) socket: TcpStream,
    pub(super) conn: Conn<'a>,
    /// What was ready at the last try, or has been reported since.
    pub(super) readiness: Readiness,
    /// What the kernel was asked to report.
    pub(super) interest: Option<Interest>,
    /// The last turn of the loop in which it was served.
    pub(super) turn: u64,
}

/// Why a connection takes no further step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    /// It waits for its socket.
    For(Interest),
    /// It could take another step, but the other clients have waited long enough.
    Turn,
    /// It is over.
    Closed,
}

impl<'a> Client<'a> {
    /// A client that was accepted just now. Its request has often arrived by then, so a read is
    /// worth a try; and there is always room for an answer.
    pub(super) fn new(socket: TcpStream, conn: Conn<'a>) -> Self {
        Self {
            socket,
            conn,
            readiness: Readiness {
                readable: true,
                writable: true,
                ended: false,
            },
            interest: None,
            turn: 0,
        }
    }

    /// Adds what the kernel has reported.
    pub(super) fn note(&mut self, reported: Readiness) {
        self.readiness.readable |= reported.readable;
        self.readiness.writable |= reported.writable;
        self.readiness.ended |= reported.ended;
    }
}

impl Client<'_> {
    /// Takes steps until the connection has to wait, has ended, or has had its turn. `now` is the
    /// time as the loop knows it, corrected after each answer, because a handler may take long.
    // ANCHOR: drive
    pub(super) fn drive(&mut self, server: &Server, now: &mut Instant) -> Rest {
        for _ in 0..STEPS_PER_TURN {
            let moved = match self.conn.want() {
                Want::Read if !self.readiness.readable => {
                    return Rest::For(Interest::Readable);
                }
                Want::Read => self.read(*now),
                Want::Respond => {
                    self.respond(server, now);
                    Ok(())
                }
                Want::Write if !self.readiness.writable => {
                    return Rest::For(Interest::Writable);
                }
                Want::Write => self.write(server, *now),
                Want::Shutdown => {
                    self.conn.shut(*now);
                    self.socket.shutdown(Shutdown::Write)
                }
                Want::Close if lingers(&mut self.conn, &self.socket) => Ok(()),
                Want::Close => return Rest::Closed,
            };
            match moved {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // The client has gone: there is no one left to tell.
                Err(_) => return Rest::Closed,
                Ok(()) => {}
            }
        }
        Rest::Turn
    }
    // ANCHOR_END: drive

    /// A read that does not fill the space has emptied the socket (`epoll(7)`, "Questions and
    /// answers"), so a second read, only to see EAGAIN, is not needed. An exception is a socket
    /// whose end was reported: with edge triggering there is no second report of it, so reading
    /// goes on until the end itself is read.
    // ANCHOR: read
    fn read(&mut self, now: Instant) -> io::Result<()> {
        let space = self.conn.space();
        let room = space.len();
        match io::Read::read(&mut &self.socket, space) {
            Ok(0) => self.conn.ended(),
            Ok(count) => {
                trace::received(&self.socket);
                self.conn.received(count, now);
                let ended = self.readiness.ended;
                self.readiness.readable = count == room || ended;
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.readiness.readable = false;
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }
    // ANCHOR_END: read

    fn respond(&mut self, server: &Server, now: &mut Instant) {
        server.respond(&mut self.conn, &self.socket);
        *now = self.conn.since();
    }

    /// Writes without asking first whether there is room: there nearly always is.
    fn write(&mut self, server: &Server, now: Instant) -> io::Result<()> {
        match transfer::write(&self.socket, &self.conn) {
            Ok(count) => {
                server.scoreboard.sent(count);
                self.conn.sent(count, now);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => self.readiness.writable = false,
            Err(error) => return Err(error),
        }
        Ok(())
    }
}
