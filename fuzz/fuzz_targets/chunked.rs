//! Compares the body decoder with a second one, which is too simple to be wrong in the same way.
#![no_main]

use libfuzzer_sys::fuzz_target;
use servers::http;
use servers::http::Limits;

#[path = "../../src/http/tests/harness.rs"]
#[allow(dead_code)]
mod harness;

use harness::{Witness, cut, run};

const HEAD: &[u8] = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
const BODY_MAX: usize = 500;

// The first byte decides where the stream is cut.
fuzz_target!(|input: &[u8]| {
    let Some((&step, body)) = input.split_first() else {
        return;
    };
    let limits = Limits {
        requests: 1,
        body: BODY_MAX as u64,
        ..Limits::default()
    };
    let stream = [HEAD, body].concat();
    let cuts: Vec<usize> = (HEAD.len()..stream.len())
        .step_by(usize::from(step) + 1)
        .collect();
    let witness = Witness::default();
    run(&limits, &witness, cut(&stream, &cuts));
    let seen = witness.0.into_inner().expect("nothing panics in there");
    assert!(seen.len() <= 1);
    match (decode(body), seen.first()) {
        (Some(body), Some(seen)) => assert_eq!(body, seen.body),
        (None, None) => {}
        (expected, seen) => panic!("expected {expected:?}, but the handler saw {seen:?}"),
    }
});

/// The decoded body, if it is complete and correct (RFC 9112 §7.1). Recursive, slow and short.
fn decode(input: &[u8]) -> Option<Vec<u8>> {
    let (line, rest) = line(input, 256)?;
    let (digits, extension) =
        line.split_at(line.iter().take_while(|o| o.is_ascii_hexdigit()).count());
    if !are_extensions(extension) {
        return None;
    }
    let size = usize::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    if size == 0 {
        return trailers(rest, 0, 0).then(Vec::new);
    }
    let (data, rest) = rest.split_at_checked(size)?;
    let body = [data, &decode(rest.strip_prefix(b"\r\n")?)?].concat();
    (body.len() <= BODY_MAX).then_some(body)
}

/// Whether a text consists of extensions, tried as one regular expression of bytes would be.
fn are_extensions(text: &[u8]) -> bool {
    if text.is_empty() {
        return true;
    }
    let text = text.trim_ascii_start();
    let is_token = |o: &u8| o.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(o);
    let skip = |text: &[u8]| text.iter().take_while(|o| is_token(o)).count();
    let Some(text) = text.strip_prefix(b";").map(<[u8]>::trim_ascii_start) else {
        return false;
    };
    let name = skip(text);
    if name == 0 {
        return false;
    }
    let text = &text[name..];
    let Some(value) = text.trim_ascii_start().strip_prefix(b"=") else {
        return are_extensions(text);
    };
    let value = value.trim_ascii_start();
    if value.starts_with(b"\"") {
        // The end is the first quotation mark behind an even number of backslashes.
        let mut at = 1;
        while at < value.len() && value[at] != b'"' {
            at += if value[at] == b'\\' { 2 } else { 1 };
        }
        return at < value.len() && are_extensions(&value[at + 1..]);
    }
    let length = skip(value);
    length > 0 && are_extensions(&value[length..])
}

/// Whether field lines and an empty one follow.
fn trailers(input: &[u8], count: usize, bytes: usize) -> bool {
    let limits = Limits::default();
    let Some((line, rest)) = line(input, limits.field_line) else {
        return false;
    };
    if line.is_empty() {
        return true;
    }
    let bytes = bytes + line.len() + 2;
    let is_token = |o: &u8| o.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(o);
    let name = line
        .split(|&byte| byte == b':')
        .next()
        .unwrap_or_default();
    name.len() < line.len()
        && !name.is_empty()
        && name.iter().all(is_token)
        && count < limits.fields
        && bytes <= limits.fields_total
        && trailers(rest, count + 1, bytes)
}

/// A line of at most `most` bytes without control characters, and the input behind it.
fn line(input: &[u8], most: usize) -> Option<(&[u8], &[u8])> {
    let end = input.windows(2).position(|pair| pair == b"\r\n")?;
    let (line, rest) = (&input[..end], &input[end + 2..]);
    let is_text = |byte: &u8| *byte == b'\t' || !byte.is_ascii_control();
    (end <= most && line.iter().all(is_text)).then_some((line, rest))
}
