//! The head of a request: found in the stream line by line, then parsed and interpreted.
//!
//! Two steps, because a head may arrive an octet at a time: the [`Scanner`] looks at each octet
//! once and enforces every size limit as early as it can; [`Head::parse`] runs once, over a whole
//! head. Where RFC 9112 lets a server choose between lenient and strict, this one is strict: what
//! two parsers may read differently is what request smuggling is made of.

use std::ops::Range;

use super::method::Method;
use super::request::Version;
use super::status::Status;
use super::target::{Target, is_authority};
use super::{Limits, Refusal};

/// Finds the end of a head in a growing buffer; looks at no octet twice.
#[derive(Debug, Default)]
pub(super) struct Scanner {
    scanned: usize,
    line_start: usize,
    fields: usize,
    fields_start: Option<usize>,
}

impl Scanner {
    /// Field lines seen so far.
    pub(super) fn fields(&self) -> usize {
        self.fields
    }

    /// Scans what has arrived since the last call. `Ok(Some(length))` once a head is whole: its
    /// length with the empty line.
    pub(super) fn scan(&mut self, input: &[u8], limits: &Limits) -> Result<Option<usize>, Refusal> {
        while let Some(offset) = memchr::memchr(b'\n', &input[self.scanned..]) {
            let end = self.scanned + offset;
            if end == self.line_start || input[end - 1] != b'\r' {
                return Err(Refusal::bad("a line ends in CR LF, not in LF alone"));
            }
            let line = self.line_start..end - 1;
            self.scanned = end + 1;
            self.line_start = end + 1;
            if self.line(line, limits)? {
                return Ok(Some(end + 1));
            }
        }
        self.scanned = input.len();
        self.check_size(input.len().saturating_sub(1), limits)?;
        Ok(None)
    }

    /// Takes one line without its CR LF; true if it is the empty line that ends the head.
    fn line(&mut self, line: Range<usize>, limits: &Limits) -> Result<bool, Refusal> {
        match self.fields_start {
            // One empty line before the request line is ignored (RFC 9112 §2.2), not a stream.
            None if line.is_empty() && line.start == 0 => return Ok(false),
            None if line.is_empty() => return Err(Refusal::bad("there is no request line")),
            None => {
                request_line_fits(line.len(), limits)?;
                self.fields_start = Some(line.end + 2);
            }
            Some(_) if line.is_empty() => return Ok(true),
            Some(start) => {
                self.fields += 1;
                fields_fit(line.len(), line.end - start, self.fields, limits)?;
            }
        }
        Ok(false)
    }

    /// Refuses a line that is too long before its end has come; `end` is where it reaches so far.
    fn check_size(&self, end: usize, limits: &Limits) -> Result<(), Refusal> {
        let length = end.saturating_sub(self.line_start);
        match self.fields_start {
            None => request_line_fits(length, limits),
            Some(start) => fields_fit(length, end.saturating_sub(start), self.fields, limits),
        }
    }
}

fn request_line_fits(length: usize, limits: &Limits) -> Result<(), Refusal> {
    if length > limits.request_line {
        return Err(Refusal::new(
            Status::URI_TOO_LONG,
            "the request line is too long",
        ));
    }
    Ok(())
}

fn fields_fit(line: usize, total: usize, count: usize, limits: &Limits) -> Result<(), Refusal> {
    let refuse = |reason| Err(Refusal::new(Status::FIELDS_TOO_LARGE, reason));
    if line > limits.field_line {
        refuse("a header field is too long")
    } else if total > limits.fields_total {
        refuse("the header fields are too long together")
    } else if count > limits.fields.min(Limits::FIELDS_CEILING) {
        refuse("there are too many header fields")
    } else {
        Ok(())
    }
}

/// A field line, as two ranges of the head's octets.
#[derive(Debug, Clone)]
pub(super) struct Field {
    pub(super) name: Range<usize>,
    pub(super) value: Range<usize>,
}

/// How the body of a request ends (RFC 9112 §6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    None,
    Length(u64),
    Chunked,
}

/// A parsed head with the octets that it was parsed from. It holds ranges instead of slices, so
/// that it can be kept while a body arrives, and reused for the next request without an allocation.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) octets: Vec<u8>,
    pub(super) method: Method,
    pub(super) method_name: Range<usize>,
    pub(super) target: Target,
    pub(super) version: Version,
    pub(super) fields: Vec<Field>,
    pub(super) framing: Framing,
    pub(super) keep_alive: bool,
    pub(super) expects_continue: bool,
}

