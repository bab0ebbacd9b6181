//! Handlers that go wrong on purpose, to see what becomes of the server: only with `--lab`.
//!
//! `/sleep` and `/cpu` hold a worker too, but they are alive and say so. These are not.

use std::hint::spin_loop;
use std::thread;

use nix::sys::signal::{Signal, raise};

use super::Site;
use crate::http::{Request, Response};

/// `GET /crash`: the process dies, as of a bad pointer.
pub(super) fn crash(_: &Site, _: &Request<'_>, _: &[u8]) -> Response {
    loop {
        // The first goes to Rust's runtime, which looks for a stack overflow, finds none, and lets
        // the next one have its way.
        let _ = raise(Signal::SIGSEGV);
    }
}

/// `GET /hang`: the worker waits for what will never come, as for a lock that nobody will release.
pub(super) fn hang(_: &Site, _: &Request<'_>, _: &[u8]) -> Response {
    loop {
        thread::park();
    }
}

/// `GET /spin`: an endless loop.
pub(super) fn spin(_: &Site, _: &Request<'_>, _: &[u8]) -> Response {
    loop {
        spin_loop();
    }
}
