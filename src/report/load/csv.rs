//! A run second by second, as CSV (RFC 4180).

use std::fmt::Write;

use crate::load::{Outcome, Second};

const HEAD: &str = "second,length_s,attempted,requests,failed,waiting,connections,\
                    mean_us,p50_us,p90_us,p99_us,p999_us,max_us";

/// A line for each second. Times are empty in a second without an answer.
pub fn csv(outcome: &Outcome) -> String {
    let lines = outcome.seconds.iter().map(line);
    [format!("{HEAD}\r\n")].into_iter().chain(lines).collect()
}

fn line(second: &Second) -> String {
    let times = second.histogram();
    let mut text = format!(
        "{},{:.3},{},{},{},{},{}",
        second.index,
        second.length_ns as f64 / 1e9,
        second.attempted,
        second.requests,
        second.failed,
        second.waiting,
        second.connections
    );
    let quantiles = [0.5, 0.9, 0.99, 0.999, 1.0];
    let at = quantiles.map(|quantile| times.value_at_quantile(quantile) as f64);
    for ns in [times.mean()].into_iter().chain(at) {
        // Writing to a String does not fail.
        let _ = match times.is_empty() {
            true => write!(text, ","),
            false => write!(text, ",{:.1}", ns / 1000.0),
        };
    }
    text + "\r\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_has_every_column() {
        let second = Second {
            index: 3,
            length_ns: 1_000_000_000,
            attempted: 2,
            requests: 2,
            latency_ns: vec![(1_000_000, 2)],
            ..Second::default()
        };
        let columns = HEAD.split(',').count();
        for second in [second, Second::default()] {
            assert_eq!(line(&second).split(',').count(), columns);
        }
        assert_eq!(line(&Second::default()), "0,0.000,0,0,0,0,0,,,,,,\r\n");
    }
}
