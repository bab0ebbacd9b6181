//! Decodes a chunked body (RFC 9112 §7.1).

use super::buffer::make_room;
use super::limits::Limits;
use super::refusal::Refusal;
use super::status::Status;
use super::token::is_token;

/// The longest line of a chunk size with its extensions. Real clients send a few bytes.
const SIZE_LINE_MAX: usize = 256;

/// A decoder of one body; it keeps its place between two calls.
#[derive(Debug)]
pub(super) struct Chunked {
    next: Next,
    /// Trailers count against the limits on the fields of a head.
    trailer_bytes: usize,
    trailer_lines: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Size,
    Data { left: u64 },
    DataEnd,
    Trailers,
    Done,
}

impl Chunked {
    pub(super) fn new() -> Self {
        Self {
            next: Next::Size,
            trailer_bytes: 0,
            trailer_lines: 0,
        }
    }

    /// Whether the last chunk and all trailers have been read.
    pub(super) fn is_done(&self) -> bool {
        self.next == Next::Done
    }

    /// Decodes the complete parts of `input`, appends the data to `body` and returns how many
    /// bytes it took. The rest is the start of a line, shorter than the limit on a line.
    pub(super) fn decode(
        &mut self,
        input: &[u8],
        body: &mut Vec<u8>,
        limits: &Limits,
    ) -> Result<usize, Refusal> {
        let mut taken = 0;
        while let Some(step) = self.step(&input[taken..], body, limits)? {
            taken += step;
        }
        Ok(taken)
    }

    /// One step of the grammar: how many bytes it took, or `None` if it needs more or is done.
    fn step(
        &mut self,
        input: &[u8],
        body: &mut Vec<u8>,
        limits: &Limits,
    ) -> Result<Option<usize>, Refusal> {
        match self.next {
            Next::Size => self.size(input, body.len() as u64, limits),
            Next::Data { left } => {
                // `size` has checked the chunk against the body limit, so it fits into memory.
                let part = input.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                make_room(body, body.len() + part, limits.body);
                body.extend_from_slice(&input[..part]);
                let left = left - part as u64;
                self.next = if left == 0 {
                    Next::DataEnd
                } else {
                    Next::Data { left }
                };
                Ok((part > 0).then_some(part))
            }
            Next::DataEnd => match input {
                [b'\r', b'\n', ..] => {
                    self.next = Next::Size;
                    Ok(Some(2))
                }
                [] | [b'\r'] => Ok(None),
                _ => Err(Refusal::bad("a chunk is not followed by CR LF")),
            },
            Next::Trailers => self.trailer(input, limits),
            Next::Done => Ok(None),
        }
    }

    fn size(
        &mut self,
        input: &[u8],
        so_far: u64,
        limits: &Limits,
    ) -> Result<Option<usize>, Refusal> {
        let malformed = Refusal::bad("a chunk size is malformed");
        let Some(line) = line(input, SIZE_LINE_MAX, malformed)? else {
            return Ok(None);
        };
        let digits = line
            .iter()
            .take_while(|byte| byte.is_ascii_hexdigit())
            .count();
        if !are_extensions(&line[digits..]) {
            return Err(Refusal::bad("a chunk extension is malformed"));
        }
        let size = hexadecimal(&line[..digits]).ok_or(malformed)?;
        if size
            .checked_add(so_far)
            .is_none_or(|total| total > limits.body)
        {
            return Err(Refusal::new(
                Status::CONTENT_TOO_LARGE,
                "the request body is too large",
            ));
        }
        self.next = if size == 0 {
            Next::Trailers
        } else {
            Next::Data { left: size }
        };
        Ok(Some(line.len() + 2))
    }

