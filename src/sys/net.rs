//! Sockets: calls that nix does not have, or has in another form.
//!
//! The connections of a Unix socket are given as [`TcpStream`], too. The type owns a descriptor,
//! and all that this program does with a connection works with both kinds.

use std::net::{IpAddr, SocketAddr, SocketAddrV4, SocketAddrV6, TcpStream};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::path::Path;
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    self, AddressFamily, MsgFlags, SockFlag, SockType, SockaddrLike, SockaddrStorage, UnixAddr,
    sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike};

use super::address::Address;
use super::poll::poll_timeout;

/// Opens a listening TCP socket, close-on-exec, with SO_REUSEADDR, so that a restarted server need
/// not wait for old connections to leave TIME_WAIT. See `listen(2)` for `backlog`.
pub fn listen(address: SocketAddr, backlog: i32) -> nix::Result<OwnedFd> {
    begin_to_listen(bound(address, false)?, backlog)
}

/// [`listen`] at an address where sockets listen already, all with SO_REUSEPORT.
pub(super) fn listen_sharing(address: SocketAddr, backlog: i32) -> nix::Result<OwnedFd> {
    begin_to_listen(bound(address, true)?, backlog)
}

/// `listen(2)` itself: nix's refuses a backlog that a machine's `net.core.somaxconn` may allow.
/// The kernel silently caps a longer backlog to that.
pub fn begin_to_listen(socket: OwnedFd, backlog: i32) -> nix::Result<OwnedFd> {
    // SAFETY: `socket` is open for the whole call, which takes no pointer.
    Errno::result(unsafe { libc::listen(socket.as_raw_fd(), backlog) })?;
    Ok(socket)
}

