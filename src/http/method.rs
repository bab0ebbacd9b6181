//! Request methods (RFC 9110 §9).

/// A method of RFC 9110 or RFC 5789, or one that this server does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Transfer a representation of the target.
    Get,
    /// As GET, but the answer has no content.
    Head,
    /// Process the content.
    Post,
    /// Replace the target.
    Put,
    /// Remove the target.
    Delete,
    /// Establish a tunnel.
    Connect,
    /// Describe the communication options.
    Options,
    /// Loop the request back.
    Trace,
    /// Modify the target in part.
    Patch,
    /// Any other method; the answer is 501.
    Unknown,
}

impl Method {
    /// Methods are case-sensitive (RFC 9110 §9.1): `get` is unknown.
    pub(super) fn parse(name: &[u8]) -> Self {
        match name {
            b"GET" => Self::Get,
            b"HEAD" => Self::Head,
            b"POST" => Self::Post,
            b"PUT" => Self::Put,
            b"DELETE" => Self::Delete,
            b"CONNECT" => Self::Connect,
            b"OPTIONS" => Self::Options,
            b"TRACE" => Self::Trace,
            b"PATCH" => Self::Patch,
            _ => Self::Unknown,
        }
    }
}
