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
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};

use crate::sys::{regular, signal};

/// What a master that makes way for its successor appends to the name, as nginx does.
const ASIDE: &str = ".oldbin";
/// No process ID is as long as that, with the end of the line.
const ID_OCTETS_MAX: u64 = 64;
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
    locked: File,
}

impl Pidfile {
    /// Writes this process's ID to `path`, in the place of a file that nobody holds any more. It
    /// `has_children`, or opens files for clients; not both.
    ///
    /// # Errors
    /// Another process holds the file (its ID is in the message), or it cannot be written.
    pub fn take(path: &Path, has_children: bool) -> io::Result<Self> {
        let locked = claim(path, has_children)?;
        signal::unlink_at_exit(path, &locked);
        // From here on the file goes where this does, also if it cannot be written.
        let mut taken = Self {
            home: path.to_owned(),
            path: path.to_owned(),
            locked,
        };
        taken.locked.set_len(0)?;
        taken.locked.rewind()?;
        writeln!(taken.locked, "{}", std::process::id())?;
        Ok(taken)
    }

    /// Makes way for a successor, which takes the file's place while this process still runs.
    ///
    /// # Errors
    /// It cannot be renamed, or is somebody else's by now.
    pub fn set_aside(&mut self) -> io::Result<()> {
        let mut aside = self.home.clone().into_os_string();
        aside.push(ASIDE);
        self.rename(aside.into())
    }

    /// The successor has gone, and whatever it has left behind is replaced.
    ///
    /// # Errors
    /// It cannot be renamed, is somebody else's by now, or another server has taken its place.
    pub fn put_back(&mut self) -> io::Result<()> {
        if self.path == self.home {
            return Ok(());
        }
        self.expect_own()?;
        // Held until it is replaced: else another server could take it meanwhile.
        let _left_behind = claim(&self.home, true)?;
        self.rename(self.home.clone())
    }

    fn rename(&mut self, to: PathBuf) -> io::Result<()> {
        self.expect_own()?;
        fs::rename(&self.path, &to)?;
        signal::unlink_at_exit(&to, &self.locked);
        self.path = to;
        Ok(())
    }

    fn expect_own(&self) -> io::Result<()> {
        match self.is_own() {
            true => Ok(()),
            false => Err(io::Error::other("it is not this server's any more")),
        }
    }

    /// Whether the name still leads to the file that this process has locked: somebody may have
    /// removed it, and another server may have made it anew.
    fn is_own(&self) -> bool {
        fs::symlink_metadata(&self.path).is_ok_and(|named| is_same(&named, &self.locked))
    }
}

impl Drop for Pidfile {
    fn drop(&mut self) {
        // From here on it may be somebody else's.
        signal::keep_file();
        if self.is_own() {
            // Who has become somebody else may not be allowed to; the lock goes in any case.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Opens the file or makes it, and locks it, unless somebody else holds it or something else is in
/// it than a process ID.
// ANCHOR: claim
fn claim(path: &Path, has_children: bool) -> io::Result<File> {
    for _ in 0..RACES_MAX {
        let file = open(path)?;
        lock(&file, has_children)?;
        // Whoever held it may have removed it between our opening and
        // our locking it: then this is a lock on a nameless file.
        if fs::symlink_metadata(path).is_ok_and(|it| is_same(&it, &file)) {
            expect_id(&file)?;
            return Ok(file);
        }
    }
    Err(io::Error::other("somebody else keeps removing it"))
}
// ANCHOR_END: claim

/// Opens the file or makes it. A symbolic link is not followed: whoever may write to the directory
/// could have a server that runs as root write anywhere.
fn open(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true).write(true).create(true).mode(0o644);
    let file = regular::open(&mut options, libc::O_NOFOLLOW, path);
    file.map_err(|error| match error.raw_os_error() {
        Some(libc::ELOOP) => io::Error::other("it is a symbolic link"),
        _ => error,
    })
}

/// Whether the file may be overwritten: a name that was mistyped may be that of the configuration.
fn expect_id(file: &File) -> io::Result<()> {
    let mut text = Vec::new();
    file.take(ID_OCTETS_MAX).read_to_end(&mut text)?;
    match text.trim_ascii().iter().all(u8::is_ascii_digit) {
        true => Ok(()),
        false => Err(io::Error::other(
            "something else than a process ID is in it, and it stays as it is",
        )),
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

    #[test]
    fn a_file_that_another_server_has_made_anew_is_left_to_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pid");
        let mut old = Pidfile::take(&path, true).unwrap();
        fs::remove_file(&path).unwrap();
        let new = Pidfile::take(&path, true).unwrap();
        assert!(old.set_aside().is_err());
        drop(old);
        assert!(path.exists());
        drop(new);
        assert!(!path.exists());
    }

    /// It may be more than a successor that has left something in its place.
    #[test]
    fn what_is_no_pidfile_is_not_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let (path, other) = (directory.path().join("pid"), directory.path().join("other"));
        let mut old = Pidfile::take(&path, true).unwrap();
        old.set_aside().unwrap();
        fs::write(&other, "1\n").unwrap();
        std::os::unix::fs::symlink(&other, &path).unwrap();
        let why = old.put_back().unwrap_err().to_string();
        assert!(why.contains("symbolic link"), "{why}");
        assert!(fs::symlink_metadata(&path).unwrap().is_symlink());
        fs::remove_file(&path).unwrap();
        old.put_back().unwrap();
        assert_eq!(id_in(&path), std::process::id());
    }

    #[test]
    fn what_is_no_pidfile_stays_as_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let (path, link) = (
            directory.path().join("c.toml"),
            directory.path().join("link"),
        );
        std::os::unix::fs::symlink(&path, &link).unwrap();
        for (name, text) in [(&path, "workers = 4\n"), (&path, "1\n2\n"), (&link, "1\n")] {
            fs::write(&path, text).unwrap();
            Pidfile::take(name, true).unwrap_err();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        fs::write(&path, "").unwrap();
        Pidfile::take(&path, true).unwrap();
    }
}
