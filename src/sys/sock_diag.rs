//! The kernel's table of connections, as `ss(8)` asks for it: `sock_diag(7)`.
//!
//! `/proc/net/tcp` has the same, but always the whole table: under a load of short connections that
//! is tens of thousands of lines for closed ones (TIME-WAIT). Here the kernel filters by state.

use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;

use nix::sys::socket::{AddressFamily, SockFlag, SockProtocol, SockType, socket};
use nix::unistd::{read, write};

/// `linux/netlink.h`, `linux/sock_diag.h`, `linux/inet_diag.h`, `net/tcp_states.h`.
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const NLM_F_REQUEST: u16 = 0x1;
const NLM_F_DUMP: u16 = 0x300;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const TCP_ESTABLISHED: u32 = 1;
const TCP_CLOSE_WAIT: u32 = 8;
/// Lengths in bytes: of a message's header, and of what follows it in a request and in an answer.
const HEADER: usize = 16;
const REQUEST: usize = 56;
const ANSWER: usize = 72;

/// A connection that this machine has accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connection {
    /// The inode of its socket, which `/proc/PID/fd` shows as well.
    pub inode: u64,
    /// The client's address.
    pub peer: SocketAddr,
    /// The client has sent its FIN (CLOSE-WAIT).
    pub has_ended: bool,
    /// Bytes that have arrived and that the server has not read.
    pub unread: u32,
}

/// The open connections at a local port of this network namespace, of IPv6 sockets, which may have
/// IPv4 clients, or of IPv4 sockets.
///
/// # Errors
/// The kernel has no such interface, or forbids it.
pub fn connections(port: u16, v6: bool) -> io::Result<Vec<Connection>> {
    let asking = socket(
        AddressFamily::Netlink,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::NetlinkSockDiag,
    )?;
    write(&asking, &request(port, v6))?;
    collect(&asking)
}

/// `struct inet_diag_req_v2` behind a `struct nlmsghdr`. Ports and addresses are in network order,
/// all other numbers in the machine's order.
fn request(port: u16, v6: bool) -> Vec<u8> {
    let family = if v6 { libc::AF_INET6 } else { libc::AF_INET } as u8;
    let states = 1u32 << TCP_ESTABLISHED | 1 << TCP_CLOSE_WAIT;
    let mut request = Vec::with_capacity(HEADER + REQUEST);
    request.extend(((HEADER + REQUEST) as u32).to_ne_bytes());
    request.extend(SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    request.extend((NLM_F_REQUEST | NLM_F_DUMP).to_ne_bytes());
    // Sequence number and sender. They matter only where several requests are in flight.
    request.extend([0; 8]);
    request.extend([family, libc::IPPROTO_TCP as u8, 0, 0]);
    request.extend(states.to_ne_bytes());
    request.extend(port.to_be_bytes());
    // Any peer, any address, any interface, any cookie.
    request.resize(HEADER + REQUEST, 0);
    request
}

/// Reads messages until the kernel reports the last one.
fn collect(asking: &OwnedFd) -> io::Result<Vec<Connection>> {
    let mut found = Vec::new();
    let mut buffer = vec![0; 32 * 1024];
    loop {
        let length = read(asking, &mut buffer)?;
        let mut rest = &buffer[..length];
        if rest.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        while let Some((kind, content, next)) = take_message(rest) {
            match kind {
                NLMSG_DONE => return Ok(found),
                NLMSG_ERROR => return Err(io::Error::other("the kernel refused sock_diag")),
                _ => found.extend(connection(content)),
            }
            rest = next;
        }
    }
}

/// The first message's type and content, and the bytes behind it.
fn take_message(bytes: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let length = u32::from_ne_bytes(*bytes.first_chunk()?) as usize;
    let kind = u16::from_ne_bytes(*bytes.get(4..)?.first_chunk()?);
    let content = bytes.get(HEADER..length)?;
    // Messages are padded to a multiple of four.
    let next = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    Some((kind, content, next))
}

/// `struct inet_diag_msg`.
fn connection(message: &[u8]) -> Option<Connection> {
    let message: &[u8; ANSWER] = message.first_chunk()?;
    let port = u16::from_be_bytes([message[6], message[7]]);
    let address = &message[24..40];
    let address: IpAddr = match i32::from(message[0]) {
        libc::AF_INET => IpAddr::from(*address.first_chunk::<4>()?),
        _ => Ipv6Addr::from(*address.first_chunk::<16>()?).to_canonical(),
    };
    let unread = u32::from_ne_bytes(*message.get(56..)?.first_chunk()?);
    let inode = u32::from_ne_bytes(*message.last_chunk()?);
    Some(Connection {
        inode: inode.into(),
        peer: SocketAddr::new(address, port),
        has_ended: u32::from(message[1]) == TCP_CLOSE_WAIT,
        unread,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::{Shutdown, TcpListener, TcpStream};
    use std::os::fd::{AsFd, AsRawFd};

    #[test]
    fn accepted_connections_are_found_with_their_inodes() {
        for (bind, v6) in [("127.0.0.1:0", false), ("[::1]:0", true)] {
            let Ok(listener) = TcpListener::bind(bind) else {
                continue; // A machine without IPv6.
            };
            let address = listener.local_addr().unwrap();
            let pair = |_| {
                let client = TcpStream::connect(address).unwrap();
                (client, listener.accept().unwrap().0)
            };
            let (clients, accepted): (Vec<_>, Vec<_>) = (0..300).map(pair).unzip();
            let found = connections(address.port(), v6).unwrap();
            assert_eq!(found.len(), clients.len());
            for stream in &accepted {
                let link = format!("/proc/self/fd/{}", stream.as_fd().as_raw_fd());
                let link = std::fs::read_link(link).unwrap();
                let peer = stream.peer_addr().unwrap();
                let inode = found.iter().find(|it| it.peer == peer).unwrap().inode;
                assert_eq!(link.to_str().unwrap(), format!("socket:[{inode}]"));
            }
        }
    }

    #[test]
    fn unread_bytes_are_counted_and_an_end_is_seen() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mut client = TcpStream::connect(address).unwrap();
        let (mut accepted, _) = listener.accept().unwrap();
        let now = || connections(address.port(), false).unwrap()[0];
        assert_eq!((now().unread, now().has_ended), (0, false));
        client.write_all(b"unread").unwrap();
        assert_eq!((now().unread, now().has_ended), (6, false));
        accepted.read_exact(&mut [0; 6]).unwrap();
        assert_eq!((now().unread, now().has_ended), (0, false));
        client.shutdown(Shutdown::Write).unwrap();
        assert_eq!(accepted.read(&mut [0]).unwrap(), 0);
        assert!(now().has_ended);
    }

    #[test]
    fn a_cut_message_is_none() {
        assert_eq!(take_message(&[]), None);
        assert_eq!(take_message(&[255; 20]), None);
        assert_eq!(connection(&[0; ANSWER - 1]), None);
    }
}
