//! A descriptor that a runtime watches.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Has the runtime of this thread watch until `descriptor` is readable.
///
/// # Errors
/// EMFILE; and the runtime cannot watch it.
pub fn readable(descriptor: BorrowedFd<'_>) -> io::Result<AsyncFd<OwnedFd>> {
    let own = descriptor.try_clone_to_owned()?;
    // SAFETY: an OwnedFd is open until it is dropped, and always names the same descriptor.
    let watched = unsafe { AsyncFd::register_with_interest(own, Interest::READABLE) };
    Ok(watched?)
}
