//! Drives a connection as far as it gets without waiting, and says what it waits for.
//!
//! The sockets are non-blocking: where a blocking call would wait, these return with EAGAIN. The
//! steps are those of [`blocking`](super::blocking), but for the places where that one waits.

use std::io::{self, ErrorKind};
use std::net::{Shutdown, TcpStream};
use std::time::Instant;

use super::event_loop::{Interest, Signs};
use super::{Server, transfer};
use crate::http::{Conn, Want};

/// Steps that a connection may take in one turn of the loop: each is a system call or an answer. A
/// usual request takes three. A client that pipelines without end, or whose answer is of any size,
/// takes this many (eight answers, or a megabyte) and then lets all others have theirs: below a
/// millisecond for each, and the cost of a wait is spread over enough work not to show.
const STEPS_PER_TURN: usize = 16;

/// A connection and what is known of its socket.
#[derive(Debug)]
pub(super) struct Client<'a> {
    pub(super) socket: TcpStream,
    pub(super) conn: Conn<'a>,
    /// What was ready when it was tried last, or has been reported since.
    pub(super) signs: Signs,
    /// What the kernel was asked to report.
    pub(super) interest: Option<Interest>,
    /// The last turn of the loop that it had a part in.
    pub(super) turn: u64,
}

/// Why a connection takes no further step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    /// It waits for its socket.
    For(Interest),
    /// It could go on, but others have waited long enough.
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
            signs: Signs {
                readable: true,
                writable: true,
                ended: false,
            },
            interest: None,
            turn: 0,
        }
    }

    /// The kernel has reported something.
    pub(super) fn note(&mut self, signs: Signs) {
        self.signs.readable |= signs.readable;
        self.signs.writable |= signs.writable;
        self.signs.ended |= signs.ended;
    }
}

impl Client<'_> {
    /// Goes on with the connection until it has to wait, has ended, or has had its turn. `now` is
    /// the time as the loop knows it, put right after each answer: a handler may take its time.
    // ANCHOR: drive
    pub(super) fn drive(&mut self, server: &Server, now: &mut Instant) -> Rest {
        for _ in 0..STEPS_PER_TURN {
            let moved = match self.conn.want() {
                Want::Read if !self.signs.readable => {
                    return Rest::For(Interest::Readable);
                }
                Want::Read => self.read(*now),
                Want::Respond => {
                    self.respond(server, now);
                    Ok(())
                }
                Want::Write if !self.signs.writable => {
                    return Rest::For(Interest::Writable);
                }
                Want::Write => self.write(server, *now),
                Want::Shutdown => {
                    self.conn.shut(*now);
                    self.socket.shutdown(Shutdown::Write)
                }
                Want::Close => return Rest::Closed,
            };
            match moved {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // The client has gone, and with it everybody who could be told.
                Err(_) => return Rest::Closed,
                Ok(()) => {}
            }
        }
        Rest::Turn
    }
    // ANCHOR_END: drive

    /// A read that does not fill the space has emptied the socket (`epoll(7)`, "Questions and
    /// answers"), so that EAGAIN need not be asked for, unless the end is behind it: nobody would
    /// report that twice.
    // ANCHOR: read
    fn read(&mut self, now: Instant) -> io::Result<()> {
        let space = self.conn.space();
        let room = space.len();
        match io::Read::read(&mut &self.socket, space) {
            Ok(0) => self.conn.ended(),
            Ok(count) => {
                self.conn.received(count, now);
                self.signs.readable = count == room || self.signs.ended;
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.signs.readable = false;
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

    /// Writes without waiting to hear that there is room: there nearly always is.
    fn write(&mut self, server: &Server, now: Instant) -> io::Result<()> {
        match transfer::write(&self.socket, &self.conn) {
            Ok(count) => {
                server.scoreboard.sent(count);
                self.conn.sent(count, now);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => self.signs.writable = false,
            Err(error) => return Err(error),
        }
        Ok(())
    }
}
