//! The directory that `/files/` serves, and how a file below it is opened.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, open, openat2};
use nix::sys::stat::Mode;

use super::path::Wanted;

/// The directory that `/files/` serves. It is held open, so that a later rename changes nothing.
#[derive(Debug)]
pub struct Root {
    directory: OwnedFd,
}

/// What a path leads to.
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
    /// Opens the directory at `path`.
    ///
    /// # Errors
    /// ENOENT, ENOTDIR or EACCES, if it is not a directory that this process can enter; ENOSYS
    /// before Linux 5.6.
    pub fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let root = Self {
            directory: open(path, flags, Mode::empty())?,
        };
        // An old kernel or a sandbox may have no openat2. Find out now, not at each request.
        root.find(Path::new("."), OFlag::O_PATH)?;
        Ok(root)
    }

    /// Duplicates the descriptor of the directory, for the sandbox, which allows access to it.
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
    /// file nor a directory; EACCES if it may not be read; EXDEV if a symbolic link on the path is
    /// absolute or leads out of the root; ELOOP if links lead in a circle, or through a link of
    /// `/proc`.
    pub(super) fn open_wanted(&self, wanted: &Wanted) -> io::Result<Found> {
        // Without O_NONBLOCK, opening a named pipe would wait for its writer.
        let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK;
        let file = match self.find(&wanted.path, flags) {
            // Permission to search a directory suffices for a file in it. O_PATH opens a directory
            // without permission to read its list of names.
            Err(Errno::EACCES) => {
                let found = self.find(&wanted.path, OFlag::O_PATH)?;
                match found.metadata()?.is_dir() {
                    true => found,
                    false => return Err(Errno::EACCES.into()),
                }
            }
            found => found?,
        };
        let kind = file.metadata()?.file_type();
        if kind.is_dir() {
            let index = self.find(&wanted.path.join("index.html"), flags)?;
            return match index.metadata()?.is_file() {
                true if wanted.directory => Ok(Found::Index(index)),
                true => Ok(Found::IndexBehindSlash),
                false => Err(Errno::ENOENT.into()),
            };
        }
        // A slash behind the name of a file asks for a directory of that name.
        match kind.is_file() && !wanted.directory {
            true => Ok(Found::File(file)),
            false => Err(Errno::ENOTDIR.into()),
        }
    }

    /// Opens what a path names below the root (`openat2(2)`; Linux 5.6).
    ///
    /// With RESOLVE_BENEATH the kernel itself fails at `..` and at any symbolic link that would
    /// lead out. A check of our own before the open could be raced by a rename.
    fn find(&self, path: &Path, flags: OFlag) -> nix::Result<File> {
        let how = OpenHow::new()
            .flags(flags | OFlag::O_CLOEXEC)
            .resolve(ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_MAGICLINKS);
        for _ in 1..RACES_MAX {
            // EAGAIN: a rename happened meanwhile, and the kernel cannot tell whether the path
            // stayed inside.
            match openat2(&self.directory, path, how) {
                Err(Errno::EAGAIN) => {}
                opened => return opened.map(File::from),
            }
        }
        openat2(&self.directory, path, how).map(File::from)
    }
}

/// Attempts to open a file while directories on its path are being renamed.
const RACES_MAX: u32 = 4;
