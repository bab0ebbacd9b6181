//! Whether anybody is there at all.

use std::net::TcpStream;
use std::time::Duration;

use super::{Error, Target};
use crate::sys::errors::plain;

/// Connects once and hangs up, to tell a server that is not there before a run rather than by a
/// table full of errors.
///
/// # Errors
///
/// [`Error::Unreachable`] with the reason in words.
pub fn probe(target: &Target, timeout: Duration) -> Result<(), Error> {
    match TcpStream::connect_timeout(&target.address, timeout) {
        Ok(_) => Ok(()),
        Err(error) => Err(Error::Unreachable {
            url: target.to_string(),
            reason: plain(&error),
        }),
    }
}
