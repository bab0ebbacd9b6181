//! The head of a request, parsed.
//!
//! A head may arrive a byte at a time, so there are three steps:
//!
//! 1. The scanner looks at each byte once and enforces every size limit as early as it can.
//! 2. [`Head::parse_request_line`] runs as soon as that line is complete. A client that speaks
//!    another protocol gets its error at once, not at the deadline for the head.
//! 3. [`Head::parse`] runs once, over the complete head.

use std::ops::Range;

use smallvec::SmallVec;

use super::framing::{Framing, Seen};
use super::limits::Limits;
use super::method::Method;
use super::refusal::Refusal;
use super::target::Target;
use super::token::is_token;
use super::version::Version;

/// A field line, as two ranges of the head's bytes.
#[derive(Debug, Clone)]
pub(super) struct Field {
    pub(super) name: Range<usize>,
    pub(super) value: Range<usize>,
}

/// A parsed head with the bytes that it was parsed from. It holds ranges instead of slices, so the
/// connection can keep it while a body arrives, and reuse its memory for the next request.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) bytes: SmallVec<[u8; 512]>,
    pub(super) method: Method,
    pub(super) method_name: Range<usize>,
    pub(super) target: Target,
    pub(super) version: Version,
    /// Where the first field line begins: behind the request line with its CR LF.
    fields_start: usize,
    pub(super) fields: SmallVec<[Field; FEW_FIELDS]>,
    pub(super) framing: Framing,
    pub(super) keep_alive: bool,
    pub(super) expects_continue: bool,
    pub(super) is_conditional: bool,
}

impl Default for Head {
    fn default() -> Self {
        Self {
            bytes: SmallVec::new(),
            method: Method::Unknown,
            method_name: 0..0,
            target: Target::default(),
            version: Version::Http11,
            fields_start: 0,
            fields: SmallVec::new(),
            framing: Framing::None,
            keep_alive: false,
            expects_continue: false,
            is_conditional: false,
        }
    }
}

impl Head {
    /// Parses the fields of a complete head, as the scanner delimited it. The request line has
    /// been parsed before; `count` is the number of fields.
    pub(super) fn parse(&mut self, input: &[u8], count: usize) -> Result<(), Refusal> {
        self.bytes.clear();
        self.bytes
            .extend_from_slice(input.strip_prefix(b"\r\n").unwrap_or(input));
        let bytes = std::mem::take(&mut self.bytes);
        let parsed = self
            .parse_fields(&bytes, self.fields_start..bytes.len(), count)
            .and_then(|()| self.interpret(&bytes));
        self.bytes = bytes;
        parsed
    }

    /// Notes the method of a head that is refused before it is complete. The answer to a HEAD
    /// must have no content, even if the answer is an error (RFC 9110 §9.3.2).
    pub(super) fn give_up(&mut self, input: &[u8], limits: &Limits) {
        let input = input.strip_prefix(b"\r\n").unwrap_or(input);
        let line = &input[..input.len().min(limits.request_line)];
        let end = memchr::memchr(b' ', line).unwrap_or(0);
        self.method = Method::parse(&line[..end]);
    }

    /// The request line of a parsed head, without its CR LF.
    pub(super) fn request_line(&self) -> &[u8] {
        self.bytes
            .get(..self.fields_start.saturating_sub(2))
            .unwrap_or_default()
    }

    /// Frees what an idle connection does not need.
    pub(super) fn give_back(&mut self) {
        if self.bytes.spilled() || self.fields.spilled() {
            *self = Self::default();
        }
    }

    /// Parses `METHOD SP TARGET SP HTTP/D.D`, with single spaces and without the CR LF (RFC 9112
    /// §3). None of the three may hold a bare CR, which could hide a field from another parser.
    pub(super) fn parse_request_line(&mut self, line: &[u8]) -> Result<(), Refusal> {
        // If this line is refused half-way, nothing of the previous request may show.
        self.method = Method::Unknown;
        self.fields.clear();
        self.keep_alive = false;
        self.fields_start = line.len() + 2;
        let malformed = Refusal::bad("the request line is not 'METHOD TARGET VERSION'");
        let first = memchr::memchr(b' ', line).ok_or(malformed)?;
        let last = memchr::memrchr(b' ', line)
            .filter(|&last| last > first)
            .ok_or(malformed)?;
        let method = &line[..first];
        if method.is_empty() || !method.iter().all(|&byte| is_token(byte)) {
            return Err(Refusal::bad("the method is not a token"));
        }
        self.method_name = 0..first;
        self.method = Method::parse(method);
        self.version = Version::parse(&line[last + 1..])?;
        self.target = Target::parse(line, first + 1..last, self.method)?;
        Ok(())
    }

    /// Most requests have few fields. A small table for them need not be cleared far, and saves a
    /// freshly forked process the two pages of stack that the large table would touch.
    fn parse_fields(
        &mut self,
        input: &[u8],
        lines: Range<usize>,
        count: usize,
    ) -> Result<(), Refusal> {
        if count <= FEW_FIELDS {
            self.parse_fields_into::<FEW_FIELDS>(input, lines)
        } else {
            self.parse_many_fields(input, lines)
        }
    }

    #[inline(never)]
    fn parse_many_fields(&mut self, input: &[u8], lines: Range<usize>) -> Result<(), Refusal> {
        self.parse_fields_into::<{ Limits::FIELDS_CEILING }>(input, lines)
    }

    fn parse_fields_into<const TABLE: usize>(
        &mut self,
        input: &[u8],
        lines: Range<usize>,
    ) -> Result<(), Refusal> {
        let mut table = [httparse::EMPTY_HEADER; TABLE];
        let malformed = Refusal::bad("a header field is malformed");
        let parsed = httparse::parse_headers(&input[lines.clone()], &mut table);
        let Ok(httparse::Status::Complete((length, fields))) = parsed else {
            return Err(malformed);
        };
        // httparse also accepts CR LF LF as the end of a head. The scanner has refused that
        // already; this check keeps the two parsers in agreement.
        if length != lines.len() {
            return Err(malformed);
        }
        self.fields.extend(fields.iter().map(|field| Field {
            name: range_within(input, field.name.as_bytes()),
            value: range_within(input, field.value),
        }));
        Ok(())
    }

    /// Decides framing and persistence from the fields (RFC 9112 §6 and §9.3).
    fn interpret(&mut self, input: &[u8]) -> Result<(), Refusal> {
        let mut seen = Seen::default();
        for field in &self.fields {
            seen.note(&input[field.name.clone()], &input[field.value.clone()])?;
        }
        if self.version == Version::Http11 && !seen.host {
            return Err(Refusal::bad("an HTTP/1.1 request needs a Host field"));
        }
        self.framing = seen.framing(self.version)?;
        self.is_conditional = seen.is_conditional;
        self.keep_alive = match self.version {
            Version::Http11 => !seen.close,
            Version::Http10 => seen.keep_alive && !seen.close,
        };
        // An HTTP/1.0 client would not understand a 100 (RFC 9110 §10.1.1).
        self.expects_continue = seen.expects_continue && self.version == Version::Http11;
        Ok(())
    }
}

/// Requests with no more fields than this are parsed with a small table.
const FEW_FIELDS: usize = 16;

/// The range of `part`, a slice of `whole`, within it.
fn range_within(whole: &[u8], part: &[u8]) -> Range<usize> {
    // httparse may return an empty value as a slice from elsewhere; any empty range stands for it.
    let start = (part.as_ptr() as usize).saturating_sub(whole.as_ptr() as usize);
    if part.is_empty() {
        0..0
    } else {
        start..start + part.len()
    }
}
