//! The access log: a line for each answered request, in the formats of Apache's `mod_log_config`.
//!
//! ```text
//! 192.0.2.7 - - [28/Nov/2026:17:10:43 +0000] "GET /pid HTTP/1.1" 200 17 "-" "curl/8.5" 84
//! └ %h      %l %u └ %t                         └ %r           %>s ┘ %b ┘   └ fields       └ %D
//! ```
//!
//! The line is written when the answer is ready and before it is sent: all eleven models answer
//! through `Server::respond`, and from there each request has exactly one line. So the bytes are
//! those of the content, even if the client leaves before it has them, and the time is the
//! handler's, without that of a slow client.
//!
//! Without `--access-log` nothing here runs: no clock is read, no memory is used. With it a line is
//! made on the stack and appended by one system call, a second call asks for the client's address.

use std::cell::Cell;
use std::fmt::{self, Write};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::http::{Conn, Request};
use crate::sys::calendar::Calendar;
use crate::sys::errors::plain;
use crate::sys::line_counts::Common;
use crate::sys::log_files::LogFile;
use crate::sys::net;
use crate::sys::outage::Outage;

/// What a line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessFormat {
    /// `%h %l %u %t "%r" %>s %b`: the Common Log Format.
    Common,
    /// The same with Referer and User-agent.
    Combined,
    /// The same with the time of the handler in microseconds (`%D`).
    Timed,
}

/// The settings of the access log. The file is open already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccessLog {
    /// What a line says.
    pub format: AccessFormat,
    /// The client is the last address of X-Forwarded-For, which a proxy has added.
    pub is_forwarded: bool,
}

/// A pipe takes so many bytes in one piece (PIPE_BUF in `pipe(7)`). A longer line is cut.
pub const LINE_BYTES_MAX: usize = 4096;
/// Room for the request line and for each of the two fields, escapes included. With the rest of the
/// line they stay below [`LINE_BYTES_MAX`].
const REQUEST_BYTES_MAX: usize = 2000;
const FIELD_BYTES_MAX: usize = 900;

/// The disk is full, or the reader of a pipe is late.
static LOST: Outage = Outage::common("lines of the access log are lost", Common::AccessLog);

thread_local! {
    /// The date that was rendered last, and until when it is right, as for the Date field.
    static RENDERED: Cell<Option<(Instant, Date)>> = const { Cell::new(None) };
}

impl AccessLog {
    /// Appends the line of the request that `conn` has just answered to `client`.
    #[inline(never)]
    pub(super) fn note(self, conn: &Conn<'_>, client: &impl AsFd, took: Duration) {
        let mut line = Line::new();
        let request = conn.last_request();
        let forwarded = request
            .filter(|_| self.is_forwarded)
            .and_then(forwarded_for);
        let proxied = || Some(conn.client()?.ip());
        let peer = || Some(net::peer(client)?.ip());
        match forwarded.or_else(proxied).or_else(peer) {
            Some(address) => line.add_text(format_args!("{address}")),
            // A Unix socket, or a client that has gone.
            None => line.add(b"-"),
        }
        line.add(b" - - [");
        line.add(&date(conn.since()));
        line.add(b"] \"");
        line.add_escaped(conn.last_line(), REQUEST_BYTES_MAX);
        let answer = conn.answer();
        line.add_text(format_args!("\" {} ", answer.status.code()));
        match answer.content_bytes {
            0 => line.add(b"-"),
            bytes => line.add_text(format_args!("{bytes}")),
        }
        if self.format != AccessFormat::Common {
            for name in ["referer", "user-agent"] {
                line.add(b" \"");
                let value = request.and_then(|it| it.field(name));
                line.add_escaped(value.unwrap_or_default(), FIELD_BYTES_MAX);
                line.add(b"\"");
            }
        }
        if self.format == AccessFormat::Timed {
            line.add_text(format_args!(" {}", took.as_micros()));
        }
        line.add(b"\n");
        match LogFile::Access.append(line.bytes()) {
            Ok(()) => LOST.worked(),
            Err(error) => LOST.failed(plain(&error.into())),
        }
    }
}

/// The last address of the last X-Forwarded-For: the one that the proxy nearest to this server has
/// seen. A client can write the others.
fn forwarded_for(request: Request<'_>) -> Option<IpAddr> {
    let fields = request.fields();
    let lists = fields.filter(|(name, _)| name.eq_ignore_ascii_case("x-forwarded-for"));
    let last = lists.last()?.1.rsplit(|&byte| byte == b',').next()?;
    let text = std::str::from_utf8(last).ok()?.trim();
    let inner = text.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    let address = inner.unwrap_or(text).parse().ok();
    address.or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip()))
}

/// `28/Nov/2026:17:10:43 +0000`.
type Date = [u8; 26];

