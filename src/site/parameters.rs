//! Numbers in a query.

use std::time::Duration;

use crate::http::{Request, Response, Status};

/// The parameter `name` as a number from 0 to `max`, or the 400 that says what is wrong with it.
pub(super) fn number(request: &Request<'_>, name: &str, max: u64) -> Result<u64, Response> {
    let refuse = |reason: &str| {
        let text = format!(
            "{name} {reason}; give a whole number, as in {}?{name}=10",
            request.path().escape_ascii()
        );
        Err(Response::sentence(Status::BAD_REQUEST, &text))
    };
    let mut values = request
        .query()
        .unwrap_or_default()
        .split('&')
        .filter_map(|pair| pair.split_once('=').or(Some((pair, ""))))
        .filter(|(key, _)| *key == name)
        .map(|(_, value)| value);
    let Some(value) = values.next() else {
        return refuse("is missing");
    };
    if values.next().is_some() {
        return refuse("is given more than once");
    }
    // parse() would take a sign.
    if value.is_empty() || !value.bytes().all(|octet| octet.is_ascii_digit()) {
        return refuse("is not a number");
    }
    match value.parse() {
        Ok(number) if number <= max => Ok(number),
        _ => refuse(&format!("is more than {max}")),
    }
}

/// The parameter `ms`, a number of milliseconds.
pub(super) fn milliseconds(request: &Request<'_>, max: Duration) -> Result<Duration, Response> {
    let max_ms = u64::try_from(max.as_millis()).unwrap_or(u64::MAX);
    number(request, "ms", max_ms).map(Duration::from_millis)
}