    /// Checks a trailer like a field and then drops it: merged into the head, it could forge a
    /// field (RFC 9110 §6.5.1).
    fn trailer(&mut self, input: &[u8], limits: &Limits) -> Result<Option<usize>, Refusal> {
        let too_large = Refusal::new(Status::FIELDS_TOO_LARGE, "the trailers are too large");
        let Some(line) = line(input, limits.field_line, too_large)? else {
            return Ok(None);
        };
        if line.is_empty() {
            self.next = Next::Done;
            return Ok(Some(2));
        }
        self.trailer_bytes += line.len() + 2;
        self.trailer_lines += 1;
        if self.trailer_bytes > limits.fields_total || self.trailer_lines > limits.fields {
            return Err(too_large);
        }
        if !is_field(line) {
            return Err(Refusal::bad("a trailer field is malformed"));
        }
        Ok(Some(line.len() + 2))
    }
}

/// The line at the start of `input`, without its CR LF; `None` until its end has arrived, and
/// `too_long` once the line exceeds the limit.
fn line(input: &[u8], limit: usize, too_long: Refusal) -> Result<Option<&[u8]>, Refusal> {
    let most = limit.saturating_add(2);
    let seen = &input[..input.len().min(most)];
    match memchr::memchr(b'\n', seen) {
        Some(end) if end > 0 && seen[end - 1] == b'\r' => Ok(Some(&seen[..end - 1])),
        Some(_) => Err(Refusal::bad("a line ends in CR LF, not in LF alone")),
        None if seen.len() == most => Err(too_long),
        None => Ok(None),
    }
}

/// Whether these are chunk extensions by the grammar: any number of `;name`, `;name=token` or
/// `;name="quoted"`, each part with white space before it (RFC 9112 §7.1.1). The server ignores
/// extensions, but another parser could see the end of the line in a malformed one.
fn are_extensions(mut rest: &[u8]) -> bool {
    while !rest.is_empty() {
        let Some(after) = after_mark(rest, b';').and_then(after_token) else {
            return false;
        };
        rest = match after_mark(after, b'=') {
            None => after,
            Some(value) => match after_token(value).or_else(|| after_quoted(value)) {
                None => return false,
                Some(after) => after,
            },
        };
    }
    true
}

/// The text behind a mark, which may have white space on both sides.
fn after_mark(text: &[u8], mark: u8) -> Option<&[u8]> {
    let rest = skip_space(text).strip_prefix(&[mark])?;
    Some(skip_space(rest))
}

/// The text behind spaces and tabs. A CR alone is no white space here: another parser may take it
/// for the end of the line.
fn skip_space(text: &[u8]) -> &[u8] {
    let length = text.iter().take_while(|byte| b" \t".contains(byte)).count();
    &text[length..]
}

fn after_token(text: &[u8]) -> Option<&[u8]> {
    let length = text.iter().take_while(|&&byte| is_token(byte)).count();
    (length > 0).then(|| &text[length..])
}

/// The text behind a quoted string (RFC 9110 §5.6.4).
fn after_quoted(text: &[u8]) -> Option<&[u8]> {
    let mut rest = text.strip_prefix(b"\"")?;
    loop {
        let is_text = |byte: u8| byte == b'\t' || !byte.is_ascii_control();
        rest = match rest {
            [b'"', rest @ ..] => return Some(rest),
            [b'\\', escaped, rest @ ..] if is_text(*escaped) => rest,
            [b'\\', ..] => return None,
            [byte, rest @ ..] if is_text(*byte) => rest,
            _ => return None,
        };
    }
}

/// A number of one or more hexadecimal digits that fits into 64 bits.
fn hexadecimal(digits: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(digits).ok()?;
    u64::from_str_radix(text, 16).ok()
}

/// Whether a line has the form of a field line: a token, a colon, and no control character.
fn is_field(line: &[u8]) -> bool {
    let Some(colon) = memchr::memchr(b':', line) else {
        return false;
    };
    let is_value = |&byte: &u8| byte == b'\t' || !byte.is_ascii_control();
    colon > 0
        && line[..colon].iter().all(|&byte| is_token(byte))
        && line[colon + 1..].iter().all(is_value)
}
