//! Opening regular files only.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Opens a file with `flags` of `open(2)` added to `options`. O_NONBLOCK has no effect on a regular
/// file, but without it the opening of a named pipe would wait for the other end.
///
/// # Errors
/// It is no regular file, or it cannot be opened.
pub fn open(options: &mut OpenOptions, flags: i32, path: &Path) -> io::Result<File> {
    let options = options.custom_flags(libc::O_NONBLOCK | flags);
    let file = options.open(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::other("it is no regular file")),
    }
}
