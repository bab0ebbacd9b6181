//! The library that is not thread-safe: `/time`.

use std::thread;
use std::time::Duration;

use super::{Site, parameters};
use crate::http::{Request, Response, Status};
use crate::sys::asctime;

/// How long the result of the C library is held before it is used, as by code that looks something
/// up in between, or writes a log line, or is interrupted by the scheduler.
const HOLD: Duration = Duration::from_micros(200);
/// In the year 9892. `asctime` has no room for a year of five digits.
const AT_MAX: u64 = 250_000_000_000;
/// The widest zones are those of the Line Islands (+14 h) and Baker Island (-12 h).
const ZONE_MAX: u64 = 14 * 60;

/// `GET /time?at=SECONDS&zone=MINUTES`: that moment (seconds since 1970) on the clocks of a zone so
/// many minutes east of Greenwich, or, with a minus sign, west. Without a zone, in universal time.
///
/// Several threads of one process get each other's answers here. That is what it is for.
// ANCHOR: time
pub(super) fn time(_: &Site, request: &Request<'_>, _: &[u8]) -> Response {
    let at = match parameters::number(request, "at", AT_MAX) {
        Ok(at) => at,
        Err(refusal) => return refusal,
    };
    let zone = match parameters::signed(request, "zone", ZONE_MAX) {
        Ok(zone) => zone.unwrap_or(0),
        Err(refusal) => return refusal,
    };
    let Some(text) = asctime::utc(at.cast_signed() + 60 * zone) else {
        let reason = "the C library cannot say this time";
        return Response::sentence(Status::BAD_REQUEST, reason);
    };
    // Whoever else calls the library now overwrites the text.
    thread::sleep(HOLD);
    Response::text(Status::OK, text.read())
}
// ANCHOR_END: time
