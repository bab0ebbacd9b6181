//! What the fields of a head mean for the connection: where the body ends, and whether the
//! connection stays open.
//!
//! Where RFC 9112 lets a server choose between lenient and strict, this one is strict. Request
//! smuggling needs two parsers that read the same bytes differently.

use super::refusal::Refusal;
use super::status::Status;
use super::target::is_authority;
use super::version::Version;

/// How the body of a request ends (RFC 9112 §6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    None,
    Length(u64),
    Chunked,
}

/// The fields that matter to the connection, collected in one pass over the head.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) host: bool,
    content_length: Option<u64>,
    codings: Option<Codings>,
    pub(super) close: bool,
    pub(super) keep_alive: bool,
    pub(super) expects_continue: bool,
    pub(super) is_conditional: bool,
}

/// The transfer codings of all Transfer-Encoding lines together.
#[derive(Clone, Copy, Default)]
struct Codings {
    last_is_chunked: bool,
    others: bool,
}

impl Seen {
    pub(super) fn note(&mut self, name: &[u8], value: &[u8]) -> Result<(), Refusal> {
        // Comparing lengths first rules out nearly every other field with one comparison.
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
            8 | 13 | 17 | 19 => {
                self.is_conditional |= is_condition(name);
                Ok(())
            }
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

    /// Expect is a list, which may have empty elements (RFC 9110 §5.6.1.2, §10.1.1).
    fn note_expect(&mut self, value: &[u8]) -> Result<(), Refusal> {
        for expectation in list(value) {
            if !expectation.eq_ignore_ascii_case(b"100-continue") {
                return Err(Refusal::new(
                    Status::EXPECTATION_FAILED,
                    "the only expectation met here is 100-continue",
                ));
            }
            self.expects_continue = true;
        }
        Ok(())
    }

    /// Accepts one field of digits alone. RFC 9110 §8.6 lets a server accept a list of equal
    /// lengths; this one refuses it, since no client has a reason to send a list.
    fn note_length(&mut self, value: &[u8]) -> Result<(), Refusal> {
        let malformed = Refusal::bad("Content-Length is not one decimal number");
        if self.content_length.is_some() || value.is_empty() {
            return Err(malformed);
        }
        let length = value.iter().try_fold(0u64, |sum, byte| {
            let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
            sum.checked_mul(10)?.checked_add(digit)
        });
        self.content_length = Some(length.ok_or(malformed)?);
        Ok(())
    }

    fn note_codings(&mut self, value: &[u8]) -> Result<(), Refusal> {
        let codings = self.codings.get_or_insert_default();
        for coding in list(value) {
            // Another coding follows `chunked`, so `chunked` was not the last. A second `chunked`
            // is an error too.
            if codings.last_is_chunked {
                return Err(Refusal::bad("chunked is not the last transfer coding"));
            }
            codings.last_is_chunked = coding.eq_ignore_ascii_case(b"chunked");
            codings.others |= !codings.last_is_chunked;
        }
        Ok(())
    }

    /// Applies RFC 9112 §6.1 and §6.3, and the stricter rule wherever they allow two.
    pub(super) fn framing(&self, version: Version) -> Result<Framing, Refusal> {
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

/// Whether this field makes a request conditional (RFC 9110 §13.1).
fn is_condition(name: &[u8]) -> bool {
    let conditions = [
        &b"if-match"[..],
        b"if-none-match",
        b"if-modified-since",
        b"if-unmodified-since",
    ];
    conditions.iter().any(|it| name.eq_ignore_ascii_case(it))
}

/// The non-empty elements of a comma-separated list (RFC 9110 §5.6.1).
fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value
        .split(|&byte| byte == b',')
        .map(<[u8]>::trim_ascii)
        .filter(|element| !element.is_empty())
}
