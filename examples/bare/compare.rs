//! Compare: does the second server cost more than the first? Each line of the input is a block: two
//! figures.

use std::io;

// ANCHOR: run
pub(crate) fn run() -> io::Result<()> {
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for line in io::stdin().lines() {
        let line = line?;
        let figures = line.split_whitespace().flat_map(str::parse);
        if let [a, b] = figures.collect::<Vec<f64>>()[..] {
            first.push(a);
            second.push(b);
        }
    }
    println!("{}", verdict(&first, &second));
    Ok(())
}

/// Two servers differ if their ranges lie apart.
fn verdict(first: &[f64], second: &[f64]) -> &'static str {
    if is_below(first, second) {
        "more"
    } else if is_below(second, first) {
        "less"
    } else {
        "cannot tell"
    }
}

/// Whether the largest of one is less than the smallest of the other.
fn is_below(low: &[f64], high: &[f64]) -> bool {
    let largest = low.iter().copied().fold(f64::MIN, f64::max);
    let smallest = high.iter().copied().fold(f64::MAX, f64::min);
    largest < smallest
}
// ANCHOR_END: run
