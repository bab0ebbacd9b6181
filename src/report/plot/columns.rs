//! Rows that have a name at the left and a remark at the right. Pure.

use super::svg::{CHARACTER, width_of};
use super::{MARGIN, WIDTH};

/// Longer names are cut.
pub(super) const NAME_LETTERS: usize = 17;

/// Where the part between names and remarks begins and ends, `gap` away from both.
pub(super) fn between<'a>(
    names: impl Iterator<Item = &'a str>,
    remarks: impl Iterator<Item = &'a str>,
    gap: f64,
) -> (f64, f64) {
    let letters = names.map(|name| name.chars().count().min(NAME_LETTERS));
    let left = MARGIN + gap + letters.max().unwrap_or(0) as f64 * CHARACTER;
    let right = WIDTH - MARGIN - gap - remarks.map(width_of).fold(0.0, f64::max);
    (left, right)
}
