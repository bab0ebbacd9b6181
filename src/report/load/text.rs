//! Numbers as people read them.

use crate::report::units::{self, BYTES, TIME, grouped};

/// Digits in groups of three.
pub(super) fn count(n: u64) -> String {
    grouped(n as f64)
}

pub(super) fn plural(n: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(n), if n == 1 { "" } else { "s" })
}

/// A rate per second; slow ones keep their decimals.
pub(super) fn rate(per_s: f64) -> String {
    if per_s < 100.0 {
        format!("{per_s:.2}")
    } else {
        count(per_s.round() as u64)
    }
}

/// A time with the unit that leaves one to three digits before the point, from microseconds on.
pub(super) fn time(ns: u64) -> String {
    units::value(ns as f64 / 1000.0, TIME)
}

pub(super) fn bytes(n: u64) -> String {
    match n {
        ..1000 => format!("{n} B"),
        _ => units::value(n as f64, BYTES),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        for (n, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(count(n), text);
        }
        assert_eq!(
            (plural(1, "thread"), plural(2, "thread")),
            ("1 thread".into(), "2 threads".into())
        );
        assert_eq!(
            (rate(1.5), rate(65_432.4)),
            ("1.50".into(), "65,432".into())
        );
    }

    #[test]
    fn times_and_bytes_have_three_digits_and_a_unit() {
        assert_eq!(
            (time(1_234), time(123_456_789)),
            ("1.23 µs".into(), "123 ms".into())
        );
        assert_eq!(
            (bytes(5), bytes(13_000_000)),
            ("5 B".into(), "13.0 MB".into())
        );
    }
}
