//! The only room with `unsafe`: each system call that the rest needs, wrapped once, beside the
//! man page that it follows.
#![allow(unsafe_code)]

pub mod guarded;
