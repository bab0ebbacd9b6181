//! The only room with `unsafe`: each system call that the rest needs and that no library offers
//! safely, wrapped once, beside the man page that it follows.
#![allow(unsafe_code)]

pub mod asctime;
pub mod clock;
pub mod errors;
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
mod received;
pub mod regular;
pub mod reuseport;
pub mod shared;
pub mod signal;
pub mod slot;
pub mod sock_diag;
pub mod ticker;
pub mod uring;
pub mod usage;
