//! Durations on the command line: `500ms`, `10s`, `2m`.

use std::time::Duration;

/// Parses a number with a unit: `us`, `ms`, `s` or `m`.
pub(super) fn parse(text: &str) -> Result<Duration, String> {
    let digits = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.');
    let (number, unit) = text.split_at(digits.unwrap_or(text.len()));
    let seconds_per_unit = match unit {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        _ => return Err("give a number and a unit, as in 500ms, 10s or 2m".to_owned()),
    };
    let number: f64 = number
        .parse()
        .map_err(|_| format!("'{number}' is not a number"))?;
    Duration::try_from_secs_f64(number * seconds_per_unit).map_err(|error| error.to_string())
}
