//! The request target (RFC 9112 §3.2) and the authority that Host carries.

use std::ops::Range;

use super::method::Method;
use super::refusal::Refusal;
use super::status::Status;

/// A request target, as ranges of the head's bytes.
#[derive(Debug, Default, Clone)]
pub(super) struct Target {
    /// The target as the client wrote it.
    pub(super) whole: Range<usize>,
    /// The authority of an absolute-form, which overrides Host (RFC 9112 §3.2.2).
    pub(super) authority: Option<Range<usize>>,
    /// From the first `/` up to the query. Empty in `http://host`, which means `/`.
    pub(super) path: Range<usize>,
    /// What follows the first `?`.
    pub(super) query: Option<Range<usize>>,
}

impl Target {
    /// Parses `input[whole]`; which of the four forms is allowed depends on the method.
    pub(super) fn parse(
        input: &[u8],
        whole: Range<usize>,
        method: Method,
    ) -> Result<Self, Refusal> {
        let text = &input[whole.clone()];
        if !text.iter().all(|byte| may_stand_in_target(*byte)) {
            return Err(Refusal::bad(
                "the request target holds a character that a URI must percent-encode",
            ));
        }
        match text {
            _ if method == Method::Connect => Self::parse_authority(input, whole),
            [b'/', ..] => Ok(Self::split(input, whole.clone(), None, whole)),
            b"*" if method == Method::Options => Ok(Self {
                path: whole.clone(),
                whole,
                ..Self::default()
            }),
            b"*" => Err(Refusal::bad("the target '*' belongs to OPTIONS alone")),
            _ => Self::parse_absolute(input, whole),
        }
    }

    /// Parses `http://authority/path?query`.
    fn parse_absolute(input: &[u8], whole: Range<usize>) -> Result<Self, Refusal> {
        let text = &input[whole.clone()];
        let starts_with = |scheme: &[u8]| {
            text.get(..scheme.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
        };
        // RFC 9110 §7.4: an `https` resource may only be requested over a secured connection, and
        // this server has none.
        if starts_with(b"https://") {
            return Err(Refusal::new(
                Status::MISDIRECTED_REQUEST,
                "an https URL was requested over a connection that is not secured",
            ));
        }
        if !starts_with(b"http://") {
            return Err(Refusal::bad(
                "the request target is neither a path nor an http URL",
            ));
        }
        let scheme = b"http://";
        let rest = &text[scheme.len()..];
        let end = rest
            .iter()
            .position(|byte| b"/?".contains(byte))
            .unwrap_or(rest.len());
        let start = whole.start + scheme.len();
        let authority = start..start + end;
        if end == 0 || !is_authority(&rest[..end]) {
            return Err(Refusal::bad("the request target has no valid host"));
        }
        let rest = authority.end..whole.end;
        Ok(Self::split(input, whole, Some(authority), rest))
    }

    /// Parses `host:port`, for CONNECT, where the port has no default (RFC 9110 §9.3.6).
    fn parse_authority(input: &[u8], whole: Range<usize>) -> Result<Self, Refusal> {
        let text = &input[whole.clone()];
        if !is_authority(text) || !names_port(text) {
            return Err(Refusal::bad("CONNECT takes 'host:port'"));
        }
        Ok(Self {
            authority: Some(whole.clone()),
            path: whole.clone(),
            whole,
            query: None,
        })
    }

    /// Divides `rest` at its first `?`.
    fn split(
        input: &[u8],
        whole: Range<usize>,
        authority: Option<Range<usize>>,
        rest: Range<usize>,
    ) -> Self {
        match memchr::memchr(b'?', &input[rest.clone()]) {
            None => Self {
                whole,
                authority,
                path: rest,
                query: None,
            },
            Some(at) => {
                let path = rest.start..rest.start + at;
                let query = Some(path.end + 1..rest.end);
                Self {
                    whole,
                    authority,
                    path,
                    query,
                }
            }
        }
    }
}

/// Whether this is `host` or `host:port` (RFC 3986 §3.2). The empty host is valid: a client whose
/// target has no authority must send an empty Host (RFC 9110 §7.2).
pub(super) fn is_authority(text: &[u8]) -> bool {
    let (host, port) = match text.iter().rposition(|&byte| byte == b':') {
        Some(at) if !text.ends_with(b"]") => (&text[..at], &text[at + 1..]),
        _ => (text, &b""[..]),
    };
    let is_host = match host {
        [b'[', b'v' | b'V', future @ .., b']'] => is_future_address(future),
        [b'[', inner @ .., b']'] => std::str::from_utf8(inner)
            .is_ok_and(|inner| inner.parse::<std::net::Ipv6Addr>().is_ok()),
        _ => host.iter().all(|&byte| is_reg_name(byte)) || is_escaped_name(host),
    };
    is_host && is_port(port)
}

/// Printable ASCII, without the characters that a URI must escape (RFC 3986 §2). Peers accept some
/// of them, but RFC 9112 §3.2 advises against that: a filter in front of this server might read
/// such a line in another way.
fn may_stand_in_target(byte: u8) -> bool {
    let must_be_escaped = matches!(
        byte,
        b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' | b'#'
    );
    byte.is_ascii_graphic() && !must_be_escaped
}

/// Whether this is an `IPvFuture` without its `v`: a hexadecimal version, a dot, and an address in
/// a format that is yet to be defined (RFC 3986 §3.2.2).
#[cold]
fn is_future_address(text: &[u8]) -> bool {
    let Some(dot) = memchr::memchr(b'.', text) else {
        return false;
    };
    let (version, address) = (&text[..dot], &text[dot + 1..]);
    let is_address = |&byte: &u8| is_reg_name(byte) || byte == b':';
    !version.is_empty()
        && version.iter().all(u8::is_ascii_hexdigit)
        && !address.is_empty()
        && address.iter().all(is_address)
}

/// Whether this is a port, which may be empty. RFC 3986 §3.2.3 sets no bound on the number, but
/// TCP does: 65535.
fn is_port(digits: &[u8]) -> bool {
    let port = digits.iter().try_fold(0u16, |sum, byte| {
        let digit = byte.is_ascii_digit().then(|| u16::from(byte - b'0'))?;
        sum.checked_mul(10)?.checked_add(digit)
    });
    port.is_some()
}

/// Whether an authority has a host that is not empty and a port from 1 to 65535.
fn names_port(authority: &[u8]) -> bool {
    let text = std::str::from_utf8(authority).unwrap_or_default();
    let Some((host, port)) = text.rsplit_once(':') else {
        return false;
    };
    !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0)
}

