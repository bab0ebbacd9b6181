//! A parsed URL and the addresses to which it leads.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::str::FromStr;

/// Where a connection leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// An IP address and a TCP port.
    Inet(SocketAddr),
    /// A socket in the file system (unix(7)).
    Unix(PathBuf),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inet(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// A parsed URL and the addresses to which its host resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The addresses to try, in this order. Never empty.
    pub addresses: Vec<Address>,
    /// Host and port, as the Host field says them.
    pub authority: String,
    /// Path and query, starting with `/`.
    pub path: String,
}

/// Why a URL is no target.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// Neither `http://` nor any other scheme.
    #[error("'{0}' is no URL: it should start with http:// or unix:")]
    NoScheme(String),
    /// TLS. The sentence says why it is absent.
    #[error(
        "https:// is not supported: TLS costs every server model the same, and that cost would \
         hide the differences to be measured; put http://, or measure behind a TLS proxy"
    )]
    Https,
    /// A scheme other than http, https and unix.
    #[error("unknown scheme '{0}': only http:// and unix: are supported")]
    Scheme(String),
    /// Nothing between `//` and the path.
    #[error("'{0}' names no host")]
    NoHost(String),
    /// `unix:` without the path of a socket.
    #[error("'{0}' names no socket: write unix:/PATH/TO/SOCKET or unix:/SOCKET:/URL/PATH")]
    NoSocket(String),
    /// A port that is not a number up to 65535, in digits alone.
    #[error("'{0}' is no port: a port is a number from 0 to 65535")]
    Port(String),
    /// Characters that would not survive in a request line or Host field.
    #[error("{0:?} may not stand in a URL as it is: percent-encode it")]
    Character(char),
    /// A user name or password before the host.
    #[error("'{0}' carries a user name, which is not supported")]
    User(String),
    /// The resolver knows no address.
    #[error("cannot resolve the host '{host}': {reason}")]
    Unresolvable {
        /// The host's name.
        host: String,
        /// What the resolver said.
        reason: io::Error,
    },
}

impl Target {
    /// The target of a server whose address is known.
    pub fn at(address: SocketAddr, path: impl Into<String>) -> Self {
        Self {
            addresses: vec![Address::Inet(address)],
            authority: address.to_string(),
            path: path.into(),
        }
    }

    /// The target that a result names. Nothing is resolved: the host may not be known here.
    ///
    /// # Errors
    /// What is no URL.
    pub fn named(url: &str, address: Option<SocketAddr>) -> Result<Self, TargetError> {
        parse(url, |_, port| {
            let unknown = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
            Ok(vec![Address::Inet(address.unwrap_or(unknown))])
        })
    }

    /// The IP addresses among its addresses; none for a Unix socket.
    pub fn inet_addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.addresses.iter().filter_map(|address| match address {
            Address::Inet(address) => Some(*address),
            Address::Unix(_) => None,
        })
    }
}

impl FromStr for Target {
    type Err = TargetError;

    /// Parses `http://HOST[:PORT][/PATH][?QUERY]` (RFC 3986, RFC 9110 section 4.2.1) and resolves
    /// the host. IPv6 addresses stand in brackets. A fragment is left out, as it is never sent.
    /// `unix:SOCKET[:/PATH]` leads to a Unix socket, as in nginx's `proxy_pass`.
    fn from_str(url: &str) -> Result<Self, TargetError> {
        parse(url, resolve)
    }
}

/// Parses a URL; `resolve` knows the addresses of its host and port.
fn parse(
    url: &str,
    resolve: impl Fn(&str, u16) -> Result<Vec<Address>, TargetError>,
) -> Result<Target, TargetError> {
    if let Some(wrong) = url.chars().find(|c| !c.is_ascii_graphic()) {
        return Err(TargetError::Character(wrong));
    }
    if let Some(socket) = url.strip_prefix("unix:") {
        return unix(socket, url);
    }
    let (scheme, rest) = url
        .split_once("://")
        .ok_or_else(|| TargetError::NoScheme(url.to_owned()))?;
    if scheme.eq_ignore_ascii_case("https") {
        return Err(TargetError::Https);
    }
    if !scheme.eq_ignore_ascii_case("http") {
        return Err(TargetError::Scheme(scheme.to_owned()));
    }
    let rest = rest.split('#').next().unwrap_or_default();
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let (host, port) = host_and_port(authority, url)?;
    Ok(Target {
        addresses: resolve(host, port)?,
        authority: authority.to_owned(),
        path: if path.starts_with('/') {
            path.to_owned()
        } else {
            format!("/{path}")
        },
    })
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.addresses.first() {
            Some(Address::Unix(socket)) => write!(f, "unix:{}:{}", socket.display(), self.path),
            _ => write!(f, "http://{}{}", self.authority, self.path),
        }
    }
}

