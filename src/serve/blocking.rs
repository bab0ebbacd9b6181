//! Drives a connection with blocking calls: one read and one write per request in the common case.
//!
//! The sockets carry a receive and a send timeout, the tick, which they inherit from the listener.
//! When it is over, the calls return with EAGAIN, and the loop checks the deadline and the request
//! to stop. So deadlines hold for clients that send nothing as well as for those that send a byte a
//! second, and cost no system call of their own.

use std::io::{self, ErrorKind, Read};
use std::net::{Shutdown, TcpStream};
use std::time::Instant;

use super::transfer::{self, is_tick, lingers};
use crate::accept::TICK;
use crate::http::{Activity, Conn, Want};
use crate::scoreboard::State;
use crate::server::Server;
use crate::sys::{net, signal};
use crate::trace;

impl Server<'_> {
    /// Serves one client until either side ends the connection, and blocks all the while. The
    /// caller closes the socket.
    ///
    /// It returns no error: whatever happens to the connection concerns no other client.
    // ANCHOR: serve
    pub fn serve(&self, client: &TcpStream) {
        let mut conn = Conn::new(&self.limits, Instant::now());
        self.scoreboard.accepted();
        trace::taken(client);
        let _held = self.scoreboard.hold();
        drive(client, &mut conn, self);
        trace::closed(client);
        self.scoreboard.set(State::Waiting, conn.since());
    }
    // ANCHOR_END: serve
}

// ANCHOR: drive
fn drive(client: &TcpStream, conn: &mut Conn, server: &Server) {
    loop {
        server.scoreboard.beat();
        if signal::stopping() {
            conn.stop(Instant::now());
        }
        let moved = match conn.want() {
            Want::Read => read(client, conn, server),
            Want::Respond => {
                server.respond(conn, client);
                Ok(())
            }
            Want::Write => write(client, conn, server),
            Want::Shutdown => {
                conn.shut(Instant::now());
                client.shutdown(Shutdown::Write)
            }
            Want::Close if lingers(conn, client) => Ok(()),
            Want::Close => return,
        };
        match moved {
            Ok(()) => {}
            Err(error) if is_tick(&error) => {
                wait_if_nonblocking(client, conn, &error);
                conn.expire(Instant::now());
            }
            // The client has gone: there is no one left to tell.
            Err(_) => return,
        }
    }
}
// ANCHOR_END: drive

/// A connection of a Unix socket has no timeout, so that its tick is a wait here.
fn wait_if_nonblocking(client: &TcpStream, conn: &Conn<'_>, error: &io::Error) {
    if error.kind() == ErrorKind::WouldBlock {
        // If it fails, the next read or write says why.
        let _ = net::wait_if_nonblocking(client, conn.want() == Want::Read, TICK);
    }
}

fn read(mut client: &TcpStream, conn: &mut Conn<'_>, server: &Server) -> io::Result<()> {
    // Reading may last, so the scoreboard shows it. The other states are shown where they begin.
    show(conn, server);
    let count = client.read(conn.space())?;
    if count == 0 {
        conn.ended();
        return Ok(());
    }
    trace::received(&client);
    let now = Instant::now();
    conn.received(count, now);
    // A client that always sends a little before the tick must meet its deadline all the same.
    conn.expire(now);
    Ok(())
}

fn write(client: &TcpStream, conn: &mut Conn<'_>, server: &Server) -> io::Result<()> {
    let count = transfer::write(client, conn)?;
    conn.sent(count, Instant::now());
    server.scoreboard.sent(count);
    Ok(())
}

/// Shows what a worker does that has one client at a time and is about to wait for it.
fn show(conn: &Conn, server: &Server) {
    let state = match conn.activity() {
        Activity::Closing => State::Closing,
        _ if signal::stopping() || signal::retiring() => State::Finishing,
        Activity::Reading => State::Reading,
        Activity::Answering => State::Responding,
        Activity::Idle => State::KeepAlive,
    };
    server.scoreboard.set(state, conn.since());
}
