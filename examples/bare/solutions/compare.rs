//! The two figures of a block are compared with each other, and chance is ruled out.

use std::io;
use std::iter::zip;

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

/// Two servers differ if the same one costs more in every block.
fn verdict(first: &[f64], second: &[f64]) -> &'static str {
    // For equal servers a block is like the toss of a coin. All tosses of
    // six are alike in 2 of 64 cases, all of five in 2 of 32.
    if first.len() < 6 {
        "cannot tell"
    } else if is_below(first, second) {
        "more"
    } else if is_below(second, first) {
        "less"
    } else {
        "cannot tell"
    }
}

/// Whether the one is less than the other in every block.
fn is_below(low: &[f64], high: &[f64]) -> bool {
    zip(low, high).all(|(low, high)| low < high)
}
// ANCHOR_END: run
