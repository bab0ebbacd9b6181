//! A request as a handler sees it: a view into the connection's buffers.

use super::head::Head;
use super::method::Method;
use super::version::Version;

/// One complete request: its head and all of its body.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    pub(super) head: &'a Head,
    pub(super) body: &'a [u8],
}

impl<'a> Request<'a> {
    /// The method, as one of those that the server knows; see [`Request::method_name`].
    pub fn method(&self) -> Method {
        self.head.method
    }

    /// The method as the client wrote it.
    pub fn method_name(&self) -> &'a str {
        ascii(&self.head.bytes[self.head.method_name.clone()])
    }

    /// The request target as the client wrote it, with its query.
    pub fn target(&self) -> &'a str {
        ascii(&self.head.bytes[self.head.target.whole.clone()])
    }

    /// The target's path, still percent-encoded: printable ASCII that starts with `/`, or `*`.
    pub fn path(&self) -> &'a [u8] {
        match &self.head.bytes[self.head.target.path.clone()] {
            b"" => b"/",
            path => path,
        }
    }

    /// The part after the first `?`, still percent-encoded.
    pub fn query(&self) -> Option<&'a str> {
        self.head
            .target
            .query
            .clone()
            .map(|range| ascii(&self.head.bytes[range]))
    }

    /// The host that the client asks: the target's own authority, or else the Host field.
    pub fn authority(&self) -> Option<&'a [u8]> {
        match self.head.target.authority.clone() {
            Some(range) => Some(&self.head.bytes[range]),
            None => self.field("host"),
        }
    }

    /// The protocol version to answer in.
    pub fn version(&self) -> Version {
        self.head.version
    }

    /// The header fields in order: name and value, without the white space around the value.
    pub fn fields(&self) -> impl Iterator<Item = (&'a str, &'a [u8])> + use<'a> {
        let head = self.head;
        head.fields.iter().map(|field| {
            (
                ascii(&head.bytes[field.name.clone()]),
                &head.bytes[field.value.clone()],
            )
        })
    }

    /// The value of the first field of that name, in any case.
    pub fn field(&self, name: &str) -> Option<&'a [u8]> {
        self.fields()
            .find(|(other, _)| other.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// Whether the request has preconditions (RFC 9110 §13.1): If-Match, If-None-Match,
    /// If-Modified-Since or If-Unmodified-Since.
    pub fn is_conditional(&self) -> bool {
        self.head.is_conditional
    }

    /// The decoded body; empty if there was none.
    pub fn body(&self) -> &'a [u8] {
        self.body
    }
}

/// A piece of a head that its parser has found to be ASCII.
fn ascii(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("the parser admits ASCII alone here")
}
