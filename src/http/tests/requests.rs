//! Valid requests of every kind, made up by proptest.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::harness::Seen;
use crate::http::Version;

/// A request, as its sender thinks of it.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    pub(crate) seen: Seen,
    /// How it looks on the wire.
    pub(crate) bytes: Vec<u8>,
    /// Whether the connection may go on after it.
    pub(crate) keep_alive: bool,
}

/// Requests in a row on one connection.
pub(crate) fn pipeline() -> impl Strategy<Value = Vec<Sample>> {
    vec(sample(), 1..5)
}

/// What the handler must see of a pipeline: nothing after the request that closes.
pub(crate) fn expected(pipeline: &[Sample]) -> Vec<Seen> {
    let kept = pipeline
        .iter()
        .take_while(|sample| sample.keep_alive)
        .count();
    let answered = pipeline.len().min(kept + 1);
    pipeline[..answered]
        .iter()
        .map(|sample| sample.seen.clone())
        .collect()
}

/// The stream that a pipeline is sent as.
pub(crate) fn stream(pipeline: &[Sample]) -> Vec<u8> {
    pipeline
        .iter()
        .flat_map(|sample| sample.bytes.clone())
        .collect()
}

pub(crate) fn sample() -> impl Strategy<Value = Sample> {
    let start = (
        any::<bool>(),
        line(),
        prop_oneof![3 => Just('1'), 1 => Just('0'), 1 => prop::char::range('2', '9')],
    );
    let fields = (
        vec(field(), 0..20),
        any::<prop::sample::Index>(),
        connection(),
    );
    (start, fields, content()).prop_map(|(start, fields, content)| build(start, fields, content))
}

