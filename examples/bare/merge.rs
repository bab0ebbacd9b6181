//! Merge: the p99 of several results of `servers load --json`, calculated as it must not be.

use std::{env, fs, io};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;
use serde_json::Value;

// ANCHOR: run
pub(crate) fn run() -> io::Result<()> {
    let (mut sum, mut number) = (0.0, 0.0);
    for file in env::args().skip(2) {
        let result = serde_json::from_str(&fs::read_to_string(file)?)?;
        sum += p99_us(&result);
        number += 1.0;
    }
    println!("p99: {:.0} µs", sum / number);
    Ok(())
}
// ANCHOR_END: run

// ANCHOR: parts
fn p99_us(result: &Value) -> f64 {
    result["response_us"]["p99"].as_f64().unwrap_or(f64::NAN)
}

/// All response times of a result, in ns.
pub(crate) fn response_ns(result: &Value) -> io::Result<Histogram<u64>> {
    let text = result["histograms"]["response"].as_str();
    let bytes = BASE64_STANDARD.decode(text.unwrap_or_default());
    let bytes = bytes.map_err(io::Error::other)?;
    let histogram = Deserializer::new().deserialize(&mut &bytes[..]);
    histogram.map_err(io::Error::other)
}
// ANCHOR_END: parts