/// The date at `now`, a moment that is past by less than a second.
fn date(now: Instant) -> Date {
    match RENDERED.get() {
        Some((until, date)) if now < until => date,
        _ => {
            let since = SystemTime::now().duration_since(UNIX_EPOCH);
            let since = since.unwrap_or_default();
            let begun = Duration::from_nanos(since.subsec_nanos().into());
            let date = render(since);
            RENDERED.set(Some((now + (Duration::from_secs(1) - begun), date)));
            date
        }
    }
}

fn render(since_1970: Duration) -> Date {
    const MONTHS: &[u8; 36] = b"JanFebMarAprMayJunJulAugSepOctNovDec";
    let at = Calendar::at(since_1970);
    let mut date = *b"00/Mon/0000:00:00:00 +0000";
    let mut put = |start: usize, digits: usize, number: u64| {
        let mut rest = number;
        for place in date[start..start + digits].iter_mut().rev() {
            *place = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
    };
    put(0, 2, at.day);
    put(7, 4, at.year);
    put(12, 2, at.hour);
    put(15, 2, at.minute);
    put(18, 2, at.second);
    let month = (at.month as usize - 1) * 3;
    date[3..6].copy_from_slice(&MONTHS[month..month + 3]);
    date
}

/// A line that is made on the stack.
struct Line {
    bytes: [u8; LINE_BYTES_MAX],
    filled: usize,
}

impl Line {
    fn new() -> Self {
        Self {
            bytes: [0; LINE_BYTES_MAX],
            filled: 0,
        }
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.filled]
    }

    /// Adds bytes; those that do not fit are left out.
    fn add(&mut self, bytes: &[u8]) {
        let room = &mut self.bytes[self.filled..];
        let fitting = bytes.len().min(room.len());
        room[..fitting].copy_from_slice(&bytes[..fitting]);
        self.filled += fitting;
    }

    fn add_text(&mut self, text: fmt::Arguments<'_>) {
        // The writer below never fails.
        let _ = self.write_fmt(text);
    }

    /// Adds what a client has sent, as Apache does: no byte of it can end the quotation or the
    /// line. `-` stands for nothing, and `...` at the end for what has no room.
    fn add_escaped(&mut self, text: &[u8], room: usize) {
        if text.is_empty() {
            return self.add(b"-");
        }
        let end = self.filled + room;
        for &byte in text {
            const HEX: &[u8; 16] = b"0123456789abcdef";
            let (high, low) = (HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]);
            let hex = [b'\\', b'x', high, low];
            let own = [byte];
            let escaped: &[u8] = match byte {
                b'"' => b"\\\"",
                b'\\' => b"\\\\",
                0x08 => b"\\b",
                b'\n' => b"\\n",
                b'\r' => b"\\r",
                b'\t' => b"\\t",
                0x0b => b"\\v",
                b' '..=b'~' => &own,
                _ => &hex,
            };
            if self.filled + escaped.len() > end {
                return self.add(b"...");
            }
            self.add(escaped);
        }
    }
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.add(text.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(text: &[u8], room: usize) -> String {
        let mut line = Line::new();
        line.add_escaped(text, room);
        String::from_utf8(line.bytes().to_vec()).unwrap()
    }

    #[test]
    fn no_byte_of_a_client_ends_the_quotation_or_the_line() {
        for (text, line) in [
            (&b""[..], "-"),
            (b"GET / HTTP/1.1", "GET / HTTP/1.1"),
            (b"a\" 200 1 \"b\\", "a\\\" 200 1 \\\"b\\\\"),
            (b"\r\n\t\x08\x0b", "\\r\\n\\t\\b\\v"),
            (b"\x00\x1b[2J\x7f\xc3\xa4", "\\x00\\x1b[2J\\x7f\\xc3\\xa4"),
        ] {
            assert_eq!(escaped(text, 100), line);
        }
        let all: Vec<u8> = (0..=255).collect();
        let line = escaped(&all, 2000);
        assert!(line.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
    }

    #[test]
    fn a_long_text_is_cut_between_two_escapes() {
        assert_eq!(escaped(b"abcdef", 6), "abcdef");
        assert_eq!(escaped(b"abcdefg", 6), "abcdef...");
        assert_eq!(escaped(b"abc\xff\xff", 8), "abc\\xff...");
        let fields = REQUEST_BYTES_MAX + 2 * FIELD_BYTES_MAX + 3 * "...".len();
        const REST: &str = "2001:db8:ffff:ffff:ffff:ffff:255.255.255.255 - - [] \"\" 200 \
            18446744073709551615 \"\" \"\" 340282366920938463463374607431768211455\n";
        assert!(fields + REST.len() + size_of::<Date>() <= LINE_BYTES_MAX);
    }

    #[test]
    fn dates_are_those_of_apache() {
        let at = |seconds| String::from_utf8(render(Duration::from_secs(seconds)).to_vec());
        assert_eq!(at(784_111_777).unwrap(), "06/Nov/1994:08:49:37 +0000");
        assert_eq!(at(1_704_067_199).unwrap(), "31/Dec/2023:23:59:59 +0000");
    }
}
