//! Raw bytes to and from a server.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;

use nix::sys::socket::{setsockopt, sockopt};

/// One response, split into its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The status line and the field lines, without CR LF.
    pub(crate) lines: Vec<String>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// Takes one answer from the front of `bytes`; `bodiless` if it is to a HEAD. `None` if it
    /// is not whole.
    pub(crate) fn take(bytes: &mut &[u8], bodiless: bool) -> Option<Self> {
        let end = find(bytes, b"\r\n\r\n")?;
        let head = std::str::from_utf8(&bytes[..end]).ok()?;
        let lines: Vec<String> = head.split("\r\n").map(str::to_owned).collect();
        let mut answer = Self {
            lines,
            body: Vec::new(),
        };
        let length = match answer.field("Content-Length") {
            Some(length) if !bodiless => length.parse().ok()?,
            _ => 0,
        };
        let body = bytes.get(end + 4..end + 4 + length)?;
        answer.body = body.to_vec();
        *bytes = &bytes[end + 4 + length..];
        Some(answer)
    }

    pub(crate) fn status(&self) -> u16 {
        let code = self.lines[0].split(' ').nth(1);
        code.and_then(|code| code.parse().ok()).unwrap_or(0)
    }

    /// The value of a field of that name, in any case.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.lines[1..].iter().find_map(|line| {
            let (other, value) = line.split_once(':')?;
            other.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

pub(crate) fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|window| window == needle)
}

/// Sends all bytes. A server that has hung up meanwhile is no error: its answer counts.
pub(crate) fn send(mut client: &TcpStream, bytes: &[u8]) {
    match client.write_all(bytes) {
        Err(error) if !is_hang_up(&error) => panic!("cannot send: {error}"),
        _ => {}
    }
}

/// A GET that keeps the connection.
pub(crate) fn get(client: &TcpStream, path: &str) {
    send(
        client,
        format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes(),
    );
}

/// A GET that asks for the connection to be closed.
pub(crate) fn get_and_close(client: &TcpStream, path: &str) {
    send(
        client,
        format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").as_bytes(),
    );
}

/// Reads one answer and not a byte more than it has (each read asks for one byte).
#[track_caller]
pub(crate) fn read_answer(client: &TcpStream) -> Answer {
    try_read_answer(client).expect("an answer")
}

/// [`read_answer`], or the error that came instead; UnexpectedEof if the server closed.
pub(crate) fn try_read_answer(mut client: &TcpStream) -> io::Result<Answer> {
    let mut bytes = Vec::new();
    loop {
        let mut byte = [0];
        client.read_exact(&mut byte)?;
        bytes.push(byte[0]);
        if let Some(answer) = Answer::take(&mut &bytes[..], false) {
            return Ok(answer);
        }
    }
}

/// Reads until the server closes; the flag says whether it reset the connection instead.
pub(crate) fn read_to_end(mut client: &TcpStream) -> (Vec<u8>, bool) {
    let mut bytes = Vec::new();
    let mut part = [0; 64 * 1024];
    loop {
        match client.read(&mut part) {
            Ok(0) => return (bytes, false),
            Ok(count) => bytes.extend_from_slice(&part[..count]),
            Err(error) if is_hang_up(&error) => return (bytes, true),
            Err(error) => panic!("the server neither answers nor closes: {error}: {}", {
                String::from_utf8_lossy(&bytes[..bytes.len().min(2000)])
            }),
        }
    }
}

/// Closing with SO_LINGER at 0 sends RST (socket(7), tcp(7)).
pub(crate) fn reset(client: TcpStream) {
    let at_once = libc::linger {
        l_onoff: 1,
        l_linger: 0,
    };
    setsockopt(&client, sockopt::Linger, &at_once).unwrap();
    drop(client);
}

fn is_hang_up(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe
    )
}