fn unix(socket: &str, url: &str) -> Result<Target, TargetError> {
    let (socket, path) = socket.split_once(':').unwrap_or((socket, "/"));
    if socket.is_empty() || !path.starts_with('/') {
        return Err(TargetError::NoSocket(url.to_owned()));
    }
    Ok(Target {
        addresses: vec![Address::Unix(socket.into())],
        // A Host field is required (RFC 9112 section 3.2), and a socket has no name of its own.
        authority: "localhost".to_owned(),
        path: path.to_owned(),
    })
}

fn host_and_port<'a>(authority: &'a str, url: &str) -> Result<(&'a str, u16), TargetError> {
    if authority.contains('@') {
        return Err(TargetError::User(url.to_owned()));
    }
    // The colons within [::1] are the address's own.
    let after_host = authority.find(']').map_or(0, |bracket| bracket + 1);
    let (host, port) = match authority[after_host..].split_once(':') {
        Some((rest, port)) => (&authority[..after_host + rest.len()], port),
        None => (authority, ""),
    };
    let host = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    if host.is_empty() {
        return Err(TargetError::NoHost(url.to_owned()));
    }
    let is_number = port.bytes().all(|byte| byte.is_ascii_digit());
    match port {
        "" => Ok((host, 80)),
        // `parse` alone would accept a sign.
        digits if is_number => digits.parse().or(Err(port)).map(|port| (host, port)),
        other => Err(other),
    }
    .map_err(|port| TargetError::Port(port.to_owned()))
}

/// All addresses, each once, those of IPv4 first: many a server listens on 127.0.0.1 alone, while
/// `localhost` names ::1 first.
fn resolve(host: &str, port: u16) -> Result<Vec<Address>, TargetError> {
    let unresolvable = |reason| TargetError::Unresolvable {
        host: host.to_owned(),
        reason,
    };
    let found = (host, port).to_socket_addrs().map_err(unresolvable)?;
    let mut addresses: Vec<SocketAddr> = found.map(reachable).collect();
    addresses.sort_by_key(SocketAddr::is_ipv6);
    addresses.dedup();
    if addresses.is_empty() {
        return Err(unresolvable(io::ErrorKind::NotFound.into()));
    }
    Ok(addresses.into_iter().map(Address::Inet).collect())
}

/// 0.0.0.0 is an address to listen on. As a destination, Linux takes it for 127.0.0.1.
fn reachable(address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => (Ipv4Addr::LOCALHOST, address.port()).into(),
        _ => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(url: &str) -> (String, String, String) {
        let target: Target = url.parse().unwrap();
        let addresses: Vec<String> = target.addresses.iter().map(ToString::to_string).collect();
        (addresses.join(" "), target.authority, target.path)
    }

    fn complaint(url: &str) -> String {
        url.parse::<Target>().unwrap_err().to_string()
    }

    #[test]
    fn urls_come_apart() {
        for (url, address, authority, path) in [
            ("http://127.0.0.1", "127.0.0.1:80", "127.0.0.1", "/"),
            (
                "HTTP://127.0.0.1:8080/a?b=c#d",
                "127.0.0.1:8080",
                "127.0.0.1:8080",
                "/a?b=c",
            ),
            (
                "http://127.0.0.1:81?x=/y",
                "127.0.0.1:81",
                "127.0.0.1:81",
                "/?x=/y",
            ),
            ("http://[::1]:80/", "[::1]:80", "[::1]:80", "/"),
            ("http://[::1]", "[::1]:80", "[::1]", "/"),
            ("unix:/run/s.sock", "unix:/run/s.sock", "localhost", "/"),
            (
                "unix:s.sock:/a?b=c:d",
                "unix:s.sock",
                "localhost",
                "/a?b=c:d",
            ),
        ] {
            assert_eq!(
                parts(url),
                (address.into(), authority.into(), path.into()),
                "{url}"
            );
        }
        for url in ["http://127.0.0.1:1/x", "unix:/a:/x"] {
            let target: Target = url.parse().unwrap();
            assert_eq!(target.to_string(), url);
        }
    }

    #[test]
    fn complaints_name_what_is_wrong() {
        for (url, words) in [
            ("127.0.0.1:8080", "should start with http://"),
            (
                "https://127.0.0.1/",
                "TLS costs every server model the same",
            ),
            ("ftp://127.0.0.1/", "unknown scheme 'ftp'"),
            ("http:///path", "names no host"),
            ("http://:80/", "names no host"),
            ("http://127.0.0.1:99999/", "'99999' is no port"),
            ("http://127.0.0.1:x/", "'x' is no port"),
            ("http://h::80/", "':80' is no port"),
            ("http://h:+80/", "'+80' is no port"),
            ("http://127.0.0.1/a b", "' ' may not stand in a URL"),
            ("http://127.0.0.1/\r\nX: y", "'\\r' may not stand in a URL"),
            ("http://me@127.0.0.1/", "carries a user name"),
            ("unix:", "names no socket"),
            ("unix:/s:x", "names no socket"),
            (
                "http://name.invalid/",
                "cannot resolve the host 'name.invalid'",
            ),
        ] {
            let complaint = complaint(url);
            assert!(complaint.contains(words), "{url}: {complaint}");
        }
    }
}
