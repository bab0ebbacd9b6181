//! What happened in each second of a run.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;

use super::histogram::histogram;

/// One second of a run, counted from the end of the warm-up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Second {
    /// Which second, from 0.
    pub index: u64,
    /// How long it was, in ns: less than a second only for the last.
    pub length_ns: u64,
    /// Requests begun in it.
    pub attempted: u64,
    /// Requests answered and verified in it.
    pub requests: u64,
    /// Requests that failed in it.
    pub failed: u64,
    /// Requests that were due at its end and waited for a connection.
    pub waiting: u64,
    /// Connections that were open at its end.
    pub connections: u64,
    /// The response times of the requests answered in it: each value in ns that occurred, to
    /// three digits, with its count.
    pub latency_ns: Vec<(u64, u64)>,
}

impl Second {
    /// The response times as a histogram.
    pub fn histogram(&self) -> Histogram<u64> {
        let mut latency = histogram();
        for &(value, count) in &self.latency_ns {
            latency.saturating_record_n(value, count);
        }
        latency
    }

    fn add(&mut self, other: &Self) {
        self.length_ns = self.length_ns.max(other.length_ns);
        self.attempted += other.attempted;
        self.requests += other.requests;
        self.failed += other.failed;
        self.waiting += other.waiting;
        self.connections += other.connections;
        let mut merged: BTreeMap<u64, u64> = self.latency_ns.iter().copied().collect();
        for &(value, count) in &other.latency_ns {
            *merged.entry(value).or_default() += count;
        }
        self.latency_ns = merged.into_iter().collect();
    }
}

/// The seconds of several threads as those of the run, in order. Every second from the first to
/// the last is there, also one in which nothing happened.
pub fn merged<'a>(parts: impl IntoIterator<Item = &'a Second>) -> Vec<Second> {
    let mut seconds: Vec<Second> = Vec::new();
    for part in parts {
        while seconds.len() as u64 <= part.index {
            seconds.push(Second {
                index: seconds.len() as u64,
                ..Second::default()
            });
        }
        seconds[part.index as usize].add(part);
    }
    seconds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_of_threads_add_up_and_none_is_missing() {
        let part = |index, value| Second {
            index,
            length_ns: 9,
            attempted: 2,
            requests: 1,
            failed: 1,
            waiting: 3,
            connections: 5,
            latency_ns: vec![(100, 1), (value, 1)],
        };
        let seconds = merged(&[part(0, 200), part(2, 100), part(0, 100)]);
        assert_eq!(seconds.len(), 3);
        let first = &seconds[0];
        assert_eq!((first.attempted, first.requests, first.failed), (4, 2, 2));
        assert_eq!((first.waiting, first.connections), (6, 10));
        assert_eq!(first.latency_ns, [(100, 3), (200, 1)]);
        assert_eq!(first.histogram().len(), 4);
        assert_eq!((seconds[1].index, seconds[1].attempted), (1, 0));
        assert_eq!(seconds[2].index, 2);
    }
}
