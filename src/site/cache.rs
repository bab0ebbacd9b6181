//! An object that each process loads once and keeps: `/cache`.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::SystemTime;

use super::Site;
use crate::http::{Request, Response, Status};

/// Bytes of the cached object.
const SIZE: usize = 1 << 20;

/// An object that takes time and memory to load: templates, a model, a pool of connections. Each
/// process has one: the threads of a process share it, and processes do not.
struct Cache {
    /// The process that loaded it.
    pid: u32,
    loaded: SystemTime,
    /// Never read; it stands for the data of an application.
    object: Vec<u8>,
    uses: AtomicU64,
}

static CACHE: OnceLock<Cache> = OnceLock::new();

/// `GET /cache`: which process loaded the object, when, and how often it has been used since.
///
/// The first request of a process loads it. Requests that arrive meanwhile wait for that.
// ANCHOR: cache
pub(super) fn cache(_: &Site, _: &Request<'_>, _: &[u8]) -> Response {
    let cache = CACHE.get_or_init(Cache::load);
    let uses = cache.uses.fetch_add(1, Relaxed) + 1;
    Response::text(
        Status::OK,
        format!(
            "{} bytes, loaded by process {} on {}; uses: {uses}\n",
            cache.object.len(),
            cache.pid,
            httpdate::fmt_http_date(cache.loaded)
        ),
    )
}
// ANCHOR_END: cache

impl Cache {
    fn load() -> Self {
        Self {
            pid: std::process::id(),
            loaded: SystemTime::now(),
            // Ones, not zeroes: the kernel backs a zeroed allocation with memory only when it is
            // written to.
            object: vec![1; SIZE],
            uses: AtomicU64::new(0),
        }
    }
}
