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

/// A path, and the file that it led to when it was noted.
struct NamedFile {
    path: CString,
    device: libc::dev_t,
    inode: libc::ino_t,
}

/// If a handler ends this process, it unlinks `path`, unless that leads to another file than `file`
/// by then. Children leave the file alone.
pub fn unlink_at_exit(path: &Path, file: &impl AsFd) {
    // A path that contains a zero byte leads nowhere; fstat of an open file does not fail.
    let path = CString::new(path.as_os_str().as_bytes());
    let (Ok(path), Ok(status)) = (path, fstat(file)) else {
        return;
    };
    let noted = Box::new(NamedFile {
        path,
        device: status.st_dev,
        inode: status.st_ino,
    });
    // A handler may be reading the previous one, so none is ever freed. There are few.
    FILE.store(Box::into_raw(noted), Release);
}

/// Takes back what [`unlink_at_exit`] has asked for.
pub fn keep_file() {
    FILE.store(null_mut(), Release);
}

/// Called in a handler: `lstat(2)` and `unlink(2)` on a C string are bare system calls.
pub(super) fn unlink_now() {
    // SAFETY: it is null or comes from a box that is never freed.
    let noted = unsafe { FILE.load(Acquire).as_ref() };
    if let Some(file) = noted
        && let Ok(now) = lstat(file.path.as_c_str())
        && (now.st_dev, now.st_ino) == (file.device, file.inode)
    {
        let _ = unlink(file.path.as_c_str());
    }
}
