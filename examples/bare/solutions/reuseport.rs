//! Pre-fork with a listener, and so an accept queue, for each worker.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsRawFd;

use nix::sys::socket::sockopt::ReusePort;
use nix::sys::socket::{self, AddressFamily, Backlog, SockFlag, SockType, SockaddrStorage};
use nix::sys::wait::wait;
use nix::unistd::{ForkResult, fork};

use crate::common::{listen, serve};

// ANCHOR: run
pub(crate) fn run() -> io::Result<()> {
    let mut listeners = vec![listen()?];
    socket::setsockopt(&listeners[0], ReusePort, &true)?;
    while listeners.len() < 4 {
        listeners.push(join(listeners[0].local_addr()?)?);
    }
    for listener in &listeners {
        // SAFETY: this process has one thread.
        if let ForkResult::Child = unsafe { fork() }? {
            loop {
                let (client, _) = listener.accept()?;
                serve(client);
            }
        }
    }
    // The master waits until no worker is left.
    while wait().is_ok() {}
    Ok(())
}

/// One more listener of the same port.
fn join(address: SocketAddr) -> io::Result<TcpListener> {
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::Inet,
        SocketAddr::V6(_) => AddressFamily::Inet6,
    };
    let new = socket::socket(family, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
    socket::setsockopt(&new, ReusePort, &true)?;
    socket::bind(new.as_raw_fd(), &SockaddrStorage::from(address))?;
    socket::listen(&new, Backlog::new(128)?)?;
    Ok(TcpListener::from(new))
}
// ANCHOR_END: run