impl Default for Head {
    fn default() -> Self {
        Self {
            octets: Vec::new(),
            method: Method::Unknown,
            method_name: 0..0,
            target: Target::default(),
            version: Version::Http11,
            fields: Vec::new(),
            framing: Framing::None,
            keep_alive: false,
            expects_continue: false,
        }
    }
}

impl Head {
    /// Parses a whole head, as the [`Scanner`] delimited it; `count` is the number of its fields.
    pub(super) fn parse(&mut self, input: &[u8], count: usize) -> Result<(), Refusal> {
        // Nothing of the last request may be seen if this one is refused half-way.
        self.fields.clear();
        self.keep_alive = false;
        self.octets.clear();
        self.octets
            .extend_from_slice(input.strip_prefix(b"\r\n").unwrap_or(input));
        let octets = std::mem::take(&mut self.octets);
        let parsed = self.parse_lines(&octets, count);
        self.octets = octets;
        parsed
    }

    fn parse_lines(&mut self, input: &[u8], count: usize) -> Result<(), Refusal> {
        let end = memchr::memchr(b'\r', input).unwrap_or(input.len());
        self.parse_request_line(input, 0..end)?;
        self.parse_fields(input, end + 2..input.len(), count)?;
        self.interpret(input)
    }

    /// `METHOD SP TARGET SP HTTP/D.D`, with single spaces (RFC 9112 §3).
    fn parse_request_line(&mut self, input: &[u8], line: Range<usize>) -> Result<(), Refusal> {
        let text = &input[line.clone()];
        let malformed = Refusal::bad("the request line is not 'METHOD TARGET VERSION'");
        let first = memchr::memchr(b' ', text).ok_or(malformed)?;
        let last = memchr::memrchr(b' ', text)
            .filter(|&last| last > first)
            .ok_or(malformed)?;
        let method = &text[..first];
        if method.is_empty() || !method.iter().all(|&octet| is_token(octet)) {
            return Err(Refusal::bad("the method is not a token"));
        }
        self.method_name = line.start..line.start + first;
        self.method = Method::parse(method);
        self.version = Version::parse(&text[last + 1..])?;
        self.target = Target::parse(
            input,
            line.start + first + 1..line.start + last,
            self.method,
        )?;
        Ok(())
    }

    /// Most requests have few fields; a small table for them saves clearing a large one.
    fn parse_fields(
        &mut self,
        input: &[u8],
        lines: Range<usize>,
        count: usize,
    ) -> Result<(), Refusal> {
        if count <= FEW_FIELDS {
            self.parse_fields_into::<FEW_FIELDS>(input, lines)
        } else {
            self.parse_fields_into::<{ Limits::FIELDS_CEILING }>(input, lines)
        }
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
        // httparse takes a bare CR LF LF for an end; the scanner has already refused it, but two
        // parsers that must agree are better held to it.
        if length != lines.len() {
            return Err(malformed);
        }
        self.fields.extend(fields.iter().map(|field| Field {
            name: range_within(input, field.name.as_bytes()),
            value: range_within(input, field.value),
        }));
        Ok(())
    }

