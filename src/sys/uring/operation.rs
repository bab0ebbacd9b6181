//! What can be submitted to a ring, and what comes back.

use std::net::TcpStream;
use std::os::fd::BorrowedFd;

use io_uring::squeue::{Entry, Flags};

/// Memory that an operation reads from or writes to. While the kernel has it, the program does not.
pub trait Parcel: 'static {
    /// The bytes to send.
    fn bytes(&self) -> &[u8];

    /// The part of a file to read, if any: the file, the offset in it, and the memory to read into.
    fn part(&mut self) -> Option<(BorrowedFd<'_>, u64, &mut [u8])>;
}

/// An operation that is complete, or one completion of an operation that goes on. `key` is the
/// caller's name for the connection.
pub enum Done<P> {
    /// A client has connected, or accepting has failed. Unless `goes_on`, this was the last one.
    Accepted {
        /// The caller's name for the listening socket.
        key: usize,
        /// The connection, close-on-exec.
        client: nix::Result<TcpStream>,
        /// Whether the operation is still in flight.
        goes_on: bool,
    },
    /// Bytes have arrived, see [`received`](super::Ring::received). A count of 0 is the end of the
    /// connection.
    Received {
        /// The connection that they came from.
        key: usize,
        /// How many bytes. ENOBUFS if there was no buffer for them: ask again.
        count: nix::Result<usize>,
        /// Whether the operation is still in flight.
        goes_on: bool,
    },
    /// Bytes have been sent, maybe not all of them.
    Sent {
        /// The connection that they were sent to.
        key: usize,
        /// How many bytes.
        count: nix::Result<usize>,
        /// The memory that they were sent from.
        parcel: Box<P>,
    },
    /// A part of a file has been read, maybe less than there was room for. A count of 0 is its end.
    Read {
        /// The connection that the file is read for.
        key: usize,
        /// How many bytes.
        count: nix::Result<usize>,
        /// The memory that they were read into.
        parcel: Box<P>,
    },
}

/// An operation on a connection that can be cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancel {
    /// Receiving from it.
    Receive,
    /// Sending to it.
    Send,
}

/// Operations, as the low bits of the number by which a completion is known; the key is above.
pub(super) mod code {
    pub(in crate::sys::uring) const ACCEPT: u64 = 0;
    pub(in crate::sys::uring) const RECEIVE: u64 = 1;
    pub(in crate::sys::uring) const SEND: u64 = 2;
    pub(in crate::sys::uring) const READ: u64 = 3;
    /// Closing and cancelling: no caller waits for them, and they name no memory.
    pub(in crate::sys::uring) const ASIDE: u64 = 4;
    pub(in crate::sys::uring) const BITS: u32 = 3;
}

/// The number by which a completion is known.
pub(super) fn name(operation: u64, key: usize) -> u64 {
    (key as u64) << code::BITS | operation
}

/// Marks an operation that has no completion, unless it fails.
pub(super) fn aside(entry: Entry) -> Entry {
    entry
        .flags(Flags::SKIP_SUCCESS)
        .user_data(name(code::ASIDE, 0))
}
