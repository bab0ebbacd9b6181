//! An answer's head: what follows from it for the body and for the connection.

use std::mem::MaybeUninit;

use httparse::{Header, ParserConfig, Status};

use super::response::Malformed;

/// More header fields are refused as bad responses.
const FIELDS_MAX: usize = 100;

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
        let mut space = [const { MaybeUninit::uninit() }; FIELDS_MAX];
        let mut response = httparse::Response::new(&mut []);
        let parsed = ParserConfig::default().parse_response_with_uninit_headers(
            &mut response,
            bytes,
            &mut space,
        );
        let Status::Complete(length) = parsed.map_err(|_| Malformed)? else {
            return Ok(None);
        };
        let status = response.code.ok_or(Malformed)?;
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
            return Err(Malformed);
        }
        let digits = str::from_utf8(value).map_err(|_| Malformed)?;
        let length = digits.parse().map_err(|_| Malformed)?;
        match self.length.replace(length) {
            Some(other) if other != length => Err(Malformed),
            _ => Ok(()),
        }
    }

    fn framing(&self, status: u16) -> Result<Framing, Malformed> {
        match status {
            // Nobody asked to switch protocols.
            0..=99 | 101 => Err(Malformed),
            100..=199 => Ok(Framing::Interim),
            204 | 304 => Ok(Framing::Length(0)),
            // Two framings at once are how responses are smuggled.
            _ if self.chunked && self.length.is_some() => Err(Malformed),
            _ if self.chunked => Ok(Framing::Chunked),
            _ if self.other_coding => Ok(Framing::UntilClose),
            _ => Ok(self.length.map_or(Framing::UntilClose, Framing::Length)),
        }
    }
}

fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii)
}
