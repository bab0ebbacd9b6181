//! The title of a process: what `ps` shows in place of the command line.
//!
//! The kernel reads a process's command line from the process's own memory, between two addresses.
//! Here these are those of a buffer (`PR_SET_MM_MAP`, `PR_SET_MM(2const)`). So a change of the
//! title is a few stores: no system call, and nothing that a signal handler may not do. A forked
//! child has a copy of the buffer, and the kernel reads that one.
//!
//! The name of the program (`/proc/PID/comm`) stays the same for all processes, because `pgrep`,
//! `pidof` and `killall` look for it. A kernel without CONFIG_CHECKPOINT_RESTORE refuses the call,
//! and the command line stays.

use std::fs;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering::Relaxed};

/// A longer title is cut off.
const BYTES: usize = 1024;
/// Option of `PR_SET_MM`.
const PR_SET_MM_MAP: libc::c_ulong = 14;

/// In memory from the heap: the kernel reads a command line only from memory that belongs to no
/// file, and that of a static does.
static BUFFER: OnceLock<&'static [AtomicU8]> = OnceLock::new();
/// Where the state begins in it.
static STATE_AT: AtomicUsize = AtomicUsize::new(0);

/// `struct prctl_mm_map` of the kernel's `linux/prctl.h`.
#[repr(C)]
struct MemoryMap {
    start_code: u64,
    end_code: u64,
    start_data: u64,
    end_data: u64,
    start_brk: u64,
    brk: u64,
    start_stack: u64,
    arg_start: u64,
    arg_end: u64,
    env_start: u64,
    env_end: u64,
    auxv: *const u64,
    auxv_size: u32,
    exe_fd: u32,
}

/// From now on this process and its children have titles, and this is its own. Where the kernel
/// refuses, nothing changes.
pub fn take(title: &str) {
    let buffer = BUFFER.get_or_init(|| {
        (0..BYTES)
            .map(|_| AtomicU8::new(0))
            .collect::<Vec<_>>()
            .leak()
    });
    set(title);
    let Some(map) = own_map(buffer) else {
        return;
    };
    let (start, size) = (&raw const map, size_of::<MemoryMap>() as libc::c_ulong);
    // SAFETY: the pointer is to a whole map, which only differs from that of the process in the
    // addresses of the arguments. They are those of a buffer that lives as long as the process.
    let _ = unsafe { libc::prctl(libc::PR_SET_MM, PR_SET_MM_MAP, start, size, 0) };
}

/// Changes the title of this process; it has no state.
pub fn set(title: &str) {
    let kept = title.as_bytes().get(..BYTES - 1);
    let kept = kept.unwrap_or(title.as_bytes());
    for (place, byte) in buffer().iter().zip(kept) {
        place.store(*byte, Relaxed);
    }
    STATE_AT.store(kept.len(), Relaxed);
    set_state(b"");
}

/// Changes what stands behind the title. May be called in a signal handler.
pub fn set_state(state: &'static [u8]) {
    let at = STATE_AT.load(Relaxed);
    let rest = buffer().get(at..BYTES - 1).unwrap_or_default();
    let state = state.iter().chain(std::iter::repeat(&0));
    for (place, byte) in rest.iter().zip(state) {
        place.store(*byte, Relaxed);
    }
}

/// Empty where the process has no title.
fn buffer() -> &'static [AtomicU8] {
    BUFFER.get().copied().unwrap_or_default()
}

/// The map of this process, with the arguments in the buffer.
fn own_map(buffer: &[AtomicU8]) -> Option<MemoryMap> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    let fields: Vec<u64> = fields
        .split_whitespace()
        .skip(1)
        .map(|field| field.parse().unwrap_or(0))
        .collect();
    // By the numbers of proc_pid_stat(5): the fourth is the first here.
    let field = |number: usize| fields.get(number - 4).copied();
    let buffer = buffer.as_ptr() as u64;
    Some(MemoryMap {
        start_code: field(26)?,
        end_code: field(27)?,
        start_data: field(45)?,
        end_data: field(46)?,
        start_brk: field(47)?,
        // SAFETY: an increment of 0 changes nothing.
        brk: unsafe { libc::sbrk(0) } as u64,
        start_stack: field(28)?,
        arg_start: buffer,
        arg_end: buffer + BYTES as u64,
        env_start: field(50)?,
        env_end: field(51)?,
        auxv: std::ptr::null(),
        auxv_size: 0,
        // The program stays the same.
        exe_fd: u32::MAX,
    })
}
