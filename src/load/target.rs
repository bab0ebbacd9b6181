//! A parsed URL and where it leads.

use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::str::FromStr;

/// A parsed `http://` URL and the address that it resolved to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The address to connect to.
    pub address: SocketAddr,
    /// Host and port, as the Host field says them.
    pub authority: String,
    /// Path and query, starting with `/`.
    pub path: String,
}

/// Why a URL is no target.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// Neither `http://` nor any other scheme.
    #[error("'{0}' is no URL: it should start with http://")]
    NoScheme(String),
    /// A scheme that is not spoken here.
    #[error("unknown scheme '{0}': only http:// is spoken here")]
    Scheme(String),
    /// Nothing between `//` and the path.
    #[error("'{0}' names no host")]
    NoHost(String),
    /// A port that is not a number up to 65535.
    #[error("'{0}' is no port")]
    Port(String),
    /// Characters that would not survive in a request line or Host field.
    #[error("{0:?} may not stand in a URL as it is: percent-encode it")]
    Character(char),
    /// A user name or password.
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

impl FromStr for Target {
    type Err = TargetError;

    /// Parses `http://HOST[:PORT][/PATH][?QUERY]` (RFC 3986, RFC 9110 section 4.2.1) and resolves
    /// the host. IPv6 addresses stand in brackets. A fragment is left out, as it is never sent.
    fn from_str(url: &str) -> Result<Self, TargetError> {
        if let Some(wrong) = url.chars().find(|c| !c.is_ascii_graphic()) {
            return Err(TargetError::Character(wrong));
        }
        let (scheme, rest) = url
            .split_once("://")
            .ok_or_else(|| TargetError::NoScheme(url.to_owned()))?;
        if !scheme.eq_ignore_ascii_case("http") {
            return Err(TargetError::Scheme(scheme.to_owned()));
        }
        let rest = rest.split('#').next().unwrap_or_default();
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let (host, port) = host_and_port(authority, url)?;
        Ok(Self {
            address: resolve(host, port)?,
            authority: authority.to_owned(),
            path: if path.starts_with('/') {
                path.to_owned()
            } else {
                format!("/{path}")
            },
        })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}{}", self.authority, self.path)
    }
}

fn host_and_port<'a>(authority: &'a str, url: &str) -> Result<(&'a str, u16), TargetError> {
    if authority.contains('@') {
        return Err(TargetError::User(url.to_owned()));
    }
    // The colons within [::1] are the address's own.
    let after_host = authority.find(']').map_or(0, |bracket| bracket + 1);
    let (host, port) = match authority[after_host..].find(':') {
        Some(colon) => authority.split_at(after_host + colon),
        None => (authority, ""),
    };
    let host = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    if host.is_empty() {
        return Err(TargetError::NoHost(url.to_owned()));
    }
    match port.trim_start_matches(':') {
        "" => Ok((host, 80)),
        digits => digits
            .parse()
            .map(|port| (host, port))
            .or(Err(TargetError::Port(digits.into()))),
    }
}

/// An IPv4 address where there is one: many a server listens on 127.0.0.1 alone, while
/// `localhost` names ::1 first.
fn resolve(host: &str, port: u16) -> Result<SocketAddr, TargetError> {
    let unresolvable = |reason| TargetError::Unresolvable {
        host: host.to_owned(),
        reason,
    };
    let addresses: Vec<SocketAddr> = (host, port)
        .to_socket_addrs()
        .map_err(unresolvable)?
        .collect();
    let preferred = addresses
        .iter()
        .find(|address| address.is_ipv4())
        .or(addresses.first());
    preferred
        .copied()
        .ok_or_else(|| unresolvable(io::ErrorKind::NotFound.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(url: &str) -> (String, String, String) {
        let target: Target = url.parse().unwrap();
        (target.address.to_string(), target.authority, target.path)
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
        ] {
            assert_eq!(
                parts(url),
                (address.into(), authority.into(), path.into()),
                "{url}"
            );
        }
        let target: Target = "http://127.0.0.1:1/x".parse().unwrap();
        assert_eq!(target.to_string(), "http://127.0.0.1:1/x");
    }

    #[test]
    fn complaints_name_what_is_wrong() {
        for (url, words) in [
            ("127.0.0.1:8080", "should start with http://"),
            ("https://127.0.0.1/", "unknown scheme 'https'"),
            ("http:///path", "names no host"),
            ("http://:80/", "names no host"),
            ("http://127.0.0.1:99999/", "'99999' is no port"),
            ("http://127.0.0.1:x/", "'x' is no port"),
            ("http://127.0.0.1/a b", "' ' may not stand in a URL"),
            ("http://127.0.0.1/\r\nX: y", "'\\r' may not stand in a URL"),
            ("http://me@127.0.0.1/", "carries a user name"),
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
