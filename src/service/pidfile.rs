//! `--pidfile`: the process ID of the running server, and a lock against a second one.
//!
//! A lock on the file tells a running server from one that was killed before it could remove the
//! file: the kernel releases the lock when the process ends, however it ends. So a stale file is
//! replaced, and a second server is refused at once.
//!
//! The lock belongs to the open file (`flock(2)`), so the server keeps it while it opens and closes
//! the same file for clients. Forked children would share it, and so they close it first of all.
//!
//! During an upgrade the file changes hands in one `renameat2(2)`, so that the name always leads to
//! the file of a live server: the successor writes its file beside the old one and exchanges the
//! two. The old master finds its own by its inode.

use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, Flock, FlockArg, RenameFlags, renameat2};
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
    /// Children close the file: they would keep its lock, and could write another process's ID.
    _private: Private,
    locked: Flock<File>,
}

impl Pidfile {
    /// Writes the ID of this process to `path`, unless a live process has locked the file. If the
    /// file is that of `predecessor`, it is set aside.
    ///
    /// # Errors
    /// Another process holds the file (its ID is in the message), it is no pidfile, or it cannot be
    /// written. For an upgrade, the file system cannot exchange two files in one step.
    pub fn take(path: &Path, predecessor: Option<Pid>) -> io::Result<Self> {
        let mut aside = path.to_owned().into_os_string();
        aside.push(ASIDE);
        let aside = PathBuf::from(aside);
        let is_predecessors = predecessor.is_some_and(|pid| names(path, pid));
        let locked = claim(if is_predecessors { &aside } else { path })?;
        let mut taken = Self {
            _private: Private::note(&*locked),
            locked,
            home: path.to_owned(),
            aside,
        };
        // From here on a failure, or a signal, removes the file.
        signal::unlink_at_exit(&[&taken.home, &taken.aside], &*taken.locked);
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
        let _left_behind = claim(&self.home)?;
        fs::rename(&self.aside, &self.home)
    }

    /// Whether the name leads to the file that this process has locked. It may have been removed,
    /// and another server may have made another.
    fn is_at(&self, path: &Path) -> bool {
        leads_to(path, &self.locked)
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

/// Gives each of two names the file of the other, in one step.
fn exchange(new: &Path, old: &Path) -> io::Result<()> {
    let flags = RenameFlags::RENAME_EXCHANGE;
    Ok(renameat2(AT_FDCWD, new, AT_FDCWD, old, flags)?)
}

/// Opens or makes the file and locks it, unless another process has locked it or something else
/// than a process ID is in it.
// ANCHOR: claim
fn claim(path: &Path) -> io::Result<Flock<File>> {
    for _ in 0..RACES_MAX {
        let file = lock(open(path)?)?;
        // Its last holder may have removed it after this process opened it
        // and before it locked it: then this is a lock on a nameless file.
        if leads_to(path, &file) {
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

fn lock(file: File) -> io::Result<Flock<File>> {
    Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(file, error)| match error {
        Errno::EWOULDBLOCK => {
            let holder = io::read_to_string(file).unwrap_or_default();
            let holder = holder.trim();
            io::Error::other(format!(
                "process {holder} holds it: is the server running already?"
            ))
        }
        error => error.into(),
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

/// Whether the ID in the file is this one.
fn names(path: &Path, pid: Pid) -> bool {
    let mut options = File::options();
    let file = regular::open(options.read(true), libc::O_NOFOLLOW, path);
    let text = file.and_then(io::read_to_string);
    text.is_ok_and(|text| text.trim() == pid.to_string())
}

fn leads_to(path: &Path, file: &File) -> bool {
    let (named, opened) = (fs::symlink_metadata(path), file.metadata());
    let inode = |it: io::Result<fs::Metadata>| it.ok().map(|it| (it.dev(), it.ino()));
    named.is_ok() && inode(named) == inode(opened)
}

#[cfg(test)]
#[path = "pidfile_tests.rs"]
mod tests;
