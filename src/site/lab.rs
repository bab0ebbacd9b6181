//! Handlers that fail on purpose, to test how the server copes: only with `--lab`.
//!
//! `/sleep` and `/cpu` hold a worker too, but they keep its heartbeat going. These do not.

use std::hint::spin_loop;
use std::thread;

use nix::sys::signal::{Signal, raise};

use super::Site;
use crate::http::{Request, Response};

/// `GET /crash`: the process dies by SIGSEGV, as after a bad pointer.
pub(super) fn crash(_: &Site, _: &Request<'_>, _: &[u8]) -> Response {
    loop {
        // Rust's runtime handles the first signal: it looks for a stack overflow, finds none, and
        // restores the default action. The next signal ends the process.
        let _ = raise(Signal::SIGSEGV);
    }
}

/// `GET /panic`: the handler panics, as after a failed assertion. The client gets a 500.
pub(super) fn panic(_: &Site, _: &Request<'_>, _: &[u8]) -> Response {
    panic!("/panic was requested")
}

/// `GET /hang`: the worker waits for ever, as for a lock that no thread will release.
pub(super) fn hang(_: &Site, _: &Request<'_>, _: &[u8]) -> Response {
    loop {
        thread::park();
    }
}

/// `GET /spin`: the worker runs an endless loop.
pub(super) fn spin(_: &Site, _: &Request<'_>, _: &[u8]) -> Response {
    loop {
        spin_loop();
    }
}
