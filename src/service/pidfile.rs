//! `--pidfile`: the process ID of the running server, and a lock against a second one.
//!
//! A lock on the file tells a running server from one that was killed before it could remove the
//! file: the kernel releases the lock when the process ends, however it ends. So a stale file is
//! replaced, and a second server is refused at once.
//!
//! Two kinds of lock are used (`fcntl(2)`). A lock of the *process* is not inherited: workers that
//! outlive a killed master by a moment do not hold it. But the process loses it when it closes
//! *any* descriptor of the file, and a server that opens files for clients may open this one. A
//! lock of the *open file* stays, but children share it. So a process with children, which opens no
//! files for clients, takes the first; a process that serves, and has no children, the second.
//!
//! During an upgrade the file changes hands in one `renameat2(2)`, so that the name always leads to
//! the file of a live server: the successor writes its file beside the old one and exchanges the
//! two. The old master finds its own by its inode.

use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, FcntlArg, RenameFlags, fcntl, renameat2};
use nix::unistd::Pid;

use crate::sys::private::Private;
use crate::sys::{regular, signal};

/// What is appended to the name of a predecessor's file, as in nginx.
const ASIDE: &str = ".oldbin";
/// Enough for a process ID and the end of the line.
const ID_BYTES_MAX: u64 = 64;
/// How often to try to lock a file that another process removes in the same moment.
const RACES_MAX: u32 = 16;

/// A locked file with the ID of this process in it. Dropped, it is removed.
#[derive(Debug)]
pub struct Pidfile {
    /// The name that was asked for.
    home: PathBuf,
    /// The name while a successor has taken the other one.
    aside: PathBuf,
    /// Children could write another process's ID into the file.
    _private: Private,
    /// Holds the lock.
    locked: File,
}

impl Pidfile {
    /// Writes the ID of this process to `path`, unless a live process has locked the file. The
    /// process `has_children`, or opens files for clients; not both. If the file is that of
    /// `predecessor`, it is set aside.
    ///
    /// # Errors
    /// Another process holds the file (its ID is in the message), it is no pidfile, or it cannot be
    /// written.
    pub fn take(path: &Path, has_children: bool, predecessor: Option<Pid>) -> io::Result<Self> {
        let mut aside = path.to_owned().into_os_string();
        aside.push(ASIDE);
        let aside = PathBuf::from(aside);
        let is_predecessors = predecessor.is_some_and(|pid| holder(path) == Some(pid));
        let written_at = if is_predecessors { &aside } else { path };
        let locked = claim(written_at, has_children)?;
        let mut taken = Self {
            _private: Private::note(&locked),
            locked,
            home: path.to_owned(),
            aside,
        };
        // From here on a failure, or a signal, removes the file.
        signal::unlink_at_exit(&[&taken.home, &taken.aside], &taken.locked);
        taken.locked.set_len(0)?;
        taken.locked.rewind()?;
        writeln!(taken.locked, "{}", std::process::id())?;
        if is_predecessors {
            exchange(&taken.aside, path)?;
        }
        Ok(taken)
    }

    /// To be called when a successor has ended: whatever it has left in the place of this file is
    /// replaced.
    ///
    /// # Errors
    /// The file cannot be renamed, was removed, or another server has taken its place.
    pub fn put_back(&mut self) -> io::Result<()> {
        if self.is_at(&self.home) {
            return Ok(());
        }
        if !self.is_at(&self.aside) {
            return Err(io::Error::other("this server's file was removed"));
        }
        // Locked until it is replaced, so that no other server takes it meanwhile.
        let _left_behind = claim(&self.home, true)?;
        fs::rename(&self.aside, &self.home)
    }

    /// Whether the name leads to the file that this process has locked. It may have been removed,
    /// and another server may have made another.
    fn is_at(&self, path: &Path) -> bool {
        fs::symlink_metadata(path).is_ok_and(|named| is_same(&named, &self.locked))
    }
}

impl Drop for Pidfile {
    fn drop(&mut self) {
        signal::keep_file();
        for path in [&self.home, &self.aside] {
            if self.is_at(path) {
                // A process that has changed its user may not be allowed to. The lock goes anyway.
                let _ = fs::remove_file(path);
            }
        }
    }
}

/// Gives each of two names the file of the other, in one step. Some file systems cannot; there the
/// old file is moved first.
fn exchange(new: &Path, old: &Path) -> io::Result<()> {
    match renameat2(AT_FDCWD, new, AT_FDCWD, old, RenameFlags::RENAME_EXCHANGE) {
        Err(Errno::EINVAL | Errno::ENOSYS) => {
            let mut between = old.to_owned().into_os_string();
            between.push(".new");
            fs::rename(new, &between)?;
            fs::rename(old, new)?;
            fs::rename(&between, old)
        }
        exchanged => Ok(exchanged?),
    }
}

