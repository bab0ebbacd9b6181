//! Bars of block characters: an eighth of a column is the smallest step. Pure.

const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/// A bar of `width` columns for `largest`, padded to that width.
pub(super) fn bar(value: f64, largest: f64, width: usize) -> String {
    if !(value.is_finite() && largest > 0.0) {
        return " ".repeat(width);
    }
    let eighths = (value / largest * width as f64 * 8.0).round().max(1.0) as usize;
    let eighths = eighths.min(width * 8);
    let bar = "█".repeat(eighths / 8) + EIGHTHS[eighths % 8];
    let length = bar.chars().count();
    bar + &" ".repeat(width - length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_its_value() {
        assert_eq!(bar(10.0, 10.0, 4), "████");
        assert_eq!(bar(5.0, 10.0, 4), "██  ");
        assert_eq!(bar(0.01, 10.0, 4), "▏   ");
        assert_eq!(bar(f64::NAN, 10.0, 4), "    ");
        assert_eq!(bar(1.0, 0.0, 4), "    ");
        for value in 0..=80 {
            assert_eq!(bar(f64::from(value), 80.0, 10).chars().count(), 10);
        }
    }
}
