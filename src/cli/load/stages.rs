//! Rates on the command line: `1000`, `2.5k`, and stages such as `10s:100, 30s:100..5000`.

use crate::cli::duration;
use crate::load::Stage;

/// Parses requests per second: a decimal number, with k for thousands.
///
/// # Errors
/// A sentence for the user.
pub(super) fn rate(text: &str) -> Result<f64, String> {
    let (number, factor) = match text.strip_suffix(['k', 'K']) {
        Some(thousands) => (thousands, 1000.0),
        None => (text.strip_suffix("/s").unwrap_or(text), 1.0),
    };
    let is_plain = number
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    match number.parse::<f64>() {
        Ok(rate) if is_plain => Ok(rate * factor),
        _ => Err(format!(
            "'{text}' is no rate: write requests per second, as in 500 or 2.5k"
        )),
    }
}

/// [`rate`] for what must send something.
///
/// # Errors
/// As [`rate`], and for zero.
pub(in crate::cli) fn some_rate(text: &str) -> Result<f64, String> {
    match rate(text)? {
        0.0 => Err("must be more than 0".to_owned()),
        some => Ok(some),
    }
}

/// Parses stages in the order in which they are carried out: `TIME:RATE` holds a rate, and
/// `TIME:FROM..TO` changes it evenly.
///
/// # Errors
/// A sentence that names the stage that is wrong.
pub(super) fn stages(text: &str) -> Result<Vec<Stage>, String> {
    let stages = text.split(',').map(str::trim);
    stages
        .map(|text| stage(text).map_err(|reason| format!("'{text}': {reason}")))
        .collect()
}

fn stage(text: &str) -> Result<Stage, String> {
    let (time, rates) = text
        .split_once(':')
        .ok_or("a stage is TIME:RATE or TIME:FROM..TO, as in 10s:100 or 30s:100..5000")?;
    let duration = duration::parse_some(time.trim())?;
    let rates = rates.trim();
    let (from, to) = rates.split_once("..").unwrap_or((rates, rates));
    Ok(Stage {
        duration,
        from: rate(from)?,
        to: rate(to)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn stages_hold_and_ramp() {
        let second = Duration::from_secs(1);
        let expected = [
            Stage::hold(100.0, 10 * second),
            Stage {
                duration: 30 * second,
                from: 100.0,
                to: 5000.0,
            },
            Stage::hold(2500.0, Duration::from_millis(500)),
        ];
        assert_eq!(
            stages("10s:100, 30s:100..5k,500ms: 2.5k").unwrap(),
            expected
        );
    }

    #[test]
    fn complaints_name_the_stage() {
        for (text, words) in [
            ("10s", "'10s': a stage is TIME:RATE"),
            ("10s:100, 5:2", "'5:2': which unit?"),
            ("10s:x", "'x' is no rate"),
            ("10s:-5", "'-5' is no rate"),
            ("0s:5", "more than 0"),
            ("10s:5,", "'': a stage is"),
            ("10s:nan", "no rate"),
        ] {
            let complaint = stages(text).unwrap_err();
            assert!(complaint.contains(words), "{text}: {complaint}");
        }
        assert!(some_rate("0").is_err() && some_rate("0.5").is_ok());
        assert_eq!(rate("100/s"), Ok(100.0));
    }
}