/// Opens or makes the file and locks it, unless another process has locked it or something else
/// than a process ID is in it.
// ANCHOR: claim
fn claim(path: &Path, has_children: bool) -> io::Result<File> {
    for _ in 0..RACES_MAX {
        let file = open(path)?;
        lock(&file, has_children)?;
        // Its last holder may have removed it after this process opened it
        // and before it locked it: then this is a lock on a nameless file.
        if fs::symlink_metadata(path).is_ok_and(|it| is_same(&it, &file)) {
            expect_id(&file)?;
            return Ok(file);
        }
    }
    Err(io::Error::other("another process keeps removing it"))
}
// ANCHOR_END: claim

/// Opens or makes the file. A symbolic link is not followed: a user who may write to the directory
/// could make a server that runs as root write to any file.
fn open(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true).write(true).create(true).mode(0o644);
    let file = regular::open(&mut options, libc::O_NOFOLLOW, path);
    file.map_err(|error| match error.raw_os_error() {
        Some(libc::ELOOP) => io::Error::other("it is a symbolic link"),
        _ => error,
    })
}

/// Refuses a file with other contents: a mistyped name may be that of the configuration.
fn expect_id(file: &File) -> io::Result<()> {
    let mut text = Vec::new();
    file.take(ID_BYTES_MAX).read_to_end(&mut text)?;
    match text.trim_ascii().iter().all(u8::is_ascii_digit) {
        true => Ok(()),
        false => Err(io::Error::other(
            "something else than a process ID is in it, and it stays as it is",
        )),
    }
}

/// Locks the whole file for this process, which `has_children`, or for the open file.
fn lock(file: &File, has_children: bool) -> io::Result<()> {
    let whole = whole_file();
    let locked = match has_children {
        true => fcntl(file, FcntlArg::F_SETLK(&whole)),
        false => fcntl(file, FcntlArg::F_OFD_SETLK(&whole)),
    };
    match locked {
        Ok(_) => Ok(()),
        Err(Errno::EAGAIN | Errno::EACCES) => {
            let holder = match holder_of(file) {
                Some(pid) => pid.to_string(),
                // The lock of an open file has no process. The ID in the file is its holder's.
                None => io::read_to_string(file)?.trim().to_owned(),
            };
            Err(io::Error::other(format!(
                "process {holder} holds it: is the server running already?"
            )))
        }
        Err(error) => Err(error.into()),
    }
}

/// The other process that has locked the file at `path`, if one has.
fn holder(path: &Path) -> Option<Pid> {
    let mut options = File::options();
    let file = regular::open(options.read(true), libc::O_NOFOLLOW, path);
    holder_of(&file.ok()?)
}

fn holder_of(file: &File) -> Option<Pid> {
    let mut whole = whole_file();
    fcntl(file, FcntlArg::F_GETLK(&mut whole)).ok()?;
    let is_locked = whole.l_type != libc::F_UNLCK as i16;
    (is_locked && whole.l_pid > 0).then(|| Pid::from_raw(whole.l_pid))
}

fn whole_file() -> libc::flock {
    libc::flock {
        l_type: libc::F_WRLCK as i16,
        l_whence: libc::SEEK_SET as i16,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
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

    fn take(path: &Path) -> io::Result<Pidfile> {
        Pidfile::take(path, true, None)
    }

    /// What a successor does to the file of its predecessor, which may be this process: a lock of
    /// the process does not keep itself out.
    fn set_aside(home: &Path) -> File {
        let aside = home.with_extension("oldbin");
        let new = claim(&aside, true).unwrap();
        exchange(&aside, home).unwrap();
        new
    }

    #[test]
    fn a_stale_file_is_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pid");
        fs::write(&path, "999999999999\n").unwrap();
        let _taken = take(&path).unwrap();
        assert_eq!(id_in(&path), std::process::id());
    }

    #[test]
    fn a_failed_successors_file_is_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pid");
        let aside = directory.path().join("pid.oldbin");
        let mut old = take(&path).unwrap();
        // It was killed, and could not remove its file.
        drop(set_aside(&path));
        assert!(path.exists() && aside.exists());
        assert_eq!(id_in(&aside), std::process::id());
        old.put_back().unwrap();
        assert_eq!(id_in(&path), std::process::id());
        assert!(!aside.exists());
        old.put_back().unwrap();
    }

    #[test]
    fn a_file_is_removed_under_either_name_and_a_successors_is_left() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pid");
        let aside = directory.path().join("pid.oldbin");
        let old = take(&path).unwrap();
        drop(set_aside(&path));
        drop(old);
        assert!(path.exists() && !aside.exists());
    }

    #[test]
    fn a_file_that_another_server_has_made_anew_is_left_to_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pid");
        let mut old = take(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let new = take(&path).unwrap();
        assert!(old.put_back().is_err());
        drop(old);
        assert!(path.exists());
        drop(new);
        assert!(!path.exists());
    }

    #[test]
    fn a_link_in_the_place_of_a_successors_file_is_not_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let (path, other) = (directory.path().join("pid"), directory.path().join("other"));
        let mut old = take(&path).unwrap();
        drop(set_aside(&path));
        fs::remove_file(&path).unwrap();
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
            take(name).unwrap_err();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        fs::write(&path, "").unwrap();
        take(&path).unwrap();
    }
}
