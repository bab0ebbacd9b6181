//! Whether anybody is there at all.

use std::io;
use std::net::TcpStream;
use std::time::Duration;

use nix::errno::Errno;

use super::{Error, Target};

/// Connects once and hangs up, to tell a server that is not there before a run rather than by a
/// table full of errors.
///
/// # Errors
///
/// [`Error::Unreachable`] with the reason in words.
pub fn probe(target: &Target, timeout: Duration) -> Result<(), Error> {
    let reason = |error: io::Error| match error.raw_os_error() {
        Some(errno) => Errno::from_raw(errno).desc().to_lowercase(),
        None => error.to_string(),
    };
    match TcpStream::connect_timeout(&target.address, timeout) {
        Ok(_) => Ok(()),
        Err(error) => Err(Error::Unreachable {
            url: target.to_string(),
            reason: reason(error),
        }),
    }
}