/// A line of a head or of a trailer: name, white space before the value, value, and behind it.
type Line = (String, String, String, String);
type Start = (bool, (String, String), char);
type Fields = (Vec<Line>, prop::sample::Index, Option<&'static str>);

/// How the body is framed, and what comes with that.
#[derive(Debug, Clone)]
enum Content {
    None,
    Length(Vec<u8>),
    /// Each chunk with its extension and whether its size has upper-case digits and zeros before.
    Chunked(Vec<(Vec<u8>, String, bool)>, Vec<Line>),
    /// As above, announced by Expect: 100-continue.
    Expected(Vec<u8>),
}

fn build((empty_line, (method, target), minor): Start, fields: Fields, content: Content) -> Sample {
    let (mut lines, at, connection) = fields;
    let mut put = |name: &str, value: String| {
        let line = (name.to_owned(), " ".to_owned(), value, String::new());
        lines.insert(at.index(lines.len() + 1), line);
    };
    put("hOsT", "localhost:80".to_owned());
    // HTTP/1.0 has no chunks.
    let content = match content {
        Content::Chunked(..) if minor == '0' => Content::None,
        content => content,
    };
    match &content {
        Content::None => {}
        Content::Length(body) => put("Content-Length", body.len().to_string()),
        Content::Chunked(..) => put("transfer-encoding", "ChunkeD".to_owned()),
        Content::Expected(body) => {
            put("Expect", "100-Continue".to_owned());
            put("content-length", body.len().to_string());
        }
    }
    if let Some(option) = connection {
        put("CONNECTION", option.to_owned());
    }
    let mut bytes = if empty_line {
        b"\r\n".to_vec()
    } else {
        Vec::new()
    };
    bytes.extend(format!("{method} {target} HTTP/1.{minor}\r\n").bytes());
    lines.iter().for_each(|line| write_line(&mut bytes, line));
    bytes.extend(b"\r\n");
    Sample {
        keep_alive: match (minor, connection) {
            (_, Some(option)) if option.to_ascii_lowercase().contains("close") => false,
            ('0', option) => option.is_some(),
            _ => true,
        },
        seen: Seen {
            method,
            target,
            version: if minor == '0' {
                Version::Http10
            } else {
                Version::Http11
            },
            fields: lines
                .into_iter()
                .map(|(name, _, value, _)| (name, value.into_bytes()))
                .collect(),
            body: write_content(&mut bytes, content),
        },
        bytes,
    }
}

fn write_line(bytes: &mut Vec<u8>, (name, before, value, behind): &Line) {
    bytes.extend(format!("{name}:{before}{value}{behind}\r\n").bytes());
}

/// Writes the content in its framing and returns it without.
fn write_content(bytes: &mut Vec<u8>, content: Content) -> Vec<u8> {
    match content {
        Content::None => Vec::new(),
        Content::Length(body) | Content::Expected(body) => {
            bytes.extend(&body);
            body
        }
        Content::Chunked(chunks, trailers) => {
            let mut body = Vec::new();
            for (chunk, extension, odd) in chunks {
                let size = chunk.len();
                let size = if odd {
                    format!("00{size:X}")
                } else {
                    format!("{size:x}")
                };
                bytes.extend(format!("{size}{extension}\r\n").bytes());
                bytes.extend(&chunk);
                bytes.extend(b"\r\n");
                body.extend(chunk);
            }
            bytes.extend(b"0\r\n");
            trailers.iter().for_each(|line| write_line(bytes, line));
            bytes.extend(b"\r\n");
            body
        }
    }
}

/// A method with a target in a form that goes with it (RFC 9112 §3.2).
fn line() -> impl Strategy<Value = (String, String)> {
    let method = prop_oneof![
        4 => "GET|HEAD|POST|PUT|DELETE|OPTIONS|PATCH|TRACE",
        1 => "[!#$%&'*+.^_`|~0-9A-Za-z-]{1,20}",
    ];
    let method = method.prop_filter("CONNECT has a form of its own", |name| name != "CONNECT");
    let path =
        "(/[a-zA-Z0-9._~!$&'()*+,;=:@-]{0,9}(%[0-9a-fA-F]{2})?){1,4}(\\?[a-z0-9=&?/%]{0,9})?";
    let site = "(http|HTTPS)://[a-z0-9.-]{1,9}(:([0-5]?[0-9]{0,4}|6553[0-5]))?";
    let absolute = (site, prop_oneof!["", path]).prop_map(|(site, path)| site + &path);
    let plain = prop_oneof![5 => path, 1 => "/empty|/same|/long"];
    prop_oneof![
        6 => (method.clone(), plain),
        2 => (method, absolute),
        1 => Just(("OPTIONS".to_owned(), "*".to_owned())),
        1 => (Just("CONNECT".to_owned()), "[a-z0-9.-]{1,9}:[1-9][0-9]{0,3}"),
    ]
}

/// A field that means nothing to the connection.
fn field() -> impl Strategy<Value = Line> {
    let value = "([!-~\u{a0}-\u{ff}]([ -~\t\u{e9}]{0,30}[!-~])?)?";
    let name = "X[!#$%&'*+.^_`|~0-9A-Za-z-]{0,12}";
    (name, "[ \t]{0,3}", value, "[ \t]{0,3}")
}

fn connection() -> impl Strategy<Value = Option<&'static str>> {
    // Without "close" the first of these keeps even an HTTP/1.0 connection.
    option::weighted(
        0.3,
        prop_oneof![Just("Keep-Alive"), Just("x, keep-alive ,"), Just("a,CLOSE")],
    )
}

fn content() -> impl Strategy<Value = Content> {
    let bytes = || vec(any::<u8>(), 0..300);
    let extension = "(;[a-z]{1,5}(=[a-z0-9]{1,5}|=\"[ -!#-\\[\\]-~]{0,9}\")?){0,2}";
    let chunk = (vec(any::<u8>(), 1..60), extension, any::<bool>());
    prop_oneof![
        3 => Just(Content::None),
        2 => bytes().prop_map(Content::Length),
        2 => (vec(chunk, 0..6), vec(field(), 0..3)).prop_map(|(c, t)| Content::Chunked(c, t)),
        1 => bytes().prop_map(Content::Expected),
    ]
}
