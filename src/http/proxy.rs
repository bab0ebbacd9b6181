//! The PROXY protocol: what a load balancer says of its client, in front of the first request.
//!
//! ```text
//!   version 1   PROXY TCP4 192.0.2.7 10.0.0.1 51234 80␍␊
//!   version 2   ␍␊␍␊␀␍␊QUIT␊  command  family  length  addresses, ports, anything else
//! ```
//!
//! HAProxy's `doc/proxy-protocol.txt` is the reference. A balancer sends the header in any case,
//! and a server that expects it serves no connection without one: otherwise a client could choose
//! between speaking for itself and naming another address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// How version 2 begins. No request and no header of version 1 does.
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// Behind the signature: version and command, family and transport, two bytes of length.
const FIXED: usize = SIGNATURE.len() + 4;
const TEXT: &[u8] = b"PROXY ";
/// The longest header of version 1, with its line end (section 2.1).
const TEXT_MAX: usize = 107;
/// The longest header of version 2. Addresses take 216 bytes at most; what follows them (the name
/// in a certificate, say) is dropped unread.
const BINARY_MAX: usize = 2048;

/// A header at the beginning of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    /// How many bytes it has.
    pub(super) length: usize,
    /// The balancer's client; `None` if the connection is the balancer's own, as for a check.
    pub(super) client: Option<SocketAddr>,
}

/// Parses the beginning of a connection. `None` means that more bytes are needed. What begins like
/// neither version is refused with its first wrong byte. A line is judged at its end, version 2
/// after its first sixteen bytes.
pub(super) fn parse(input: &[u8]) -> Result<Option<Header>, &'static str> {
    let begins = |with: &[u8]| input.starts_with(&with[..with.len().min(input.len())]);
    match (begins(TEXT), begins(SIGNATURE)) {
        (true, _) => text(input),
        (_, true) => binary(input),
        _ => Err("no PROXY header"),
    }
}

/// Version 1: a line. Only the first `TEXT_MAX` bytes are searched, so a line that is too long is
/// refused before it ends.
fn text(input: &[u8]) -> Result<Option<Header>, &'static str> {
    let seen = &input[..input.len().min(TEXT_MAX)];
    let Some(end) = memchr::memchr(b'\n', seen) else {
        return match seen.len() {
            TEXT_MAX => Err("a PROXY line that is too long"),
            _ => Ok(None),
        };
    };
    let line = seen[..end].strip_suffix(b"\r");
    let line = line.and_then(|line| std::str::from_utf8(line).ok());
    let client = line.and_then(of_line).ok_or("a malformed PROXY line")?;
    let length = end + 1;
    Ok(Some(Header { length, client }))
}

/// The client in a line without its end; the outer `None` if it is malformed.
fn of_line(line: &str) -> Option<Option<SocketAddr>> {
    let mut words = line.split(' ').skip(1);
    let family = words.next()?;
    if family == "UNKNOWN" {
        return Some(None);
    }
    let mut address = || -> Option<IpAddr> { words.next()?.parse().ok() };
    let (source, destination) = (address()?, address()?);
    let is_of_family = |it: IpAddr| match family {
        "TCP4" => it.is_ipv4(),
        "TCP6" => it.is_ipv6(),
        _ => false,
    };
    let mut port = || number(words.next()?);
    let (source_port, _) = (port()?, port()?);
    let is_whole = words.next().is_none();
    (is_whole && is_of_family(source) && is_of_family(destination))
        .then(|| Some(SocketAddr::new(source, source_port)))
}

/// A port without a sign or a zero in front.
fn number(word: &str) -> Option<u16> {
    let is_plain = word.bytes().all(|it| it.is_ascii_digit());
    let is_shortest = word == "0" || !word.starts_with('0');
    (is_plain && is_shortest).then(|| word.parse().ok())?
}

/// Version 2: sixteen bytes, and as many more as they say.
fn binary(input: &[u8]) -> Result<Option<Header>, &'static str> {
    let Some((fixed, rest)) = input.split_at_checked(FIXED) else {
        return Ok(None);
    };
    let [command, family, high, low] = fixed[SIGNATURE.len()..] else {
        return Ok(None);
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    if FIXED + length > BINARY_MAX {
        return Err("a PROXY header that is too long");
    }
    let malformed = Err("a malformed PROXY header");
    // The addresses of source and destination, and their ports.
    let least = match (command, family) {
        // LOCAL: the balancer speaks for itself. Its address is that of the socket.
        (0x20, _) => 0,
        // PROXY, for a client without an address that means anything here: unknown, Unix socket.
        (0x21, 0x00 | 0x31) => 0,
        (0x21, TCP4) => 2 * (4 + 2),
        (0x21, TCP6) => 2 * (16 + 2),
        _ => return malformed,
    };
    if length < least {
        return malformed;
    }
    let Some(addresses) = rest.get(..length) else {
        return Ok(None);
    };
    let client = match (command, family) {
        (0x21, TCP4) => client::<4, Ipv4Addr>(addresses),
        (0x21, TCP6) => client::<16, Ipv6Addr>(addresses),
        _ => None,
    };
    let length = FIXED + length;
    Ok(Some(Header { length, client }))
}

const TCP4: u8 = 0x11;
const TCP6: u8 = 0x21;

/// The source among two addresses of `N` bytes and two ports.
fn client<const N: usize, A: From<[u8; N]> + Into<IpAddr>>(addresses: &[u8]) -> Option<SocketAddr> {
    let source = addresses.first_chunk::<N>()?;
    let port = addresses.get(2 * N..)?.first_chunk::<2>()?;
    let address = A::from(*source).into();
    Some(SocketAddr::new(address, u16::from_be_bytes(*port)))
}

#[cfg(test)]
#[path = "tests/proxy.rs"]
mod tests;
