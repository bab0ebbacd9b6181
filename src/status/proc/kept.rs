//! Files that a process in a sandbox can read because it had opened them before.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;

/// Files of `/proc` that the master opened before it entered a sandbox. The kernel checks the
/// permission when a file is opened. A later read from its start yields the present content.
#[derive(Debug)]
pub(in crate::status) struct Kept {
    pub(super) stat: Option<File>,
    /// The tables of sockets of IPv4 and of IPv6.
    pub(super) tables: [Option<File>; 2],
}

impl Kept {
    /// Opens the files for the server whose main process is the calling one.
    pub(in crate::status) fn open() -> Self {
        let open = |name| File::open(format!("/proc/self/{name}")).ok();
        Self {
            stat: open("stat"),
            tables: [open("net/tcp"), open("net/tcp6")],
        }
    }
}

/// Reads a file from its start. The position of a shared descriptor belongs to all its users, so
/// this reads with `pread(2)` and a position of its own.
pub(super) struct FromStart<'a> {
    file: &'a File,
    at: u64,
}

impl<'a> FromStart<'a> {
    pub(super) fn of(file: &'a File) -> Self {
        Self { file, at: 0 }
    }
}

impl Read for FromStart<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(buffer, self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}
