//! The protocol version that a request names.

use super::refusal::Refusal;
use super::status::Status;

/// The protocol version to answer in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// Closes after each answer unless the client asks otherwise.
    Http10,
    /// Keeps the connection unless the client asks otherwise; a higher minor version counts as
    /// this one (RFC 9110 §2.5).
    Http11,
}

impl Version {
    /// Parses `HTTP/` and two single digits, case-sensitive (RFC 9112 §2.3).
    pub(super) fn parse(text: &[u8]) -> Result<Self, Refusal> {
        match text {
            [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
                if major.is_ascii_digit() && minor.is_ascii_digit() =>
            {
                match (major, minor) {
                    (b'1', b'0') => Ok(Self::Http10),
                    (b'1', _) => Ok(Self::Http11),
                    _ => Err(Refusal::new(
                        Status::VERSION_NOT_SUPPORTED,
                        "this server speaks HTTP/1.0 and HTTP/1.1",
                    )),
                }
            }
            _ => Err(Refusal::bad("the version is not 'HTTP/' and two digits")),
        }
    }
}
