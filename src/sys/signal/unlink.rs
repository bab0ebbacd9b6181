//! A file that disappears with the process, even when a signal handler ends it.

use std::ffi::CString;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr::null_mut;
use std::sync::atomic::AtomicPtr;
use std::sync::atomic::Ordering::{Acquire, Release};

use nix::sys::stat::{fstat, lstat};
use nix::unistd::unlink;

/// The file to unlink when the process that installed the handlers leaves.
static FILE: AtomicPtr<NamedFile> = AtomicPtr::new(null_mut());
/// The files of Unix sockets, which are unlinked then, too.
static SOCKETS: AtomicPtr<Vec<NamedFile>> = AtomicPtr::new(null_mut());

/// An open file, and the names that it may have when the process leaves.
struct NamedFile {
    paths: Vec<CString>,
    device: libc::dev_t,
    inode: libc::ino_t,
}

/// If a handler ends this process, it unlinks each of `paths` that leads to `file` then. Children
/// leave the file alone.
pub fn unlink_at_exit(paths: &[&Path], file: &impl AsFd) {
    // fstat of an open file does not fail.
    let Ok(status) = fstat(file) else {
        return;
    };
    // A path that contains a zero byte leads nowhere.
    let noted = Box::new(NamedFile {
        paths: c_paths(paths.iter().copied()),
        device: status.st_dev,
        inode: status.st_ino,
    });
    // A handler may be reading the previous one, so none is ever freed. There are few.
    FILE.store(Box::into_raw(noted), Release);
}

/// The same for the files of sockets: their paths, devices and inodes. To be called once.
pub fn unlink_sockets_at_exit<'p>(files: impl Iterator<Item = (&'p Path, u64, u64)>) {
    let named = files.map(|(path, device, inode)| NamedFile {
        paths: c_paths(std::iter::once(path)),
        device,
        inode,
    });
    SOCKETS.store(Box::into_raw(Box::new(named.collect())), Release);
}

fn c_paths<'p>(paths: impl Iterator<Item = &'p Path>) -> Vec<CString> {
    let paths = paths.map(|path| path.as_os_str().as_bytes());
    paths.filter_map(|path| CString::new(path).ok()).collect()
}

/// Takes back what [`unlink_at_exit`] has asked for.
pub fn keep_file() {
    FILE.store(null_mut(), Release);
}

/// Called in a handler: `lstat(2)` and `unlink(2)` on a C string are bare system calls.
pub(super) fn unlink_now() {
    // SAFETY: each is null or comes from a box that is never freed.
    let (file, sockets) = unsafe { (FILE.load(Acquire).as_ref(), SOCKETS.load(Acquire).as_ref()) };
    for file in file.into_iter().chain(sockets.into_iter().flatten()) {
        for path in &file.paths {
            if let Ok(now) = lstat(path.as_c_str())
                && (now.st_dev, now.st_ino) == (file.device, file.inode)
            {
                let _ = unlink(path.as_c_str());
            }
        }
    }
}
