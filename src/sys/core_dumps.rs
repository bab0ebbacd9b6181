//! Core dumps (`core(5)`): the memory of a process at its death, for a debugger.

use nix::sys::prctl;
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit, setrlimit};

/// Lifts the limit on the size of a dump, or raises it as far as this process may. The default of
/// most systems is no dump at all.
pub fn raise_limit() {
    let limit = Resource::RLIMIT_CORE;
    if setrlimit(limit, RLIM_INFINITY, RLIM_INFINITY).is_err()
        && let Ok((_, hard)) = getrlimit(limit)
    {
        let _ = setrlimit(limit, hard, hard);
    }
}

/// Allows a dump to a process that has changed its user (`PR_SET_DUMPABLE(2const)`). The kernel
/// forbids it then, since the memory may hold what the new user must not see; and forbids other
/// processes of that user to trace this one.
///
/// # Errors
/// None that is known.
pub fn allow() -> nix::Result<()> {
    prctl::set_dumpable(true)
}
