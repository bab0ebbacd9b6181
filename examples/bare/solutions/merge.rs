//! Histograms add up, and the sum has a p99.

use std::{env, fs, io};

use hdrhistogram::Histogram;

use crate::merge::response_ns;

// ANCHOR: run
pub(crate) fn run() -> io::Result<()> {
    let mut sum = Histogram::<u64>::new(3).map_err(io::Error::other)?;
    for file in env::args().skip(2) {
        let result = serde_json::from_str(&fs::read_to_string(file)?)?;
        sum.add(response_ns(&result)?).map_err(io::Error::other)?;
    }
    let p99_us = sum.value_at_quantile(0.99) as f64 / 1e3;
    println!("p99: {p99_us:.0} µs");
    Ok(())
}
// ANCHOR_END: run
