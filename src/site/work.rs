//! Work of a chosen size: `/bytes`, `/sleep`, `/cpu`.

use std::hint::black_box;
use std::thread;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

use super::{Site, parameters};
use crate::http::{Body, Request, Response, Status};

/// The content of `/bytes`, repeated. It is long, so that a large answer takes few writes.
static PATTERN: [u8; 64 * 1024] = [b'x'; 64 * 1024];

/// `GET /bytes?n=N`: N bytes, never all in memory.
pub(super) fn bytes(site: &Site, request: &Request<'_>, _: &[u8]) -> Response {
    match parameters::number(request, "n", site.bytes_max) {
        Err(refusal) => refusal,
        Ok(length) => Response::new(Status::OK).with_body(
            "application/octet-stream",
            Body::Repeated {
                pattern: &PATTERN,
                length,
            },
        ),
    }
}

/// `GET /sleep?ms=N`: waits and holds the worker, as a slow back end would.
pub(super) fn sleep(site: &Site, request: &Request<'_>, _: &[u8]) -> Response {
    match parameters::milliseconds(request, site.wait_max) {
        Err(refusal) => refusal,
        Ok(time) => {
            sleep_alive(site, time);
            Response::text(Status::OK, format!("slept {} ms\n", time.as_millis()))
        }
    }
}

/// `GET /cpu?ms=N`: computes until this thread has used N ms of CPU time.
pub(super) fn cpu(site: &Site, request: &Request<'_>, _: &[u8]) -> Response {
    match parameters::milliseconds(request, site.wait_max) {
        Err(refusal) => refusal,
        Ok(time) => {
            burn(site, time);
            Response::text(
                Status::OK,
                format!("burned {} ms of CPU\n", time.as_millis()),
            )
        }
    }
}

/// How often a waiting handler counts up the heartbeat of its worker.
const BEAT: Duration = Duration::from_millis(250);

/// Sleeps, and keeps the worker's heartbeat going: only the handler knows that it waits on purpose.
// ANCHOR: sleep_alive
fn sleep_alive(site: &Site, time: Duration) {
    let mut left = time;
    while !left.is_zero() {
        site.beat();
        let nap = left.min(BEAT);
        thread::sleep(nap);
        left -= nap;
    }
}
// ANCHOR_END: sleep_alive

/// Computes until the thread's CPU clock has advanced by `time`. The amount of work is then the
/// same on a busy machine, where the wall clock would run faster than the work.
fn burn(site: &Site, time: Duration) {
    let end = cpu_time().saturating_add(time);
    while cpu_time() < end {
        site.beat();
        step(10_000);
    }
}

/// The same for a few microseconds: it reads the clock so often that it ends within one.
pub(super) fn compute_for(time: Duration) {
    let end = cpu_time().saturating_add(time);
    while cpu_time() < end {
        step(100);
    }
}

/// So many multiplications, each of which waits for the one before it.
fn step(rounds: u32) {
    let mut number = 1u64;
    for _ in 0..rounds {
        number = black_box(
            number
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1),
        );
    }
}

/// User and system time of this thread so far.
fn cpu_time() -> Duration {
    // The clock exists on every Linux since 2.6.12, so the call does not fail.
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(Duration::MAX, Duration::from)
}
