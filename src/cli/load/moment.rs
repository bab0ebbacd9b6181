//! A moment of the wall clock, as an option has it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::sys::calendar::Calendar;

/// Parses a moment: RFC 3339, seconds since 1970, or a time from now such as +10s.
///
/// # Errors
/// A sentence for the user.
pub(super) fn moment(text: &str) -> Result<SystemTime, String> {
    if let Some(later) = text.strip_prefix('+') {
        return Ok(SystemTime::now() + crate::cli::duration::parse(later)?);
    }
    let is_number = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    let seconds = match is_number {
        true => text.parse::<f64>().ok(),
        false => rfc_3339(text),
    };
    let since = seconds.and_then(|it| Duration::try_from_secs_f64(it).ok());
    since
        .and_then(|it| UNIX_EPOCH.checked_add(it))
        .ok_or_else(|| {
            format!(
                "'{text}' is no moment: write 2026-01-31T12:00:00Z, seconds since 1970, or +10s"
            )
        })
}

/// Seconds since 1970 of `2026-01-31T12:00:00.5+01:00` (RFC 3339 section 5.6).
fn rfc_3339(text: &str) -> Option<f64> {
    let (date, time) = text.split_once(['T', 't', ' '])?;
    let mut date = date.split('-').map(|part| part.parse::<u64>().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let (clock, offset_s) = match time.strip_suffix(['Z', 'z']) {
        Some(clock) => (clock, 0),
        None => {
            let sign = time.rfind(['+', '-'])?;
            let (hours, minutes) = time[sign + 1..].split_once(':')?;
            let offset = hours.parse::<i64>().ok()? * 3600 + minutes.parse::<i64>().ok()? * 60;
            let is_east = time.as_bytes()[sign] == b'+';
            (&time[..sign], if is_east { offset } else { -offset })
        }
    };
    let mut parts = clock.split(':');
    let hour = parts.next()?.parse().ok()?;
    let minute = parts.next()?.parse().ok()?;
    let seconds = parts.next()?.parse::<f64>().ok()?;
    let is_valid = (1970..10_000).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0.0..61.0).contains(&seconds);
    if !is_valid {
        return None;
    }
    let to_the_minute = Calendar {
        year,
        month,
        day,
        hour,
        minute,
        second: 0,
    };
    Some(to_the_minute.since_1970().as_secs_f64() - offset_s as f64 + seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read() {
        let at = |text: &str| {
            let moment = moment(text).unwrap();
            moment.duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
        };
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0.0),
            ("2000-02-29T12:00:00Z", 951_825_600.0),
            ("2026-11-28T17:00:00.5Z", 1_795_885_200.5),
            ("2026-11-28t19:00:00+02:00", 1_795_885_200.0),
            ("2026-11-28T11:30:00-05:30", 1_795_885_200.0),
            ("1795885200", 1_795_885_200.0),
            ("1795885200.25", 1_795_885_200.25),
        ] {
            assert_eq!(at(text), seconds, "{text}");
        }
        assert!(moment("+10s").unwrap() > SystemTime::now());
        for text in [
            "",
            "soon",
            "2026-13-01T00:00:00Z",
            "2026-01-01",
            "+10",
            "-5",
        ] {
            assert!(moment(text).is_err(), "{text}");
        }
    }
}
