//! A worker keeps no more privileges than it needs to accept and to answer.

use std::io;

use nix::sys::prctl;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::wait::wait;
use nix::unistd::{ForkResult, Gid, Uid, fork, geteuid, setgroups, setresgid, setresuid};

use crate::common::{listen, serve};

// ANCHOR: run
pub(crate) fn run() -> io::Result<()> {
    let listener = listen()?;
    for _ in 0..4 {
        // SAFETY: this process has one thread.
        if let ForkResult::Child = unsafe { fork() }? {
            drop_privileges()?;
            loop {
                let (client, _) = listener.accept()?;
                serve(client);
            }
        }
    }
    // The master waits until no worker is left.
    while wait().is_ok() {}
    Ok(())
}

/// Groups come first: a process that is no longer root may not change them.
fn drop_privileges() -> io::Result<()> {
    if geteuid().is_root() {
        let (user, group) = (Uid::from_raw(65534), Gid::from_raw(65534));
        setgroups(&[group])?;
        setresgid(group, group, group)?;
        setresuid(user, user, user)?;
    }
    prctl::set_no_new_privs()?;
    setrlimit(Resource::RLIMIT_NPROC, 0, 0)?;
    Ok(())
}
// ANCHOR_END: run
