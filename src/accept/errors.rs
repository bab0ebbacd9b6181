//! What helps against an error of `accept(2)`.

use std::io;
use std::time::Duration;

use nix::errno::Errno;

use crate::sys::line_counts::Common;
use crate::sys::outage::Outage;

/// How long to wait when the process or the machine is out of descriptors, memory, processes or
/// threads. Connections stay in the accept queue meanwhile; trying again at once would only use
/// CPU time.
pub const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);

/// A process cannot accept, though connections wait.
static CANNOT_ACCEPT: Outage = Outage::common("accept", Common::Accept);

/// Logs an error that lasts, as often as it makes sense.
pub(super) fn log_exhausted(error: Errno) {
    CANNOT_ACCEPT.failed(error.desc());
}

/// A connection was accepted.
#[inline]
pub(super) fn accepted() {
    CANNOT_ACCEPT.worked();
}

/// Whether another try at once would fail again.
pub(super) fn is_lasting(error: Errno) -> bool {
    cure(error) == Cure::Wait
}

/// Does what an error of `accept(2)` asks for.
// ANCHOR: recover
pub(super) fn recover(error: Errno) -> io::Result<()> {
    match cure(error) {
        Cure::Retry => Ok(()),
        Cure::Wait => {
            log_exhausted(error);
            std::thread::sleep(EXHAUSTED_PAUSE);
            Ok(())
        }
        Cure::End => Err(error.into()),
    }
}

fn cure(error: Errno) -> Cure {
    use Cure::{End, Retry, Wait};
    match error {
        // The tick, a signal, or a client that has already gone.
        Errno::EAGAIN | Errno::EINTR | Errno::ECONNABORTED => Retry,
        // Linux hands errors that were pending on the new socket to accept.
        // They are the end of that connection and of no other (accept(2)).
        Errno::ENETDOWN
        | Errno::EPROTO
        | Errno::ENOPROTOOPT
        | Errno::EHOSTDOWN
        | Errno::ENONET
        | Errno::EHOSTUNREACH
        | Errno::EOPNOTSUPP
        | Errno::ENETUNREACH
        | Errno::ETIMEDOUT
        | Errno::ENOSR
        | Errno::ESOCKTNOSUPPORT
        | Errno::EPROTONOSUPPORT => Retry,
        // No listening socket at all: a mistake of this program.
        Errno::EBADF | Errno::EFAULT | Errno::EINVAL | Errno::ENOTSOCK => End,
        // No descriptors (EMFILE, ENFILE), no memory (ENOBUFS, ENOMEM), a
        // rule that forbids it (EPERM), or an error that no manual names.
        _ => Wait,
    }
}
// ANCHOR_END: recover

/// What helps against an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cure {
    /// The error has gone with the connection that it belonged to.
    Retry,
    /// The error lasts for a while.
    Wait,
    /// The error lasts for ever.
    End,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that ended with an unknown error could be ended from outside. One that retried at
    /// once might loop for ever.
    #[test]
    fn an_unknown_error_is_waited_out() {
        for error in (1..4096).map(Errno::from_raw) {
            let is_mistake = matches!(
                error,
                Errno::EBADF | Errno::EFAULT | Errno::EINVAL | Errno::ENOTSOCK
            );
            assert_eq!(cure(error) == Cure::End, is_mistake, "{error}");
        }
        for error in [
            Errno::EMFILE,
            Errno::ENFILE,
            Errno::ENOBUFS,
            Errno::ENOMEM,
            Errno::EPERM,
            Errno::EACCES,
            Errno::UnknownErrno,
        ] {
            assert!(is_lasting(error), "{error}");
        }
        for error in [Errno::ENOSR, Errno::ESOCKTNOSUPPORT, Errno::EPROTONOSUPPORT] {
            assert_eq!(cure(error), Cure::Retry, "{error}");
        }
    }
}
