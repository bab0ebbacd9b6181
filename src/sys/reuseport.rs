//! Several listeners on one port: SO_REUSEPORT (`socket(7)`).

use std::io;
use std::net::TcpListener;

use nix::sys::socket::{setsockopt, sockopt};

use super::net;

/// Another socket that listens where `first` does, with an accept queue of its own, as long.
///
/// All sockets of such a group must belong to one user, which keeps others from stealing
/// connections. The first had its port to itself until now, so that a second server on the same
/// port is an error as it is everywhere else, and not a silent partner.
///
/// # Errors
/// No descriptors or no memory.
pub fn listen_beside(first: &TcpListener) -> io::Result<TcpListener> {
    setsockopt(first, sockopt::ReusePort, &true)?;
    let room = net::accept_queue_limit(first)?;
    let room = i32::try_from(room).unwrap_or(i32::MAX);
    Ok(net::listen_sharing(first.local_addr()?, room)?)
}
