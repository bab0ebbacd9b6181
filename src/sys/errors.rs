//! Errors in words.

use std::io;

use nix::errno::Errno;

/// An error without the number that the standard library appends: `connection refused`.
pub fn plain(error: &io::Error) -> String {
    match error.raw_os_error() {
        // Its description in nix is a piece of advice: "try again".
        Some(libc::EAGAIN) => "resource temporarily unavailable".to_owned(),
        Some(code) => Errno::from_raw(code).desc().to_lowercase(),
        None => error.to_string(),
    }
}
