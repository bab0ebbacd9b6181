//! Durations on the command line.

use std::time::Duration;

const UNITS: [(&str, f64); 5] = [
    ("us", 1e-6),
    ("ms", 1e-3),
    ("s", 1.0),
    ("m", 60.0),
    ("h", 3600.0),
];
/// A longer time is a mistake, and would overflow clocks.
const SECONDS_MAX: f64 = 366.0 * 24.0 * 3600.0;

/// Parses `500ms`, `10s`, `1.5m`: a decimal number and a unit (us, ms, s, m, h).
///
/// # Errors
///
/// A sentence for the user: no number, no unit, or longer than a year. Zero is accepted; an option
/// for which it makes no sense uses [`parse_some`].
pub(super) fn parse(text: &str) -> Result<Duration, String> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: f64 = number
        .parse()
        .map_err(|_| "should be a number and a unit, as in 500ms or 10s")?;
    let (_, seconds) = UNITS
        .into_iter()
        .find(|(name, _)| *name == unit)
        .ok_or_else(|| match unit {
            "" => format!("which unit? {text}s or {text}ms"),
            _ => format!("unknown unit '{unit}': use us, ms, s, m or h"),
        })?;
    let seconds = number * seconds;
    if seconds > SECONDS_MAX {
        return Err("is longer than a year".to_owned());
    }
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

/// [`parse`] for an option that cannot be zero.
///
/// # Errors
/// As [`parse`], and for zero.
pub(super) fn parse_some(text: &str) -> Result<Duration, String> {
    match parse(text)? {
        Duration::ZERO => Err("must be more than 0".to_owned()),
        some => Ok(some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_with_units() {
        for (text, millis) in [
            ("500ms", 500),
            ("10s", 10_000),
            ("2m", 120_000),
            ("1.5s", 1500),
            ("1h", 3_600_000),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        assert_eq!(parse("250us"), Ok(Duration::from_micros(250)));
        assert_eq!(parse("0s"), Ok(Duration::ZERO));
        assert!(parse_some("0s").is_err() && parse_some("1us").is_ok());
    }

    #[test]
    fn complaints_help() {
        for (text, words) in [
            ("", "a number and a unit"),
            ("s", "a number and a unit"),
            ("-1s", "a number and a unit"),
            ("1.2.3s", "a number and a unit"),
            ("10", "10s or 10ms"),
            ("10 s", "unknown unit ' s'"),
            ("3days", "unknown unit 'days'"),
            ("99999999h", "longer than a year"),
        ] {
            let complaint = parse(text).unwrap_err();
            assert!(complaint.contains(words), "{text:?}: {complaint}");
        }
    }
}
