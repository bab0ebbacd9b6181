//! Numbers that are read at a glance: three digits and a unit. Pure.

use crate::bench::stats::Spread;

/// The units in which one quantity is told.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    /// What stands between a number and its unit.
    gap: &'static str,
    /// Rising: what a value is divided by, and the unit's sign.
    units: &'static [(f64, &'static str)],
}

/// From bytes, in powers of 1000.
pub const BYTES: Scale = Scale {
    gap: " ",
    units: &[
        (1.0, "B"),
        (1e3, "kB"),
        (1e6, "MB"),
        (1e9, "GB"),
        (1e12, "TB"),
    ],
};
/// From microseconds.
pub const TIME: Scale = Scale {
    gap: " ",
    units: &[(1.0, "µs"), (1e3, "ms"), (1e6, "s")],
};
/// Plain counts.
pub const COUNT: Scale = Scale {
    gap: "",
    units: &[(1.0, ""), (1e3, "k"), (1e6, "M")],
};

/// `12.3 µs`: three digits and the unit in which they are shortest.
pub fn value(value: f64, scale: Scale) -> String {
    let (divisor, sign) = scale.unit_for(value);
    format!("{}{}{sign}", digits(value / divisor, 3), scale.gap)
}

/// `12µs`, `1.2ms`: two digits and no space, for a narrow column.
pub fn brief(value: f64, scale: Scale) -> String {
    let (divisor, sign) = scale.unit_for(value);
    format!("{}{sign}", digits(value / divisor, 2))
}

/// `11.8..13.4`, in the unit of the median, which stands above it. Where that would take too many
/// digits the range has a unit of its own, `0.5..4.6ms`, or each end has one, `12µs..460ms`.
pub fn range(spread: &Spread, scale: Scale) -> String {
    let (divisor, sign) = scale.unit_for(spread.max);
    let same_unit_as_median = scale.unit_for(spread.median).1 == sign;
    let min = spread.min / divisor;
    if min < 0.1 && spread.min > 0.0 {
        let (of_min, its_sign) = scale.unit_for(spread.min);
        let max = digits(spread.max / divisor, 2);
        return format!("{}{its_sign}..{max}{sign}", digits(spread.min / of_min, 2));
    }
    // A count has no unit above: its median is written in full.
    let (significant, sign) = match (same_unit_as_median, scale.gap) {
        (true, "") => (3, sign),
        (true, _) => (3, ""),
        (false, _) => (2, sign),
    };
    format!(
        "{}..{}{sign}",
        digits(min, significant),
        digits(spread.max / divisor, significant)
    )
}

/// KiB as MiB, for a column that names the unit: `12.3`.
pub fn mebibytes(kib: f64) -> String {
    digits(kib / 1024.0, 3)
}

/// `31,234`.
pub fn grouped(value: f64) -> String {
    let plain = format!("{:.0}", value.abs());
    let mut grouped = String::new();
    for (index, digit) in plain.chars().enumerate() {
        if index > 0 && (plain.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

impl Scale {
    /// The largest unit of which `value`, rounded to three digits, has at least one.
    fn unit_for(self, value: f64) -> (f64, &'static str) {
        let fits = |unit: &&(f64, &str)| value.abs() * 1.0005 >= unit.0;
        let unit = self.units.iter().rev().find(fits).or(self.units.first());
        unit.copied().unwrap_or((1.0, ""))
    }
}

/// `value` with `significant` digits, but never fewer than its whole part has.
fn digits(value: f64, significant: usize) -> String {
    let mut decimals = significant.saturating_sub(1);
    let mut limit = 10.0;
    // Rounding may add a digit: 9.999 is 10.0, not 10.00.
    while decimals > 0 && value.abs() + 0.5 * 0.1f64.powi(decimals as i32) >= limit {
        decimals -= 1;
        limit *= 10.0;
    }
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_three_digits_and_a_unit() {
        for (us, text) in [
            (0.0, "0.00 µs"),
            (0.5, "0.50 µs"),
            (1.234, "1.23 µs"),
            (9.996, "10.0 µs"),
            (99.96, "100 µs"),
            (412.4, "412 µs"),
            (999.7, "1.00 ms"),
            (23_456.0, "23.5 ms"),
            (4_500_000.0, "4.50 s"),
            (600_000_000.0, "600 s"),
        ] {
            assert_eq!(value(us, TIME), text);
        }
        assert_eq!(mebibytes(12_595.0), "12.3");
        assert_eq!(mebibytes(1_234_567.0), "1206");
        assert_eq!(value(31_234.0, COUNT), "31.2k");
    }

    #[test]
    fn ranges_name_a_unit_only_where_it_is_another() {
        let range = |min, median, max| range(&Spread { min, median, max }, TIME);
        assert_eq!(range(11.84, 12.3, 13.41), "11.8..13.4");
        assert_eq!(range(980.0, 1200.0, 1350.0), "0.98..1.35");
        assert_eq!(range(980.0, 990.0, 46_000.0), "1.0..46ms");
        assert_eq!(range(480.0, 990.0, 4_600.0), "0.5..4.6ms");
        assert_eq!(range(12.0, 130.0, 460_000.0), "12µs..460ms");
    }

    #[test]
    fn ranges_of_counts_end_in_their_letter() {
        let spread = Spread {
            min: 29_100.0,
            median: 31_000.0,
            max: 33_190.0,
        };
        assert_eq!(range(&spread, COUNT), "29.1..33.2k");
        let spread = Spread {
            min: 890.0,
            median: 900.0,
            max: 950.0,
        };
        assert_eq!(range(&spread, COUNT), "890..950");
    }

    #[test]
    fn digits_come_in_groups() {
        assert_eq!(grouped(7.4), "7");
        assert_eq!(grouped(123.0), "123");
        assert_eq!(grouped(31_234.0), "31,234");
        assert_eq!(grouped(1_234_567.8), "1,234,568");
    }
}
