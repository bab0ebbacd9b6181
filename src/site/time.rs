//! A call of a library function that is not thread-safe: `/time`.

use std::thread;
use std::time::Duration;

use super::{Site, parameters};
use crate::http::{Request, Response, Status};
use crate::sys::asctime;

/// Time between the call of the C library and the use of its result. In real code a lookup, a log
/// line or the scheduler takes this time.
const HOLD: Duration = Duration::from_micros(200);
/// A time in the year 9892: `asctime` has no room for a year of five digits.
const AT_MAX: u64 = 250_000_000_000;
/// The widest zones are those of the Line Islands (+14 h) and Baker Island (-12 h).
const ZONE_MAX: u64 = 14 * 60;

/// `GET /time?at=SECONDS&zone=MINUTES`: a time (in seconds since 1970) as the local time of a zone
/// that is `zone` minutes east of Greenwich; a negative number means west, none means UTC.
///
/// With several threads in a process, clients get each other's answers. The route exists to show
/// that.
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
    // A thread that calls the library now overwrites the text.
    thread::sleep(HOLD);
    Response::text(Status::OK, text.read())
}
// ANCHOR_END: time
