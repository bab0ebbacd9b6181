//! Numbers and times in few columns.

/// Bars of a graph, from the lowest to the highest.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Stands in a graph for a second without activity.
pub(super) const QUIET: char = '·';

/// A number as `0`, `7.3`, `123`, `12.3k` or `4.56M`: at most five characters.
pub(super) fn short(value: f64) -> String {
    let (divisor, sign) = match value.abs() {
        0.0..999.5 => (1.0, ""),
        999.5..999_500.0 => (1e3, "k"),
        999_500.0..999_500_000.0 => (1e6, "M"),
        _ => (1e9, "G"),
    };
    let scaled = value / divisor;
    let decimals = match scaled.abs() {
        _ if value.fract() == 0.0 && sign.is_empty() => 0,
        0.0..9.995 if !sign.is_empty() => 2,
        0.0..99.95 => 1,
        _ => 0,
    };
    format!("{scaled:.decimals$}{sign}")
}

/// A duration as `350 ms`, `12 s`, `3 min 5 s`, `3 h 20 min` or `2 d 4 h`.
pub(super) fn time(seconds: f64) -> String {
    let whole = seconds as u64;
    let (minutes, hours, days) = (whole / 60, whole / 3600, whole / 86_400);
    match whole {
        0 => format!("{:.0} ms", seconds * 1e3),
        1..60 => format!("{whole} s"),
        60..3600 => format!("{minutes} min {} s", whole % 60),
        3600..86_400 => format!("{hours} h {} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

/// A share from 0 to 1 as a bar that reaches so high.
pub(super) fn bar(share: f64) -> char {
    let level = (share * BARS.len() as f64).ceil() as usize;
    BARS[level.clamp(1, BARS.len()) - 1]
}

/// A share of a processor, which may be more than one, in percent.
pub(super) fn percent(share: f64) -> String {
    format!("{:.0}%", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let cases = [
            (0.0, "0"),
            (7.26, "7.3"),
            (7.0, "7"),
            (123.4, "123"),
            (999.6, "1.00k"),
            (12_345.0, "12.3k"),
            (123_456.0, "123k"),
            (4_560_000.0, "4.56M"),
            (7e9, "7.00G"),
        ];
        for (value, text) in cases {
            assert_eq!(short(value), text);
            assert!(short(value).len() <= 5);
        }
    }

    #[test]
    fn times_have_two_units_at_most() {
        let cases = [
            (0.35, "350 ms"),
            (12.9, "12 s"),
            (185.0, "3 min 5 s"),
            (12_000.0, "3 h 20 min"),
            (190_000.0, "2 d 4 h"),
        ];
        for (seconds, text) in cases {
            assert_eq!(time(seconds), text);
        }
    }
}
