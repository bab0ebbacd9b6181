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
    let paths = paths.iter().map(|path| path.as_os_str().as_bytes());
    let paths = paths.filter_map(|path| CString::new(path).ok()).collect();
    let noted = Box::new(NamedFile {
        paths,
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
    let Some(file) = noted else {
        return;
    };
    for path in &file.paths {
        if let Ok(now) = lstat(path.as_c_str())
            && (now.st_dev, now.st_ino) == (file.device, file.inode)
        {
            let _ = unlink(path.as_c_str());
        }
    }
}
