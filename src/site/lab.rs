//! Handlers that fail on purpose, to test how the server copes: only with `--lab`.
//!
//! `/sleep` and `/cpu` hold a worker too, but they keep its heartbeat going. These do not.

use std::hint::{black_box, spin_loop};
use std::thread;

use nix::sys::signal::{Signal, raise};

use super::{Site, parameters};
use crate::http::{Request, Response, Status};

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

/// The most that one request may leak.
const LEAK_MIB_MAX: u64 = 1024;

/// `GET /leak?mib=N`: memory that is never freed, as after a mistake in a library.
pub(super) fn leak(_: &Site, request: &Request<'_>, _: &[u8]) -> Response {
    match parameters::number(request, "mib", LEAK_MIB_MAX) {
        Err(refusal) => refusal,
        Ok(mib) => {
            // Ones: the kernel gives memory for zeros only when they are written.
            std::mem::forget(black_box(vec![1u8; (mib as usize) << 20]));
            Response::text(Status::OK, format!("leaked {mib} MiB\n"))
        }
    }
}
