//! The kinds of failure.

use nix::errno::Errno;

/// How a request failed. The kinds that begin with `Client` are this machine's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// No process listens (ECONNREFUSED), or the network cannot get there.
    Refused,
    /// A Unix socket's accept queue is full (EAGAIN); over TCP, connect(2) waits instead.
    QueueFull,
    /// The server reset the connection before any byte of an answer.
    ResetBeforeFirstByte,
    /// The server reset the connection in the middle of an answer.
    ResetAfterFirstByte,
    /// The server closed the connection in good order before the answer was whole, or before it
    /// began.
    ClosedEarly,
    /// The answer was not whole in time.
    Timeout,
    /// The answer is not HTTP/1.x, or its framing contradicts itself.
    BadResponse,
    /// More bytes than the answer's framing says, or not the length that the plan demands.
    WrongBody,
    /// A proper answer with a status of 400 or more.
    Status,
    /// Out of local ports (EADDRNOTAVAIL).
    ClientPorts,
    /// Out of descriptors (EMFILE, ENFILE).
    ClientDescriptors,
    /// Any other error on this side, such as lack of memory.
    ClientOther,
}

impl Failure {
    /// Every kind, in the order in which people read them.
    pub const ALL: [Self; 12] = [
        Self::Refused,
        Self::QueueFull,
        Self::ResetBeforeFirstByte,
        Self::ResetAfterFirstByte,
        Self::ClosedEarly,
        Self::Timeout,
        Self::BadResponse,
        Self::WrongBody,
        Self::Status,
        Self::ClientPorts,
        Self::ClientDescriptors,
        Self::ClientOther,
    ];

    /// The name in tables and results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::QueueFull => "queue_full",
            Self::ResetBeforeFirstByte => "reset_before_first_byte",
            Self::ResetAfterFirstByte => "reset_after_first_byte",
            Self::ClosedEarly => "closed_early",
            Self::Timeout => "timeout",
            Self::BadResponse => "bad_response",
            Self::WrongBody => "wrong_body",
            Self::Status => "status",
            Self::ClientPorts => "client_out_of_ports",
            Self::ClientDescriptors => "client_out_of_descriptors",
            Self::ClientOther => "client_other",
        }
    }

    /// What happened, as a sentence goes on with it.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Refused => "connection refused",
            Self::QueueFull => "the accept queue is full",
            Self::ResetBeforeFirstByte => "connection reset before the first byte of an answer",
            Self::ResetAfterFirstByte => "connection reset within an answer",
            Self::ClosedEarly => "connection closed before the answer was whole",
            Self::Timeout => "no whole answer in time",
            Self::BadResponse => "the answer is malformed",
            Self::WrongBody => "the body has the wrong length",
            Self::Status => "the status is not the expected one",
            Self::ClientPorts => "no local port is left",
            Self::ClientDescriptors => "no descriptor is left",
            Self::ClientOther => "an error of this machine",
        }
    }

    /// Whether this machine is to blame, which says nothing about the server.
    pub fn is_client(self) -> bool {
        matches!(
            self,
            Self::ClientPorts | Self::ClientDescriptors | Self::ClientOther
        )
    }

    /// What an errno of socket(2), connect(2), read(2) or write(2) means. `answering` tells
    /// whether a byte of the answer has arrived.
    pub(super) fn of(errno: Errno, answering: bool) -> Self {
        match errno {
            Errno::ECONNREFUSED | Errno::EHOSTUNREACH | Errno::ENETUNREACH => Self::Refused,
            // A Unix socket that does not exist.
            Errno::ENOENT => Self::Refused,
            Errno::EAGAIN => Self::QueueFull,
            // EPIPE is what a write meets after the reset has been noticed.
            Errno::ECONNRESET | Errno::EPIPE | Errno::ECONNABORTED if answering => {
                Self::ResetAfterFirstByte
            }
            Errno::ECONNRESET | Errno::EPIPE | Errno::ECONNABORTED => Self::ResetBeforeFirstByte,
            Errno::ETIMEDOUT => Self::Timeout,
            Errno::EADDRNOTAVAIL => Self::ClientPorts,
            Errno::EMFILE | Errno::ENFILE => Self::ClientDescriptors,
            _ => Self::ClientOther,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errnos_are_told_apart() {
        assert_eq!(
            Failure::of(Errno::ECONNRESET, false),
            Failure::ResetBeforeFirstByte
        );
        assert_eq!(
            Failure::of(Errno::ECONNRESET, true),
            Failure::ResetAfterFirstByte
        );
        assert_eq!(
            Failure::of(Errno::EADDRNOTAVAIL, false),
            Failure::ClientPorts
        );
        assert_eq!(
            Failure::of(Errno::EMFILE, false),
            Failure::ClientDescriptors
        );
        assert_eq!(Failure::of(Errno::ENOMEM, false), Failure::ClientOther);
    }
}
