//! A run's response times as an interval log, which the tools of HdrHistogram read.

use std::io;
use std::time::Duration;

use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::IntervalLogWriterBuilder;

use super::json::Json;
use crate::load::Outcome;

/// Response times are in ns, and the log's maxima are told in ms, as is the custom.
const NS_PER_MS: f64 = 1e6;
/// How the comment begins that carries the rest of the result, for `servers merge`.
pub(super) const OBJECT: &str = "#[servers load] ";

/// One histogram of response times in ns for each second. A comment carries the object of
/// `--json`, so that the log can be added to others as exactly.
///
/// # Errors
/// Those of the encoder, which writes to memory.
pub fn hlog(json: Json, outcome: &Outcome) -> io::Result<Vec<u8>> {
    let object = serde_json::to_string(&json.without_seconds_whole())?;
    let mut log = Vec::new();
    let mut serializer = V2DeflateSerializer::new();
    let mut writer = IntervalLogWriterBuilder::new()
        .add_comment("[Logged with servers load: response times in ns]")
        .add_comment(&format!("{}{object}", &OBJECT[1..]))
        .with_start_time(outcome.began)
        .with_base_time(outcome.began)
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
