//! Numbers in a query.

use std::time::Duration;

use crate::http::{Request, Response, Status};

/// The parameter `name` as a number from 0 to `max`, or a 400 that says what is wrong with it.
pub(super) fn number(request: &Request<'_>, name: &str, max: u64) -> Result<u64, Response> {
    match value(request, name)? {
        None => Err(refusal(request, name, "is missing")),
        Some(value) => digits(request, name, value, max),
    }
}

/// The parameter `name` as a number from -`max` to `max`; `None` if it is not given.
pub(super) fn signed(request: &Request<'_>, name: &str, max: u64) -> Result<Option<i64>, Response> {
    let Some(value) = value(request, name)? else {
        return Ok(None);
    };
    let (sign, magnitude) = match value.strip_prefix('-') {
        Some(magnitude) => (-1, magnitude),
        None => (1, value),
    };
    let magnitude = digits(request, name, magnitude, max)?;
    Ok(Some(sign * magnitude.cast_signed()))
}

/// The value of the parameter `name`, which must not be given twice.
fn value<'a>(request: &Request<'a>, name: &str) -> Result<Option<&'a str>, Response> {
    let mut values = request
        .query()
        .unwrap_or_default()
        .split('&')
        .filter_map(|pair| pair.split_once('=').or(Some((pair, ""))))
        .filter(|(key, _)| *key == name)
        .map(|(_, value)| value);
    match (values.next(), values.next()) {
        (_, Some(_)) => Err(refusal(request, name, "is given more than once")),
        (value, None) => Ok(value),
    }
}

fn digits(request: &Request<'_>, name: &str, value: &str, max: u64) -> Result<u64, Response> {
    // parse() would accept a plus sign.
    if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(refusal(request, name, "is not a number"));
    }
    match value.parse() {
        Ok(number) if number <= max => Ok(number),
        _ => Err(refusal(request, name, &format!("is more than {max}"))),
    }
}

fn refusal(request: &Request<'_>, name: &str, reason: &str) -> Response {
    let text = format!(
        "{name} {reason}; give a whole number, as in {}?{name}=10",
        request.path().escape_ascii()
    );
    Response::sentence(Status::BAD_REQUEST, &text)
}

/// The parameter `ms`, a number of milliseconds.
pub(super) fn milliseconds(request: &Request<'_>, max: Duration) -> Result<Duration, Response> {
    let max_ms = u64::try_from(max.as_millis()).unwrap_or(u64::MAX);
    number(request, "ms", max_ms).map(Duration::from_millis)
}