fn bound(address: SocketAddr, sharing: bool) -> nix::Result<OwnedFd> {
    let family = if address.is_ipv4() {
        AddressFamily::Inet
    } else {
        AddressFamily::Inet6
    };
    let socket = socket::socket(family, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
    socket::setsockopt(&socket, sockopt::ReuseAddr, &true)?;
    socket::setsockopt(&socket, sockopt::ReusePort, &sharing)?;
    socket::bind(socket.as_raw_fd(), &SockaddrStorage::from(address))?;
    Ok(socket)
}

/// A Unix socket that is bound to `path`, where no file may be yet.
///
/// # Errors
/// EADDRINUSE, ENAMETOOLONG, and those of making a file.
pub fn bind_unix(path: &Path) -> nix::Result<OwnedFd> {
    let socket = unix_socket(SockFlag::SOCK_CLOEXEC)?;
    socket::bind(socket.as_raw_fd(), &UnixAddr::new(path)?)?;
    Ok(socket)
}

/// Connects to the Unix socket at `path` and hangs up.
///
/// # Errors
/// ECONNREFUSED, if no process listens there; EAGAIN, if its accept queue is full.
pub fn try_unix(path: &Path) -> nix::Result<()> {
    let socket = unix_socket(SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK)?;
    socket::connect(socket.as_raw_fd(), &UnixAddr::new(path)?)
}

fn unix_socket(flags: SockFlag) -> nix::Result<OwnedFd> {
    socket::socket(AddressFamily::Unix, SockType::Stream, flags, None)
}

/// Sets on a listener what each connection accepted from it inherits (`tcp(7)`, `socket(7)`), so
/// that no connection pays system calls for it: no Nagle delay, and no `accept`, `read` or `write`
/// that blocks longer than a tick.
// ANCHOR: inherited
pub fn set_inherited(listener: &impl AsFd, tick: Duration) -> nix::Result<()> {
    match socket::setsockopt(listener, sockopt::TcpNoDelay, &true) {
        // A Unix socket delays nothing.
        Ok(()) | Err(Errno::EOPNOTSUPP) => set_timeouts(listener, tick),
        Err(error) => Err(error),
    }
}

/// No call on the socket blocks longer than a tick.
pub fn set_timeouts(socket: &impl AsFd, tick: Duration) -> nix::Result<()> {
    let tick = TimeVal::microseconds(tick.as_micros() as i64);
    socket::setsockopt(socket, sockopt::ReceiveTimeout, &tick)?;
    socket::setsockopt(socket, sockopt::SendTimeout, &tick)
}
// ANCHOR_END: inherited

/// `accept4(2)`, close-on-exec. Unlike the standard library's, it returns with EINTR when a signal
/// arrives, so that a server can check whether it was asked to stop.
pub fn accept(listener: &impl AsFd) -> nix::Result<TcpStream> {
    accept_with(listener, SockFlag::SOCK_CLOEXEC)
}

/// [`accept`], with O_NONBLOCK set on the connection, which does not inherit it from the listener.
pub fn accept_nonblocking(listener: &impl AsFd) -> nix::Result<TcpStream> {
    accept_with(listener, SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK)
}

fn accept_with(listener: &impl AsFd, flags: SockFlag) -> nix::Result<TcpStream> {
    let client = socket::accept4(listener.as_fd().as_raw_fd(), flags)?;
    // SAFETY: accept4 has just returned this descriptor, so it is open and has no other owner.
    let client = unsafe { OwnedFd::from_raw_fd(client) };
    Ok(TcpStream::from(client))
}

/// The client's address; `None` once the client has gone, or if this is no TCP socket.
pub fn peer(client: &impl AsFd) -> Option<SocketAddr> {
    peer_of(client.as_fd().as_raw_fd())
}

/// [`peer`] of the connection `descriptor`, as a client's address is written: an IPv4 address that
/// is mapped into IPv6 comes out as IPv4. The descriptor may have been closed and reused; then the
/// answer is that of another connection.
pub fn peer_of(descriptor: RawFd) -> Option<SocketAddr> {
    let peer = address_of(socket::getpeername(descriptor))?;
    Some(SocketAddr::new(peer.ip().to_canonical(), peer.port()))
}

/// Whether the client of the connection `descriptor` is on this machine: it comes from a loopback
/// address, or from the address at which it was accepted. `None` if that is no connection.
///
/// The descriptor may have been closed and reused; then the answer is that of another connection.
pub fn is_local(descriptor: RawFd) -> Option<bool> {
    let peer = socket::getpeername::<SockaddrStorage>(descriptor);
    if peer.is_ok_and(|peer| peer.family() == Some(AddressFamily::Unix)) {
        return Some(true);
    }
    let peer: IpAddr = address_of(peer)?.ip().to_canonical();
    let own = address_of(socket::getsockname(descriptor))?
        .ip()
        .to_canonical();
    Some(peer.is_loopback() || peer == own)
}

/// Where a socket listens. `None` if that is neither an IP address nor a path.
pub fn local_address(listener: &impl AsFd) -> Option<Address> {
    let name = socket::getsockname::<SockaddrStorage>(listener.as_fd().as_raw_fd()).ok()?;
    let path = name.as_unix_addr().and_then(|it| it.path());
    match path {
        Some(path) => Some(Address::Unix(path.to_owned())),
        None => address_of(Ok(name)).map(Address::Tcp),
    }
}

/// Sets or clears O_NONBLOCK, which belongs to the open socket: all its holders feel it. By
/// FIONBIO, as the standard library does, which the sandbox permits.
pub fn set_nonblocking(socket: &impl AsFd, nonblocking: bool) -> nix::Result<()> {
    let flags = OFlag::from_bits_truncate(fcntl(socket, FcntlArg::F_GETFL)?);
    if flags.contains(OFlag::O_NONBLOCK) == nonblocking {
        return Ok(());
    }
    let mut wanted = libc::c_int::from(nonblocking);
    let descriptor = socket.as_fd().as_raw_fd();
    // SAFETY: the descriptor is open for the whole call, which reads one integer from `wanted`.
    Errno::result(unsafe { libc::ioctl(descriptor, libc::FIONBIO, &raw mut wanted) }).map(drop)
}

/// Waits until a socket with O_NONBLOCK can be read from or written to, for `tick` at most. One
/// without the flag has waited for its own timeout already.
pub fn wait_if_nonblocking(socket: &impl AsFd, is_read: bool, tick: Duration) -> nix::Result<()> {
    let flags = OFlag::from_bits_truncate(fcntl(socket, FcntlArg::F_GETFL)?);
    if flags.contains(OFlag::O_NONBLOCK) {
        let events = match is_read {
            true => PollFlags::POLLIN,
            false => PollFlags::POLLOUT,
        };
        poll(
            &mut [PollFd::new(socket.as_fd(), events)],
            poll_timeout(tick),
        )?;
    }
    Ok(())
}

/// Whether a read, or an accept, would not wait.
pub fn is_readable(socket: &impl AsFd) -> nix::Result<bool> {
    let mut watched = [PollFd::new(socket.as_fd(), PollFlags::POLLIN)];
    Ok(poll(&mut watched, PollTimeout::ZERO)? > 0)
}

fn address_of(name: nix::Result<SockaddrStorage>) -> Option<SocketAddr> {
    let name = name.ok()?;
    let v4 = || {
        name.as_sockaddr_in()
            .map(|v4| SocketAddrV4::from(*v4).into())
    };
    let v6 = || {
        name.as_sockaddr_in6()
            .map(|v6| SocketAddrV6::from(*v6).into())
    };
    v4().or_else(v6)
}

/// Connections that wait in a listener's accept queue. For a listening socket TCP_INFO reports
/// them as `tcpi_unacked` (`tcp_get_info` in the kernel's `net/ipv4/tcp.c`).
pub fn accept_queue_length(listener: &impl AsFd) -> nix::Result<u32> {
    tcp_info(listener).map(|info| info.tcpi_unacked)
}

/// The limit of that queue (`tcpi_sacked`): the backlog as the kernel has capped it.
pub fn accept_queue_limit(listener: &impl AsFd) -> nix::Result<u32> {
    tcp_info(listener).map(|info| info.tcpi_sacked)
}

/// The limit that the kernel makes of a backlog (`listen(2)`): `net.core.somaxconn` caps it.
pub fn queue_limit_of(backlog: i32) -> u32 {
    let cap = std::fs::read_to_string("/proc/sys/net/core/somaxconn").ok();
    let cap = cap.and_then(|text| text.trim().parse().ok());
    backlog.cast_unsigned().min(cap.unwrap_or(u32::MAX))
}

/// Whether the socket accepts connections. `shutdown(2)` by any process that holds a listener ends
/// that for all of them.
pub fn is_listening(listener: &impl AsFd) -> bool {
    // An error of the question itself says nothing about the listener.
    socket::getsockopt(listener, sockopt::AcceptConn).unwrap_or(true)
}

/// Makes a listener that was shut down listen again, at its old address. The socket stays the same,
/// so that all processes that hold it can accept again.
///
/// # Errors
/// EADDRINUSE: another server has taken the port.
pub fn listen_again(listener: &OwnedFd, address: &Address, backlog: i32) -> nix::Result<()> {
    let descriptor = listener.as_raw_fd();
    // The port is gone if the kernel had picked it, and still bound otherwise (EINVAL). A Unix
    // socket stays bound.
    let bound = address.tcp().map_or(Ok(()), |address| {
        socket::bind(descriptor, &SockaddrStorage::from(address))
    });
    match bound {
        Ok(()) | Err(Errno::EINVAL) => {}
        Err(error) => return Err(error),
    }
    // SAFETY: `listener` is open for the whole call, which takes no pointer.
    Errno::result(unsafe { libc::listen(descriptor, backlog) }).map(drop)
}

/// Whether the kernel holds bytes that a client has sent and this process has not read. Never
/// blocks. The client's end does not count.
pub fn has_unread(client: &impl AsFd) -> bool {
    let flags = MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT;
    let seen = socket::recv(client.as_fd().as_raw_fd(), &mut [0], flags);
    seen.is_ok_and(|count| count > 0)
}

/// Whether the kernel holds bytes that this process has sent and the client has not received
/// (SIOCOUTQ, `tcp(7)`). Never blocks.
pub fn has_unsent(client: &impl AsFd) -> bool {
    let (descriptor, mut count) = (client.as_fd().as_raw_fd(), 0 as libc::c_int);
    // SAFETY: the descriptor is open for the whole call, which writes one integer to `count`.
    let asked = unsafe { libc::ioctl(descriptor, libc::TIOCOUTQ, &raw mut count) };
    asked == 0 && count > 0
}

fn tcp_info(listener: &impl AsFd) -> nix::Result<libc::tcp_info> {
    // SAFETY: tcp_info is a struct of plain integers, for which all zeroes is a value.
    let mut info: libc::tcp_info = unsafe { std::mem::zeroed() };
    let mut length = size_of::<libc::tcp_info>() as libc::socklen_t;
    // SAFETY: `info` and `length` outlive the call, and `length` is the size of `info`, so the
    // kernel writes no byte beyond it.
    let result = unsafe {
        libc::getsockopt(
            listener.as_fd().as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            (&raw mut info).cast(),
            &raw mut length,
        )
    };
    Errno::result(result).map(|_| info)
}
