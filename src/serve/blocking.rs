//! Drives a connection with blocking calls: one read and one write per request in the common case.
//!
//! The sockets carry a receive and a send timeout, the tick, which they inherit from the listener.
//! When it passes, the calls return with EAGAIN, and the loop looks whether a deadline is over or
//! the server is to stop. So deadlines hold for clients that send nothing as well as for those
//! that send an octet a second, and cost no system call of their own.

use std::io::{self, ErrorKind, Read};
use std::net::{Shutdown, TcpStream};
use std::time::Instant;

use super::{Server, transfer};
use crate::http::{Conn, Want};
use crate::sys::signal;

/// Serves the connection to its end.
// ANCHOR: drive
pub(super) fn drive(client: &TcpStream, conn: &mut Conn, server: &Server) {
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
            Want::Close => return,
        };
        match moved {
            Ok(()) => {}
            Err(error) if is_tick(&error) => conn.expire(Instant::now()),
            // The client has gone, and with it everybody who could be told.
            Err(_) => return,
        }
    }
}
// ANCHOR_END: drive

fn read(mut client: &TcpStream, conn: &mut Conn<'_>, server: &Server) -> io::Result<()> {
    // A state that may last. The others are shown where they begin.
    server.show(conn);
    let count = client.read(conn.space())?;
    if count == 0 {
        conn.ended();
        return Ok(());
    }
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

pub(super) fn is_tick(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
