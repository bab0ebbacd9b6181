//! `--pidfile`: who runs here, and that nobody else does.
//!
//! A process ID in a file is only as good as the process. What tells a running server from one
//! that was killed without cleaning up is a lock on the file: it goes with the process that holds
//! it, however that ends. So a stale file is no obstacle, and a second instance finds out at once.
//!
//! Of the three kinds of lock, two will do, each for some (`fcntl(2)`). One belongs to the process,
//! and children do not inherit it: workers that outlive a killed master by a moment do not keep the
//! next one from starting. But it goes with *any* descriptor of the file that the process closes,
//! and who opens files for clients may be asked for this one. The other belongs to the open file:
//! that one stays, but children share it. So who has children, and serves nobody, takes the first,
//! and who serves and has none the second.

use std::fs::{self, File};
use std::io::{self, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};

use crate::sys::signal;

/// What a master that makes way for its successor appends to the name, as nginx does.
const ASIDE: &str = ".oldbin";
/// Attempts at a file that somebody else is just removing.
const RACES_MAX: u32 = 16;

/// A locked file with the ID of this process in it. Dropped, it is removed.
#[derive(Debug)]
pub struct Pidfile {
    /// Where it belongs.
    home: PathBuf,
    /// Where it is: at home, or aside.
    path: PathBuf,
    /// Holds the lock.
    _locked: File,
}

impl Pidfile {
    /// Writes this process's ID to `path`, in the place of a file that nobody holds any more. It
    /// `has_children`, or opens files for clients; not both.
    ///
    /// # Errors
    /// Another process holds the file (its ID is in the message), or it cannot be written.
    // ANCHOR: take
    pub fn take(path: &Path, has_children: bool) -> io::Result<Self> {
        for _ in 0..RACES_MAX {
            let mut file = File::options()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o644)
                .open(path)?;
            lock(&file, has_children)?;
            // Whoever held it may have removed it between our opening and
            // our locking it: then this is a lock on a nameless file.
            if fs::metadata(path).is_ok_and(|named| is_same(&named, &file)) {
                file.set_len(0)?;
                file.rewind()?;
                writeln!(file, "{}", std::process::id())?;
                signal::leave_nothing_at(path);
                return Ok(Self {
                    home: path.to_owned(),
                    path: path.to_owned(),
                    _locked: file,
                });
            }
        }
        Err(io::Error::other("somebody else keeps removing it"))
    }
    // ANCHOR_END: take

    /// Makes way for a successor, which takes the file's place while this process still runs.
    ///
    /// # Errors
    /// It cannot be renamed.
    pub fn set_aside(&mut self) -> io::Result<()> {
        let mut aside = self.home.clone().into_os_string();
        aside.push(ASIDE);
        self.rename(aside.into())
    }

    /// The successor has gone, and whatever it has left behind is replaced.
    ///
    /// # Errors
    /// It cannot be renamed.
    pub fn put_back(&mut self) -> io::Result<()> {
        self.rename(self.home.clone())
    }

    fn rename(&mut self, to: PathBuf) -> io::Result<()> {
        fs::rename(&self.path, &to)?;
        signal::leave_nothing_at(&to);
        self.path = to;
        Ok(())
    }
}

impl Drop for Pidfile {
    fn drop(&mut self) {
        // From here on it may be somebody else's.
        signal::leave_all();
        // Who has become somebody else may not be allowed to; the lock goes in any case.
        let _ = fs::remove_file(&self.path);
    }
}

/// Locks the whole file, if nobody else has: for the process, which `has_children`, or for the
/// opening.
fn lock(file: &File, has_children: bool) -> io::Result<()> {
    let mut whole = libc::flock {
        l_type: libc::F_WRLCK as i16,
        l_whence: libc::SEEK_SET as i16,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    };
    let locked = match has_children {
        true => fcntl(file, FcntlArg::F_SETLK(&whole)),
        false => fcntl(file, FcntlArg::F_OFD_SETLK(&whole)),
    };
    match locked {
        Ok(_) => Ok(()),
        Err(Errno::EAGAIN | Errno::EACCES) => {
            // Says who it is, where F_SETLK only says that it is somebody.
            fcntl(file, FcntlArg::F_GETLK(&mut whole))?;
            let holder = match whole.l_pid {
                // An opening is nobody's in particular; the file says whose.
                ..=0 => io::read_to_string(file)?.trim().to_owned(),
                pid => pid.to_string(),
            };
            Err(io::Error::other(format!(
                "process {holder} holds it: is the server running already?"
            )))
        }
        Err(error) => Err(error.into()),
    }
}

fn is_same(named: &fs::Metadata, file: &File) -> bool {
    let opened = file.metadata();
    opened.is_ok_and(|opened| (opened.dev(), opened.ino()) == (named.dev(), named.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id_in(path: &Path) -> u32 {
        fs::read_to_string(path).unwrap().trim().parse().unwrap()
    }

    #[test]
    fn a_stale_file_is_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pid");
        fs::write(&path, "999999999999\n").unwrap();
        let _taken = Pidfile::take(&path, true).unwrap();
        assert_eq!(id_in(&path), std::process::id());
    }

    #[test]
    fn a_successor_takes_the_place_and_a_failed_one_gives_it_back() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pid");
        let aside = directory.path().join("pid.oldbin");
        let mut old = Pidfile::take(&path, true).unwrap();
        old.set_aside().unwrap();
        let new = Pidfile::take(&path, true).unwrap();
        assert!(path.exists() && aside.exists());
        // It was killed, and could not remove its file.
        std::mem::forget(new);
        old.put_back().unwrap();
        assert!(path.exists() && !aside.exists());
        old.set_aside().unwrap();
        drop(old);
        assert!(!path.exists() && !aside.exists());
    }
}
