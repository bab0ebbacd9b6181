//! An answer's head: what follows from it for the body and for the connection. Pure.

use std::mem::MaybeUninit;

use httparse::{Header, ParserConfig, Status};

use super::malformed::Malformed;

/// More header fields than this are refused as a bad response.
pub const FIELDS_MAX: usize = 2000;
/// Room for the fields of usual heads, on the stack.
const FIELDS_USUAL: usize = 64;

const NOT_HTTP: Malformed = Malformed {
    reason: "the head is no HTTP/1.x answer",
};
const BAD_LENGTH: Malformed = Malformed {
    reason: "the Content-Length is malformed, or there are two that differ",
};
const TWO_FRAMINGS: Malformed = Malformed {
    reason: "both Content-Length and Transfer-Encoding: chunked",
};
const BAD_STATUS: Malformed = Malformed {
    reason: "a status below 100, or 101, which was not asked for",
};
const TOO_MANY_FIELDS: Malformed = Malformed {
    reason: "over 2000 header fields, the limit of this client",
};

/// How the end of a body is found (RFC 9112 section 6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// A 1xx: no body, and the real answer is still to come.
    Interim,
    Length(u64),
    Chunked,
    UntilClose,
}

/// What a head says of the answer that it begins.
#[derive(Debug)]
pub(super) struct Head {
    /// Its length, the empty line included.
    pub(super) bytes: usize,
    pub(super) status: u16,
    /// Whether the connection may carry another request (RFC 9112 section 9.3).
    pub(super) reusable: bool,
    pub(super) framing: Framing,
}

impl Head {
    /// Parses a head; nothing while it is not whole.
    pub(super) fn parse(bytes: &[u8]) -> Result<Option<Self>, Malformed> {
        let mut usual = [const { MaybeUninit::uninit() }; FIELDS_USUAL];
        match Self::parse_with(bytes, &mut usual) {
            Err(TOO_MANY_FIELDS) => {
                let mut many = vec![MaybeUninit::uninit(); FIELDS_MAX];
                Self::parse_with(bytes, &mut many)
            }
            parsed => parsed,
        }
    }

    fn parse_with<'a>(
        bytes: &'a [u8],
        space: &mut [MaybeUninit<Header<'a>>],
    ) -> Result<Option<Self>, Malformed> {
        let mut response = httparse::Response::new(&mut []);
        // A field that goes on in the next line is obsolete, and a user agent has to accept it
        // (RFC 9112 section 5.2).
        let parsed = ParserConfig::default()
            .allow_obsolete_multiline_headers_in_responses(true)
            .parse_response_with_uninit_headers(&mut response, bytes, space);
        let length = match parsed {
            Ok(Status::Complete(length)) => length,
            Ok(Status::Partial) => return Ok(None),
            Err(httparse::Error::TooManyHeaders) => return Err(TOO_MANY_FIELDS),
            Err(_) => return Err(NOT_HTTP),
        };
        let status = response.code.ok_or(NOT_HTTP)?;
        let fields = Fields::read(response.headers)?;
        let persistent = response.version == Some(1) && !fields.close || fields.keep_alive;
        let framing = fields.framing(status)?;
        let reusable = persistent && framing != Framing::UntilClose;
        Ok(Some(Self {
            bytes: length,
            status,
            reusable,
            framing,
        }))
    }
}

/// The header fields that framing and persistence depend on.
#[derive(Debug, Default)]
struct Fields {
    length: Option<u64>,
    chunked: bool,
    other_coding: bool,
    close: bool,
    keep_alive: bool,
}

impl Fields {
    fn read(headers: &[Header<'_>]) -> Result<Self, Malformed> {
        let mut fields = Self::default();
        for Header { name, value } in headers {
            if name.eq_ignore_ascii_case("content-length") {
                fields.set_length(value)?;
            } else if name.eq_ignore_ascii_case("connection") {
                fields.close |= list(value).any(|item| item.eq_ignore_ascii_case(b"close"));
                fields.keep_alive |=
                    list(value).any(|item| item.eq_ignore_ascii_case(b"keep-alive"));
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                // Only the last coding frames the body.
                fields.chunked = list(value)
                    .last()
                    .is_some_and(|last| last.eq_ignore_ascii_case(b"chunked"));
                fields.other_coding = !fields.chunked;
            }
        }
        fields.keep_alive &= !fields.close;
        Ok(fields)
    }

    /// Content-Length is digits; a second one must agree with the first (RFC 9110 section 8.6).
    fn set_length(&mut self, value: &[u8]) -> Result<(), Malformed> {
        if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
            return Err(BAD_LENGTH);
        }
        let digits = str::from_utf8(value).map_err(|_| BAD_LENGTH)?;
        let length = digits.parse().map_err(|_| BAD_LENGTH)?;
        match self.length.replace(length) {
            Some(other) if other != length => Err(BAD_LENGTH),
            _ => Ok(()),
        }
    }

    fn framing(&self, status: u16) -> Result<Framing, Malformed> {
        match status {
            // 101 switches protocols, which no request here asks for.
            0..=99 | 101 => Err(BAD_STATUS),
            100..=199 => Ok(Framing::Interim),
            204 | 304 => Ok(Framing::Length(0)),
            // Two framings at once are how responses are smuggled.
            _ if self.chunked && self.length.is_some() => Err(TWO_FRAMINGS),
            _ if self.chunked => Ok(Framing::Chunked),
            _ if self.other_coding => Ok(Framing::UntilClose),
            _ => Ok(self.length.map_or(Framing::UntilClose, Framing::Length)),
        }
    }
}

fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii)
}
