//! Which process the kernel kills when memory runs out (`proc_pid_oom_score_adj(5)`).
//!
//! A worker is replaced, and a master is not: with it the whole service ends. So the master's score
//! is below that of its workers. Only a privileged process may lower a score, and any may raise its
//! own. Where neither works (no `/proc`), nothing is lost but the order.

use std::fs;
use std::sync::atomic::{AtomicI32, Ordering::Relaxed};

const FILE: &str = "/proc/self/oom_score_adj";
/// A tenth of the machine's memory, in the kernel's units.
const DISTANCE: i32 = 100;
const RANGE: (i32, i32) = (-1000, 1000);

/// No score is to be set.
const NONE: i32 = i32::MIN;
/// The score of workers.
static OF_WORKERS: AtomicI32 = AtomicI32::new(NONE);
/// The score that the process was started with, if it has another now.
static ORIGINAL: AtomicI32 = AtomicI32::new(NONE);

/// Called in a master before its first fork. The master's score is lowered; where that is not
/// permitted, its workers will raise theirs.
pub fn protect_master() {
    let text = fs::read_to_string(FILE).unwrap_or_default();
    let Ok(own) = text.trim().parse::<i32>() else {
        return;
    };
    let lower = (own - DISTANCE).max(RANGE.0);
    if write(lower) {
        OF_WORKERS.store(own, Relaxed);
        ORIGINAL.store(own, Relaxed);
    } else {
        OF_WORKERS.store((own + DISTANCE).min(RANGE.1), Relaxed);
    }
}

/// Called in a worker, before it gives up its privileges.
pub fn expose_worker() {
    set(&OF_WORKERS);
}

/// Called in a child that becomes a successor: it protects itself anew. It only makes system calls
/// and neither allocates nor locks.
pub(super) fn become_successor() {
    set(&ORIGINAL);
}

fn set(score: &AtomicI32) {
    let score = score.load(Relaxed);
    if score != NONE {
        write(score);
    }
}

fn write(score: i32) -> bool {
    // Digits in a buffer of its own: `format!` would allocate.
    let mut text = [0u8; 8];
    let mut rest = &mut text[..];
    let written = std::io::Write::write_fmt(&mut rest, format_args!("{score}"));
    let left = rest.len();
    let length = text.len() - left;
    written.is_ok() && fs::write(FILE, &text[..length]).is_ok()
}
