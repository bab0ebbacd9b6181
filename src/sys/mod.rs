//! System calls that the other rooms need and that no library offers safely. Each is wrapped once
//! and names its man page. This is the only room with `unsafe`.
//!
//! | file | what it wraps |
//! | --- | --- |
//! | [`process`], [`exit`], [`guarded`] | fork, `_exit`, children tied to their parent's life |
//! | [`pidfd`] | a process that this one has not forked |
//! | [`signal`] | handlers, the grace timer, signals as a queue |
//! | [`net`], [`reuseport`], [`sock_diag`] | listeners, connections, the kernel's table of them |
//! | [`poll`], [`uring`] | waiting for many connections |
//! | [`file_lock`], [`mutex`], [`passing`] | what the workers of a pool share a port by |
//! | [`shared`] | memory that several processes share |
//! | [`trim`] | memory that a fork need not copy |
//! | [`inherit`], [`private`] | descriptors across exec, and across fork |
//! | [`title`] | what `ps` shows |
//! | [`terminal`] | the terminal that a server was started from |
//! | [`ticker`], [`clock`], [`usage`] | time, CPU time, memory |
//! | [`log`], [`panics`], [`errors`] | lines of the log, `errno` in words |
//! | [`log_files`], [`calendar`] | files of lines that all processes write, dates in them |
//! | [`quota`], [`outage`], [`line_counts`] | log lines that a client or a fault could repeat |
//! | [`patience`] | a write that does not wait for ever |
//! | [`core_dumps`] | memory dumps of processes that have changed their user |
//! | [`oom`] | which process is killed when memory runs out |
//! | [`regular`] | opening a file, but no named pipe |
//! | [`asctime`] | a C library function that is not thread-safe |
//!
//! # Invariants
//!
//! - A process that forks has one thread; debug builds check it at each fork. Children leave by
//!   `_exit`, so that no exit handler and no buffer of the parent runs twice.
//! - A child is killed when its parent dies, and checks that the parent had not died before.
//! - Every descriptor is close-on-exec, except the listeners and the upgrade channel in the child
//!   that becomes a successor.
//! - A lock is released when its holder dies, and every wait for one ends at the next tick.
//! - What io_uring sends from or reads into belongs to the ring from submission to completion.
#![allow(unsafe_code)]

pub mod address;
pub mod asctime;
pub mod calendar;
pub mod clock;
pub mod core_dumps;
pub mod errors;
pub mod exit;
pub mod file_lock;
pub mod guarded;
pub mod inherit;
pub mod line_counts;
pub mod log;
pub mod log_files;
mod math;
pub mod mutex;
pub mod net;
pub mod oom;
pub mod outage;
pub mod panics;
pub mod passing;
pub mod patience;
pub mod pidfd;
pub mod poll;
pub mod private;
#[cfg(test)]
pub mod probe;
pub mod process;
pub mod quota;
pub mod regular;
pub mod reuseport;
pub mod shared;
pub mod signal;
pub mod sock_diag;
pub mod terminal;
pub mod ticker;
pub mod title;
pub mod trim;
pub mod uring;
pub mod usage;
pub mod watched;
