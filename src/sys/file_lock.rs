//! A lock on a file: `flock(2)`.

use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::memfd::{MFdFlags, memfd_create};

/// A file in memory that is never read or written: it exists to be locked.
pub struct LockFile {
    file: OwnedFd,
}

/// One party to the lock: an open file description.
pub struct FileLock {
    file: File,
}

/// The lock is held; dropping this releases it.
pub struct Locked<'a> {
    lock: &'a FileLock,
}

impl LockFile {
    /// A file without a place in the file system (`memfd_create(2)`), close-on-exec.
    ///
    /// # Errors
    /// EMFILE, ENFILE, ENOMEM.
    pub fn create(name: &CStr) -> nix::Result<Self> {
        let file = memfd_create(name, MFdFlags::MFD_CLOEXEC)?;
        Ok(Self { file })
    }

    /// Opens the file once more, as a new party to the lock.
    ///
    /// A lock of this kind belongs to the *open file description*, which a forked child shares
    /// with its parent. An inherited or duplicated descriptor is therefore the same party: parent
    /// and child would hold the lock together, until both have closed it.
    ///
    /// # Errors
    /// EMFILE and the like, or there is no `/proc`.
    // ANCHOR: open
    pub fn open(&self) -> io::Result<FileLock> {
        let path = format!("/proc/self/fd/{}", self.file.as_raw_fd());
        let file = File::options().read(true).write(true).open(path)?;
        Ok(FileLock { file })
    }
    // ANCHOR_END: open
}

impl FileLock {
    /// Waits for the lock. `None` if a signal handler ran meanwhile; nothing else ends the wait
    /// early.
    ///
    /// # Errors
    /// ENOLCK: the kernel has no memory for it.
    pub fn lock(&self) -> nix::Result<Option<Locked<'_>>> {
        match self.flock(libc::LOCK_EX) {
            Ok(()) => Ok(Some(Locked { lock: self })),
            Err(Errno::EINTR) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn flock(&self, how: libc::c_int) -> nix::Result<()> {
        // SAFETY: flock takes any number for a descriptor, and this one is open.
        Errno::result(unsafe { libc::flock(self.file.as_raw_fd(), how) }).map(drop)
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        // Of the errors in flock(2), none can occur when an open file is unlocked.
        let _ = self.lock.flock(libc::LOCK_UN);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_free(party: &FileLock) -> bool {
        let free = party.flock(libc::LOCK_EX | libc::LOCK_NB).is_ok();
        party.flock(libc::LOCK_UN).unwrap();
        free
    }

    #[test]
    fn each_opening_is_another_party() {
        let file = LockFile::create(c"test").unwrap();
        let (one, other) = (file.open().unwrap(), file.open().unwrap());
        let held = one.lock().unwrap().unwrap();
        assert!(!is_free(&other));
        drop(held);
        assert!(is_free(&other));
    }

    /// When a process is killed, the kernel closes its descriptors.
    #[test]
    fn closing_releases_the_lock_unless_the_opening_is_shared() {
        let file = LockFile::create(c"test").unwrap();
        for shared in [false, true] {
            let (one, other) = (file.open().unwrap(), file.open().unwrap());
            let copy = shared.then(|| one.file.try_clone().unwrap());
            std::mem::forget(one.lock().unwrap().unwrap());
            drop(one);
            assert_eq!(is_free(&other), !shared);
            drop(copy);
            assert!(is_free(&other));
        }
    }
}
