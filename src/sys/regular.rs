//! Files that have to be regular ones.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Opens a file, by flags of `open(2)` besides what `options` say. Without O_NONBLOCK, which means
/// nothing to a regular file, opening a named pipe would wait for its other end.
///
/// # Errors
/// It is something else; or it cannot be opened.
pub fn open(options: &mut OpenOptions, flags: i32, path: &Path) -> io::Result<File> {
    let options = options.custom_flags(libc::O_NONBLOCK | flags);
    let file = options.open(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::other("it is no regular file")),
    }
}
