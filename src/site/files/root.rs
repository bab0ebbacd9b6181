//! The directory that is served, and how a file below it is opened.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, open, openat2};
use nix::sys::stat::Mode;

use super::path::Wanted;

/// The directory that `/files/` serves, held open: what it is called may change later.
#[derive(Debug)]
pub struct Root {
    directory: OwnedFd,
}

/// What a path turned out to be.
#[derive(Debug)]
pub(super) enum Found {
    /// A regular file.
    File(File),
    /// The `index.html` of the directory that was asked for.
    Index(File),
    /// A directory with an `index.html`, asked for without the slash at its end.
    IndexBehindSlash,
}

impl Root {
    /// Opens the directory.
    ///
    /// # Errors
    /// ENOENT, ENOTDIR or EACCES, if it is not a directory that this process can enter; ENOSYS
    /// before Linux 5.6.
    pub fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let root = Self {
            directory: open(path, flags, Mode::empty())?,
        };
        // Better to hear now than at every request that the kernel, or a sandbox, has no openat2.
        root.find(Path::new("."), OFlag::O_PATH)?;
        Ok(root)
    }

    /// The directory once more, for whoever is to allow access to it.
    ///
    /// # Errors
    /// EMFILE.
    pub fn directory(&self) -> io::Result<OwnedFd> {
        self.directory.try_clone()
    }

    /// Opens a regular file, or a directory's `index.html`.
    ///
    /// # Errors
    /// ENOENT and ENOTDIR if there is no such file, and for anything that is neither a regular
    /// file nor a directory; EXDEV and ELOOP if the way leads out of the root; EACCES.
    pub(super) fn open_wanted(&self, wanted: &Wanted) -> io::Result<Found> {
        // Without O_NONBLOCK, opening a named pipe would wait for its writer.
        let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK;
        let file = self.find(&wanted.path, flags)?;
        let kind = file.metadata()?.file_type();
        if kind.is_dir() {
            let index = self.find(&wanted.path.join("index.html"), flags)?;
            return match index.metadata()?.is_file() {
                true if wanted.directory => Ok(Found::Index(index)),
                true => Ok(Found::IndexBehindSlash),
                false => Err(Errno::ENOENT.into()),
            };
        }
        // A slash behind a file's name asks for a directory that is none.
        match kind.is_file() && !wanted.directory {
            true => Ok(Found::File(file)),
            false => Err(Errno::ENOTDIR.into()),
        }
    }

    /// Opens what a path names below the root. The kernel does the walking and stops at anything
    /// that would lead out, be it `..` or a symbolic link, so that no race can sneak past a check
    /// (`openat2(2)`, RESOLVE_BENEATH; Linux 5.6).
    fn find(&self, path: &Path, flags: OFlag) -> nix::Result<File> {
        let how = OpenHow::new()
            .flags(flags | OFlag::O_CLOEXEC)
            .resolve(ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_MAGICLINKS);
        for _ in 1..RACES_MAX {
            // EAGAIN: something was renamed on the way, and the kernel cannot tell any more
            // whether the way stayed inside.
            match openat2(&self.directory, path, how) {
                Err(Errno::EAGAIN) => {}
                opened => return opened.map(File::from),
            }
        }
        openat2(&self.directory, path, how).map(File::from)
    }
}

/// Attempts at opening a file below directories that are being renamed.
const RACES_MAX: u32 = 4;