/// Whether a registered name may hold this character without an escape: *unreserved* and
/// *sub-delims* of RFC 3986.
fn is_reg_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(&byte)
}

/// Whether this is a registered name with escapes, each a percent sign and two hexadecimal digits.
#[cold]
fn is_escaped_name(name: &[u8]) -> bool {
    let mut parts = name.split(|&byte| byte == b'%');
    let is_plain = |part: &[u8]| part.iter().all(|&byte| is_reg_name(byte));
    parts.next().is_none_or(is_plain)
        && parts.all(|part| {
            let (digits, rest) = part.split_at(part.len().min(2));
            digits.len() == 2 && digits.iter().all(u8::is_ascii_hexdigit) && is_plain(rest)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_an_authority_when_it_sees_one() {
        for good in [
            "",
            "localhost",
            "localhost:80",
            "127.0.0.1:8080",
            "[::1]",
            "[::1]:80",
            "[v1.a]",
            "[V1F.a:b~$]:80",
            "a:",
            "a:65535",
            "a:000080",
            "a%41%c3%A4b",
            "%2F",
        ] {
            assert!(is_authority(good.as_bytes()), "{good}");
        }
        for bad in [
            "a b",
            "a/b",
            "user@host",
            "a:b",
            "[::1",
            "::1",
            "[x]",
            "[v1]",
            "[v1.]",
            "[v.a]",
            "[vg.a]",
            "[v1.a b]",
            "[v1.a",
            "[v1.[]",
            "a:123456",
            "a:65536",
            "a:+1",
            "a:-1",
            "a%zz",
            "a%4",
            "a%",
            "%%41",
            "a%41/",
            "a,b c",
        ] {
            assert!(!is_authority(bad.as_bytes()), "{bad}");
        }
    }
}
