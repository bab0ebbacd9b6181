//! Memory that the start of a process has used and its service does not. A fork copies the
//! page-table entry of each such page, whether or not the child will touch it.

use std::fs;
use std::ops::Range;
use std::ptr::{self, NonNull};

use nix::sys::mman::{MmapAdvise, madvise};

/// Gives heap pages that are not in use back to the kernel (`malloc_trim(3)`). Only the GNU C
/// library has the call.
pub fn trim_heap() {
    #[cfg(target_env = "gnu")]
    // SAFETY: takes a number and no pointer; memory that is in use stays where it is.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Bytes that stay below the frame of [`trim_stack`]: room for the frames of what it calls.
const STACK_KEPT: usize = 8 << 10;

/// Gives the stack below the caller's frame back to the kernel. Reading the command line goes deep
/// and leaves its pages behind. Does nothing in another thread than the main one, whose stack ends
/// with it.
#[inline(never)]
pub fn trim_stack() {
    let local = 0_u8;
    let here = (&raw const local).addr();
    let Some(stack) = main_stack().filter(|it| it.contains(&here)) else {
        return;
    };
    let start = NonNull::new(ptr::with_exposed_provenance_mut(stack.start));
    let length = here.saturating_sub(STACK_KEPT).checked_sub(stack.start);
    if let (Some(start), Some(length)) = (start, length) {
        // SAFETY: the mapping is the stack of this thread, which grows downwards. The range ends
        // STACK_KEPT below this frame. The kernel rounds its end up by less than a page, and the
        // frames of madvise are smaller than the rest. So no value is in the range.
        // If it fails, forks cost more, and nothing else.
        let _ = unsafe { madvise(start, length, MmapAdvise::MADV_DONTNEED) };
    }
}

/// The mapping of the main thread's stack, from `/proc/self/maps` (`proc_pid_maps(5)`).
fn main_stack() -> Option<Range<usize>> {
    let maps = fs::read_to_string("/proc/self/maps").ok()?;
    let line = maps.lines().find(|line| line.ends_with("[stack]"))?;
    let (start, end) = line.split_once(' ')?.0.split_once('-')?;
    let address = |hex| usize::from_str_radix(hex, 16).ok();
    Some(address(start)?..address(end)?)
}
