//! Memory, before it is shared with children.

/// Puts the heap in order: merges what has been freed and gives back what is not used.
///
/// A child shares its parent's pages until one of them writes. An allocator writes to old pages
/// when it gets round to sorting freed memory, and after a fork each child would do that for
/// itself, copying page after page: a dozen, measured here, for what parsing the command line
/// leaves behind. Ruby's servers compact their heap before forking for the same reason.
// ANCHOR: tidy_heap
pub fn tidy_heap() {
    #[cfg(target_env = "gnu")]
    // SAFETY: malloc_trim(3) has no precondition; it takes the
    // allocator's own locks.
    unsafe {
        libc::malloc_trim(0);
    }
}
// ANCHOR_END: tidy_heap
