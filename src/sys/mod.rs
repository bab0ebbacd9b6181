//! System calls that the other rooms need and that no library offers safely. Each is wrapped once
//! and names its man page. This is the only room with `unsafe`.
//!
//! | file | what it wraps |
//! | --- | --- |
//! | [`process`], [`exit`], [`guarded`] | fork, `_exit`, children tied to their parent's life |
//! | [`signal`] | handlers, the grace timer, signals as a queue |
//! | [`net`], [`reuseport`], [`sock_diag`] | listeners, connections, the kernel's table of them |
//! | [`poll`], [`uring`] | waiting for many connections |
//! | [`file_lock`], [`mutex`], [`passing`] | what the workers of a pool share a port by |
//! | [`shared`] | memory that several processes share |
//! | [`inherit`] | descriptors across exec |
//! | [`ticker`], [`clock`], [`usage`] | time, CPU time, memory |
//! | [`log`], [`errors`] | lines on standard error, `errno` in words |
//! | [`regular`] | opening a file, but no named pipe |
//! | [`asctime`] | a C library function that is not thread-safe |
//! | [`slot`] | a variable of each thread: its slot in the scoreboard |
#![allow(unsafe_code)]

pub mod asctime;
pub mod clock;
pub mod errors;
pub mod exit;
pub mod file_lock;
pub mod guarded;
pub mod inherit;
pub mod log;
mod math;
pub mod mutex;
pub mod net;
pub mod passing;
pub mod poll;
pub mod process;
pub mod regular;
pub mod reuseport;
pub mod shared;
pub mod signal;
pub mod slot;
pub mod sock_diag;
pub mod ticker;
pub mod uring;
pub mod usage;
