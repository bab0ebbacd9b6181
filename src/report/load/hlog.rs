//! A run's response times as an interval log, which the tools of HdrHistogram read.

use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::IntervalLogWriterBuilder;

use crate::load::Outcome;

/// Response times are in ns, and the log's maxima are told in ms, as is the custom.
const NS_PER_MS: f64 = 1e6;

/// One histogram of response times in ns for each second. The run ended at `ended`.
///
/// # Errors
/// Those of the encoder, which writes to memory.
pub fn hlog(outcome: &Outcome, ended: SystemTime) -> io::Result<Vec<u8>> {
    let started = ended.checked_sub(outcome.duration).unwrap_or(UNIX_EPOCH);
    let mut log = Vec::new();
    let mut serializer = V2DeflateSerializer::new();
    let mut writer = IntervalLogWriterBuilder::new()
        .add_comment("[Logged with servers load: response times in ns]")
        .with_start_time(started)
        .with_base_time(started)
        .with_max_value_divisor(NS_PER_MS)
        .begin_log_with(&mut log, &mut serializer)?;
    for second in &outcome.seconds {
        let begins = Duration::from_secs(second.index);
        let length = Duration::from_nanos(second.length_ns);
        writer
            .write_histogram(&second.histogram(), begins, length, None)
            .map_err(|error| io::Error::other(format!("{error:?}")))?;
    }
    drop(writer);
    Ok(log)
}
