//! The only room with `unsafe`: each system call that the rest needs and that no library offers
//! safely, wrapped once, beside the man page that it follows.
#![allow(unsafe_code)]

pub mod errors;
pub mod guarded;
pub mod inherit;
pub mod log;
mod math;
pub mod net;
pub mod process;
pub mod shared;
pub mod signal;
pub mod slot;
