//! Processes: fork, leave, and never outlive the parent.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::unistd::{ForkResult, Pid, getpid, getppid};

/// Which of the two processes that return from [`fork`] this is.
pub enum Fork {
    /// The new one.
    Child,
    /// The one that called, with the new one's process ID.
    Parent(Pid),
}

/// `fork(2)`. The child is tied to its parent: when that dies, the kernel kills the child.
///
/// # Errors
/// EAGAIN (a limit on processes) and ENOMEM pass: try again later.
///
/// # Panics
/// If the process has more than one thread (checked in debug builds): only the calling thread
/// would exist in the child, and a lock held by any other would stay locked for ever.
pub fn fork() -> nix::Result<Fork> {
    debug_assert_eq!(threads(), 1, "a process that forks must be single-threaded");
    let parent = getpid();
    // SAFETY: the process is single-threaded, by the rule that the masters of all forking models
    // follow, so the child may use the allocator and any lock: no other thread can hold one.
    match unsafe { nix::unistd::fork() }? {
        ForkResult::Parent { child } => Ok(Fork::Parent(child)),
        ForkResult::Child => {
            become_child(parent);
            Ok(Fork::Child)
        }
    }
}

/// Ties the child to its parent: when that dies, even by SIGKILL, the kernel kills the child, so
/// that no orphan goes on holding the port. `PR_SET_PDEATHSIG(2const)`.
// ANCHOR: become_child
fn become_child(parent: Pid) {
    super::signal::become_child();
    tie_to(parent);
}

/// A change of user or group undoes the tie, so whoever drops
/// privileges has to make it again.
pub fn tie_to(parent: Pid) {
    let tied = prctl::set_pdeathsig(Signal::SIGKILL);
    // The parent may have died before the tie was made; then nobody
    // would ever pull it.
    if tied.is_err() || getppid() != parent {
        leave(1);
    }
}
// ANCHOR_END: become_child

/// What ties this process to its parent's life, if anything does. Changing the user ID unties it
/// (`PR_SET_PDEATHSIG(2const)`), so that it has to be renewed.
pub struct Tie {
    signal: Option<Signal>,
    parent: Pid,
}

impl Tie {
    /// What there is now.
    ///
    /// # Errors
    /// None that is known.
    pub fn current() -> io::Result<Self> {
        Ok(Self {
            signal: prctl::get_pdeathsig()?,
            parent: getppid(),
        })
    }

    /// Makes the same tie again. If the parent has died meanwhile, this process ends as well.
    pub fn renew(&self) {
        if self.signal.is_some() {
            tie_to(self.parent);
        }
    }
}

/// Runs the child's work and leaves with its exit code; a panic is code 101, as elsewhere in Rust.
pub fn leave_after(work: impl FnOnce() -> i32) -> ! {
    leave(catch_unwind(AssertUnwindSafe(work)).unwrap_or(101))
}

/// `_exit(2)`: leaves without running the parent's exit handlers or flushing its buffers twice.
pub fn leave(code: i32) -> ! {
    // SAFETY: _exit has no precondition; it does not return.
    unsafe { libc::_exit(code) }
}

/// Threads of this process, from `/proc/self/task` (`proc_pid_task(5)`).
fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count)
}
