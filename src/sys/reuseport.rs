//! Several listeners on one port: SO_REUSEPORT (`socket(7)`).

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use nix::sys::socket::{setsockopt, sockopt};

use super::net;

/// A socket that listens at `address`, where a successor may listen as well. If this process is a
/// successor itself, its predecessor does.
///
/// # Errors
/// EADDRINUSE: another server has the port.
pub fn listen_for_upgrade(address: SocketAddr, is_successor: bool) -> io::Result<OwnedFd> {
    let socket = match is_successor {
        true => net::listen_sharing(address, BACKLOG)?,
        false => net::listen(address, BACKLOG)?,
    };
    setsockopt(&socket, sockopt::ReusePort, &true)?;
    Ok(socket)
}

/// Few programs ask for the status.
const BACKLOG: i32 = 64;

/// Another socket that listens at `address`, where `first` does, with its own accept queue of the
/// same length.
///
/// All sockets of such a group must belong to one user, so that no other user can steal
/// connections. SO_REUSEPORT is set on `first` only now: until then a second server on the same
/// port gets EADDRINUSE, as with every other strategy, instead of a share of the connections.
///
/// # Errors
/// No descriptors or no memory.
pub fn listen_beside(first: &OwnedFd, address: SocketAddr) -> io::Result<OwnedFd> {
    setsockopt(first, sockopt::ReusePort, &true)?;
    let room = net::accept_queue_limit(first)?;
    let room = i32::try_from(room).unwrap_or(i32::MAX);
    Ok(net::listen_sharing(address, room)?)
}
