//! One system call that sends, for blocking and non-blocking sockets alike.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::net::TcpStream;
use std::os::fd::AsFd;

use nix::sys::sendfile::sendfile;

use crate::http::{Conn, Unsent};
use crate::server::log_fault;
use crate::sys::net;

/// No single `sendfile` moves more than this. Inside, Linux sends a pipe's capacity (`pipe(7)`) at
/// a time, and each of these may wait for a whole send timeout. With more than one, a slow reader
/// would keep the call from returning for many ticks.
const SENDFILE_MAX: u64 = 64 * 1024;

/// Sends some of what the connection has to send. Returns how many bytes the kernel took.
pub(super) fn write(mut client: &TcpStream, conn: &Conn<'_>) -> io::Result<usize> {
    match conn.unsent() {
        Unsent::Bytes(bytes) => client.write(bytes),
        Unsent::File {
            file,
            offset,
            length,
        } => send_file(client, file, offset, length),
    }
}

/// `sendfile(2)` of a bounded part. Returns how many bytes the kernel took.
pub(super) fn send_file(
    client: impl AsFd,
    file: &File,
    offset: u64,
    length: u64,
) -> io::Result<usize> {
    let mut offset = i64::try_from(offset).map_err(io::Error::other)?;
    // At most SENDFILE_MAX, so it fits.
    let length = length.min(SENDFILE_MAX) as usize;
    Ok(sendfile(client, file, Some(&mut offset), length)?)
}

/// To be asked before a close: whether a reset could destroy a part of the answer, so that the
/// connection has to linger. `conn` has been told so, if it does.
///
/// The kernel resets a connection that is closed with unread bytes in it, and one to which bytes
/// come after the close. The second destroys what the kernel has not yet sent of a large answer.
/// (Of a short one the client has all by then.)
pub(super) fn lingers(conn: &mut Conn<'_>, client: &impl AsFd) -> bool {
    log_fault(conn, client);
    let may_lose =
        |conn: &Conn<'_>| net::has_unread(client) || conn.was_large() && net::has_unsent(client);
    conn.may_linger() && may_lose(conn) && conn.linger()
}

/// Whether the call was only interrupted: its time is over, a signal came, or it would block.
pub(super) fn is_tick(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
