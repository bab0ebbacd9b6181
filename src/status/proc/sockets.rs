//! Sockets and accept queues.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::kept::{FromStart, Kept};

/// The inode of the socket that is the process's descriptor `fd`.
pub(in crate::status) fn socket_inode(pid: u32, fd: i32) -> Option<u64> {
    let target = fs::read_link(format!("/proc/{pid}/fd/{fd}")).ok()?;
    let inode = target.to_str()?.strip_prefix("socket:[")?;
    inode.strip_suffix(']')?.parse().ok()
}

/// The number of connections that wait in the accept queues at `address`, and the number of these
/// queues: with SO_REUSEPORT there are several.
pub(in crate::status) fn accept_queue(
    pid: u32,
    address: SocketAddr,
    kept: Option<&Kept>,
) -> Option<(u64, u64)> {
    let kept = kept.and_then(|kept| kept.tables[usize::from(address.is_ipv6())].as_ref());
    match kept {
        Some(file) => count_waiting(FromStart::of(file), address),
        None => {
            let table = if address.is_ipv6() { "tcp6" } else { "tcp" };
            count_waiting(
                File::open(format!("/proc/{pid}/net/{table}")).ok()?,
                address,
            )
        }
    }
}

fn count_waiting(table: impl Read, address: SocketAddr) -> Option<(u64, u64)> {
    // The table begins with the listening sockets, so this does not read thousands of others.
    let listening = sockets(table).take_while(|socket| socket.is_listening);
    let ours = listening.filter(|socket| socket.local == address);
    let (length, listeners) = ours.fold((0, 0), |(length, listeners), socket| {
        (length + socket.receive_queue, listeners + 1)
    });
    (listeners > 0).then_some((length, listeners))
}

/// A line of `/proc/net/tcp` or `tcp6` (`proc_pid_net(5)`).
#[derive(Debug, PartialEq, Eq)]
struct Socket {
    local: SocketAddr,
    is_listening: bool,
    /// Unread bytes; for a listening socket, connections that wait to be accepted
    /// (`get_tcp4_sock` in the kernel's `net/ipv4/tcp_ipv4.c`).
    receive_queue: u64,
}

fn sockets(table: impl Read) -> impl Iterator<Item = Socket> {
    let lines = BufReader::new(table).lines().map_while(Result::ok);
    lines.skip(1).filter_map(|line| parse_socket(&line))
}

fn parse_socket(line: &str) -> Option<Socket> {
    const LISTEN: &str = "0A";
    let fields: Vec<&str> = line.split_whitespace().collect();
    let (_, receive_queue) = fields.get(4)?.split_once(':')?;
    Some(Socket {
        local: parse_address(fields.get(1)?)?,
        is_listening: *fields.get(3)? == LISTEN,
        receive_queue: u64::from_str_radix(receive_queue, 16).ok()?,
    })
}

/// Parses `0100007F:1F90`: hexadecimal groups of 32 bits, in the byte order of the machine, and the
/// port.
fn parse_address(text: &str) -> Option<SocketAddr> {
    let (digits, port) = text.split_once(':')?;
    let group = |index: usize| {
        let digits = digits.get(index * 8..index * 8 + 8)?;
        Some(u32::from_str_radix(digits, 16).ok()?.to_ne_bytes())
    };
    let address: IpAddr = match digits.len() {
        8 => Ipv4Addr::from(group(0)?).into(),
        _ => {
            let bytes = [group(0)?, group(1)?, group(2)?, group(3)?].concat();
            Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?).to_canonical()
        }
    };
    Some(SocketAddr::new(
        address,
        u16::from_str_radix(port, 16).ok()?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn addresses_are_read_as_the_kernel_spells_them() {
        let spelt = |bytes: [u8; 4]| format!("{:08X}", u32::from_ne_bytes(bytes));
        let v4 = format!("{}:1F90", spelt([127, 0, 0, 1]));
        assert_eq!(parse_address(&v4), Some("127.0.0.1:8080".parse().unwrap()));
        let loopback = [[0; 4], [0; 4], [0; 4], [0, 0, 0, 1]].map(spelt).concat();
        let v6 = format!("{loopback}:0050");
        assert_eq!(parse_address(&v6), Some("[::1]:80".parse().unwrap()));
        for wrong in ["", "0100007F", "0100:1F90", "x:y", "0100007F:12345"] {
            assert_eq!(parse_address(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_listener_and_its_queue_are_found() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let pid = std::process::id();
        let kept = Kept::open();
        let waiting = || {
            let now = accept_queue(pid, address, None);
            assert_eq!(accept_queue(pid, address, Some(&kept)), now);
            now
        };
        assert_eq!(waiting(), Some((0, 1)));
        let client = std::net::TcpStream::connect(address).unwrap();
        assert_eq!(waiting(), Some((1, 1)));
        let (accepted, _) = listener.accept().unwrap();
        assert_eq!(waiting(), Some((0, 1)));
        assert!(socket_inode(pid, std::os::fd::AsRawFd::as_raw_fd(&accepted)).is_some());
        assert_eq!(socket_inode(pid, 0), None, "standard input is no socket");
        drop(client);
        drop(listener);
        assert_eq!(waiting(), None);
    }
}
