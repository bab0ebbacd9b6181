//! `--sandbox`: what a worker cannot do, even if a client controls the code that it runs.
//!
//! Landlock is about *objects*: which files, which ports, which processes. Seccomp is about
//! *verbs*: which system calls. Neither needs root, neither can be undone, and children and new
//! threads inherit both.

mod calls;
mod objects;

use std::os::fd::OwnedFd;
use std::sync::Once;

use nix::sys::prctl;

/// The exceptions of a sandbox.
pub struct Sandbox {
    /// Files below this directory may be read.
    pub root: Option<OwnedFd>,
    /// The model uses io_uring, so that its system calls are allowed.
    pub uring: bool,
    /// The model forks a child for each connection.
    pub forks: bool,
}

impl Sandbox {
    /// Confines the calling thread, and all its later threads and children, for good.
    ///
    /// # Errors
    /// A sentence: this kernel lacks a part of it.
    pub fn enter(&self) -> Result<(), String> {
        forgo_privileges()?;
        objects::bound(self.root.as_ref()).map_err(|error| format!("landlock: {error}"))?;
        calls::bound(self.uring, self.forks).map_err(|error| format!("seccomp: {error}"))
    }
}

/// Checks that this kernel has what a sandbox needs, without entering one. Logs what an older
/// kernel does not restrict.
///
/// # Errors
/// A sentence: this kernel has no Landlock.
pub fn is_supported() -> Result<(), String> {
    if !objects::is_known() {
        return Err("this kernel has no Landlock, or it is not enabled".to_owned());
    }
    let unbounded = objects::unbounded();
    if !unbounded.is_empty() {
        // Each reload checks again, on the same kernel.
        static NOTED: Once = Once::new();
        let list = unbounded.join("; ");
        NOTED.call_once(|| {
            crate::log_warn!("sandbox: the Landlock of this kernel is too old to bound: {list}");
        });
    }
    Ok(())
}

/// No program that this process or its children run gains privileges any more, not even one that is
/// set-user-ID root (`PR_SET_NO_NEW_PRIVS(2const)`).
///
/// # Errors
/// None that is known since Linux 3.5.
pub fn forgo_privileges() -> Result<(), String> {
    prctl::set_no_new_privs().map_err(|error| format!("no_new_privs: {}", error.desc()))
}

#[cfg(test)]
mod tests;
