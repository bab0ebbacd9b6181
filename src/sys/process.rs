//! Forking, and the tie that ends a child with its parent.

use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::unistd::{ForkResult, Pid, getpid, getppid, setsid};

use super::exit::leave;
use super::{private, signal, terminal};

/// Which of the two processes that return from [`fork`] this is.
pub enum Fork {
    /// The new process.
    Child,
    /// The process that called, with the process ID of the child.
    Parent(Pid),
}

/// `fork(2)`. The child is tied to its parent: when the parent dies, the kernel kills the child.
///
/// # Errors
/// EAGAIN (a limit on processes) and ENOMEM pass: try again later.
///
/// # Panics
/// If the process has more than one thread (checked in debug builds): only the calling thread
/// would exist in the child, and a lock held by any other would stay locked for ever.
pub fn fork() -> nix::Result<Fork> {
    debug_assert!(
        is_single_threaded(),
        "a process that forks must be single-threaded"
    );
    let parent = getpid();
    let had_terminal = terminal::was_there();
    // SAFETY: the process is single-threaded, by the rule that the masters of all forking models
    // follow, so the child may use the allocator and any lock: no other thread can hold one.
    match unsafe { nix::unistd::fork() }? {
        ForkResult::Parent { child } => Ok(Fork::Parent(child)),
        ForkResult::Child => {
            become_child(parent, had_terminal);
            Ok(Fork::Child)
        }
    }
}

// ANCHOR: become_child
/// The first thing that a child does. One whose parent has died
/// meanwhile ends here.
fn become_child(parent: Pid, had_terminal: bool) {
    signal::become_child();
    if tie_to(parent).is_err() {
        leave(1);
    }
    if had_terminal {
        // A session of its own has no controlling terminal. In the
        // parent's, a client that has taken over the child could write
        // commands into the shell of the user who started the server
        // (TIOCSTI).
        let _ = setsid();
    }
    private::close_in_child(parent);
}

/// Ties this process to its parent: when the parent dies, even by
/// SIGKILL, the kernel kills this process, so that no orphan goes on
/// holding the port. `PR_SET_PDEATHSIG(2const)`.
///
/// # Errors
/// ESRCH: the parent died before the tie was made, so its death will
/// send no signal.
pub(super) fn tie_to(parent: Pid) -> nix::Result<()> {
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    match getppid() == parent {
        true => Ok(()),
        false => Err(Errno::ESRCH),
    }
}
// ANCHOR_END: become_child

/// What ties this process to its parent's life, if anything does. A change of the user ID undoes
/// the tie (`PR_SET_PDEATHSIG(2const)`), so a process that drops privileges has to renew it.
pub struct Tie {
    signal: Option<Signal>,
    parent: Pid,
}

impl Tie {
    /// The tie before the change of user.
    ///
    /// # Errors
    /// None that is known.
    pub fn current() -> nix::Result<Self> {
        Ok(Self {
            signal: prctl::get_pdeathsig()?,
            parent: getppid(),
        })
    }

    /// Makes the same tie again. If the parent has died meanwhile, this process ends as well.
    pub fn renew(&self) {
        if self.signal.is_some() && tie_to(self.parent).is_err() {
            leave(1);
        }
    }
}

/// A thread that was joined can be seen in `/proc` for a moment more.
fn is_single_threaded() -> bool {
    const TRIES_MAX: u32 = 100;
    (0..TRIES_MAX).any(|_| {
        let is_single = threads() == 1;
        if !is_single {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        is_single
    })
}

/// Threads of this process, from `/proc/self/task` (`proc_pid_task(5)`).
fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count)
}
