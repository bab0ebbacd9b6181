//! `--sandbox`: what a worker cannot do, even if a client makes its code do what it likes.
//!
//! Landlock is about *objects*: which files, which ports, which processes. Seccomp is about
//! *verbs*: which system calls. Neither needs root, neither can be undone, and both are passed on
//! to children and threads.

mod calls;
mod objects;

use std::os::fd::OwnedFd;
use std::sync::Once;

use nix::sys::prctl;

/// What a sandbox leaves to whoever is in it.
pub struct Sandbox {
    /// The one directory below which files may be read.
    pub root: Option<OwnedFd>,
    /// Whether the model itself is made of io_uring.
    pub uring: bool,
}

impl Sandbox {
    /// Confines the calling thread, and all threads and children that it will have. For good.
    ///
    /// # Errors
    /// A sentence: this kernel cannot do it.
    pub fn enter(&self) -> Result<(), String> {
        forgo_privileges()?;
        objects::bound(self.root.as_ref()).map_err(|error| format!("landlock: {error}"))?;
        calls::bound(self.uring).map_err(|error| format!("seccomp: {error}"))
    }
}

/// Whether this kernel has what a sandbox is made of, found out without entering one. What it is
/// too old for is noted in the log.
///
/// # Errors
/// A sentence: it has not.
pub fn is_supported() -> Result<(), String> {
    if !objects::is_known() {
        return Err("this kernel has no Landlock, or it is not enabled".to_owned());
    }
    let unbounded = objects::unbounded();
    if !unbounded.is_empty() {
        // A reload asks again, and the kernel is the same.
        static NOTED: Once = Once::new();
        let list = unbounded.join("; ");
        NOTED.call_once(|| {
            crate::log!("sandbox: the Landlock of this kernel is too old to bound: {list}");
        });
    }
    Ok(())
}

/// From now on no program that this process or its children run gets more rights than they have,
/// be it set-user-ID root (`PR_SET_NO_NEW_PRIVS(2const)`).
///
/// # Errors
/// None that is known since Linux 3.5.
pub fn forgo_privileges() -> Result<(), String> {
    prctl::set_no_new_privs().map_err(|error| format!("no_new_privs: {}", error.desc()))
}

#[cfg(test)]
mod tests;
