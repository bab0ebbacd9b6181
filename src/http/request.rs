//! A request as a handler sees it: a view into the connection's buffers.

use super::Refusal;
use super::head::Head;
use super::method::Method;
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
    /// `HTTP/` and two single digits, case-sensitive (RFC 9112 §2.3).
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

/// One request, whole: its head and all of its body.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    pub(super) head: &'a Head,
    pub(super) body: &'a [u8],
}

impl<'a> Request<'a> {
    /// The method.
    pub fn method(&self) -> Method {
        self.head.method
    }

    /// The method as it was sent.
    pub fn method_name(&self) -> &'a str {
        ascii(&self.head.octets[self.head.method_name.clone()])
    }

    /// The request target as it was sent, with its query.
    pub fn target(&self) -> &'a str {
        ascii(&self.head.octets[self.head.target.whole.clone()])
    }

    /// The target's path, still percent-encoded: printable ASCII that starts with `/`, or `*`.
    pub fn path(&self) -> &'a [u8] {
        match &self.head.octets[self.head.target.path.clone()] {
            b"" => b"/",
            path => path,
        }
    }

    /// What follows the first `?`, still percent-encoded.
    pub fn query(&self) -> Option<&'a str> {
        self.head
            .target
            .query
            .clone()
            .map(|range| ascii(&self.head.octets[range]))
    }

    /// Who is asked: the target's own authority, or else the Host field.
    pub fn authority(&self) -> Option<&'a [u8]> {
        match self.head.target.authority.clone() {
            Some(range) => Some(&self.head.octets[range]),
            None => self.field("host"),
        }
    }

    /// The version to answer in.
    pub fn version(&self) -> Version {
        self.head.version
    }

    /// The header fields in order: name and value, without the white space around them.
    pub fn fields(&self) -> impl Iterator<Item = (&'a str, &'a [u8])> + use<'a> {
        let head = self.head;
        head.fields.iter().map(|field| {
            (
                ascii(&head.octets[field.name.clone()]),
                &head.octets[field.value.clone()],
            )
        })
    }

    /// The value of the first field of that name, in any case.
    pub fn field(&self, name: &str) -> Option<&'a [u8]> {
        self.fields()
            .find(|(other, _)| other.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// The body, decoded; empty if there was none.
    pub fn body(&self) -> &'a [u8] {
        self.body
    }
}

/// Text that the head's parser has already found to be ASCII.
fn ascii(octets: &[u8]) -> &str {
    std::str::from_utf8(octets).expect("the parser admits ASCII alone here")
}