    /// What the fields mean for framing and persistence (RFC 9112 §6 and §9.3).
    fn interpret(&mut self, input: &[u8]) -> Result<(), Refusal> {
        let mut seen = Seen::default();
        for field in &self.fields {
            seen.note(&input[field.name.clone()], &input[field.value.clone()])?;
        }
        if self.version == Version::Http11 && !seen.host {
            return Err(Refusal::bad("an HTTP/1.1 request needs a Host field"));
        }
        self.framing = seen.framing(self.version)?;
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

/// Where `part`, a slice of `whole`, lies in it.
fn range_within(whole: &[u8], part: &[u8]) -> Range<usize> {
    // An empty value may come as a slice from elsewhere, for which any empty range will do.
    let start = (part.as_ptr() as usize).saturating_sub(whole.as_ptr() as usize);
    if part.is_empty() {
        0..0
    } else {
        start..start + part.len()
    }
}

/// The fields that matter to the connection, gathered in one pass.
#[derive(Default)]
struct Seen {
    host: bool,
    content_length: Option<u64>,
    codings: Option<Codings>,
    close: bool,
    keep_alive: bool,
    expects_continue: bool,
}

/// What Transfer-Encoding lists, over all its lines.
#[derive(Clone, Copy, Default)]
struct Codings {
    last_is_chunked: bool,
    others: bool,
}

impl Seen {
    fn note(&mut self, name: &[u8], value: &[u8]) -> Result<(), Refusal> {
        // The length sorts out nearly every other field for the price of one comparison.
        match name.len() {
            4 if name.eq_ignore_ascii_case(b"host") => self.note_host(value),
            6 if name.eq_ignore_ascii_case(b"expect") => self.note_expect(value),
            10 if name.eq_ignore_ascii_case(b"connection") => {
                for option in list(value) {
                    self.close |= option.eq_ignore_ascii_case(b"close");
                    self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
                }
                Ok(())
            }
            14 if name.eq_ignore_ascii_case(b"content-length") => self.note_length(value),
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => self.note_codings(value),
            _ => Ok(()),
        }
    }

    fn note_host(&mut self, value: &[u8]) -> Result<(), Refusal> {
        if self.host {
            return Err(Refusal::bad("there is more than one Host field"));
        }
        if !is_authority(value) {
            return Err(Refusal::bad(
                "the Host field is not a host with an optional port",
            ));
        }
        self.host = true;
        Ok(())
    }

    fn note_expect(&mut self, value: &[u8]) -> Result<(), Refusal> {
        if !value.eq_ignore_ascii_case(b"100-continue") {
            return Err(Refusal::new(
                Status::EXPECTATION_FAILED,
                "the only expectation met here is 100-continue",
            ));
        }
        self.expects_continue = true;
        Ok(())
    }

    /// One field with digits alone. A list of equal lengths may be accepted (RFC 9110 §8.6); it is
    /// refused here, since no client has reason to send one.
    fn note_length(&mut self, value: &[u8]) -> Result<(), Refusal> {
        let malformed = Refusal::bad("Content-Length is not one decimal number");
        if self.content_length.is_some() || value.is_empty() {
            return Err(malformed);
        }
        let length = value.iter().try_fold(0u64, |sum, octet| {
            let digit = octet.is_ascii_digit().then(|| u64::from(octet - b'0'))?;
            sum.checked_mul(10)?.checked_add(digit)
        });
        self.content_length = Some(length.ok_or(malformed)?);
        Ok(())
    }

    fn note_codings(&mut self, value: &[u8]) -> Result<(), Refusal> {
        let codings = self.codings.get_or_insert_default();
        for coding in list(value) {
            // Whatever stood before this one was not the last: chunked twice is an error too.
            if codings.last_is_chunked {
                return Err(Refusal::bad("chunked is not the last transfer coding"));
            }
            codings.last_is_chunked = coding.eq_ignore_ascii_case(b"chunked");
            codings.others |= !codings.last_is_chunked;
        }
        Ok(())
    }

    /// RFC 9112 §6.1 and §6.3, taking the stricter way wherever there are two.
    fn framing(&self, version: Version) -> Result<Framing, Refusal> {
        let Some(codings) = self.codings else {
            return Ok(match self.content_length {
                None | Some(0) => Framing::None,
                Some(length) => Framing::Length(length),
            });
        };
        if version == Version::Http10 {
            return Err(Refusal::bad("HTTP/1.0 has no Transfer-Encoding"));
        }
        if self.content_length.is_some() {
            return Err(Refusal::bad(
                "Content-Length and Transfer-Encoding exclude each other",
            ));
        }
        if !codings.last_is_chunked {
            return Err(Refusal::bad("chunked is not the last transfer coding"));
        }
        if codings.others {
            return Err(Refusal::new(
                Status::NOT_IMPLEMENTED,
                "the only transfer coding supported is chunked",
            ));
        }
        Ok(Framing::Chunked)
    }
}

/// The non-empty elements of a comma-separated list (RFC 9110 §5.6.1).
fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value
        .split(|&octet| octet == b',')
        .map(<[u8]>::trim_ascii)
        .filter(|element| !element.is_empty())
}

/// The characters of methods and field names (RFC 9110 §5.6.2).
pub(super) fn is_token(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&octet)
}
