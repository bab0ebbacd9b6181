//! Appends records to a file that several processes and threads share.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::Ordering::Relaxed;

use super::record::{Event, Record, Side};
use crate::sys::clock;
use crate::sys::regular;
use crate::sys::shared::SharedWords;

/// Records that a trace may have unless an option says otherwise: about 120 MB.
pub const RECORDS_MAX: u64 = 1_000_000;
/// Longer than any record with a name of usual length. A longer one is left out.
const LINE_BYTES_MAX: usize = 512;

pub use clock::monotonic_ns;

/// A trace that is being written. Children that are forked from now on write to the same one.
pub struct Recorder {
    file: File,
    /// In its only word, the records of all processes.
    count: SharedWords,
    limit: u64,
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Recorder")
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}

impl Recorder {
    /// Opens the file and empties it, unless `appends`. Its first line says what is traced.
    ///
    /// # Errors
    /// It is no regular file, or it cannot be written: a server must not wait for the reader of a
    /// pipe.
    pub fn create(
        path: &Path,
        limit: u64,
        appends: bool,
        side: Side,
        what: &str,
    ) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.append(true).create(true);
        let file = regular::open(&mut options, 0, path)?;
        if !appends {
            file.set_len(0)?;
        }
        let recorder = Self {
            file,
            count: SharedWords::create(c"servers-trace", 1)?,
            // Far from the end of the count, which goes on beyond the limit.
            limit: limit.min(u64::MAX / 2),
        };
        let mut first = Record::new(monotonic_ns(), side, Event::Trace);
        first.note = Some(what.to_owned());
        recorder.write(&first);
        Ok(recorder)
    }

    /// Appends a record, unless the trace is full. The record beyond the limit says so instead.
    ///
    /// `Relaxed` suffices: the count stands for nothing but itself.
    pub fn add(&self, record: &Record) {
        let before = self.count[0].fetch_add(1, Relaxed);
        if before < self.limit {
            self.write(record);
        } else if before == self.limit {
            let mut last = Record::new(record.ns, record.side, Event::Limit);
            last.note = Some(format!("{} records; see --trace-limit", self.limit));
            self.write(&last);
        }
    }

    /// One line by one system call, rendered without the heap, which a forked child would have to
    /// copy.
    fn write(&self, record: &Record) {
        let mut line = [0; LINE_BYTES_MAX];
        let mut rest = line.as_mut_slice();
        let rendered = serde_json::to_writer(&mut rest, record).is_ok();
        if !rendered || rest.write_all(b"\n").is_err() {
            return;
        }
        let length = LINE_BYTES_MAX - rest.len();
        if let Err(error) = (&self.file).write_all(&line[..length]) {
            // It ends for all processes. The first of them says so.
            let before = self.count[0].swap(self.limit + 1, Relaxed);
            if before <= self.limit {
                crate::log!("the trace ends here: {error}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::read;
    use super::*;

    #[test]
    fn a_full_trace_says_so_once() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("trace");
        std::fs::write(&path, "what was there before\n").unwrap();
        let recorder = Recorder::create(&path, 2, false, Side::Server, "poll").unwrap();
        for ns in 10..15 {
            recorder.add(&Record::new(ns, Side::Server, Event::Accepted));
        }
        let records = read(std::fs::read(&path).unwrap().as_slice()).unwrap();
        let events: Vec<_> = records.iter().map(|it| (it.event, it.ns)).collect();
        assert_eq!(
            events[1..],
            [
                (Event::Accepted, 10),
                (Event::Accepted, 11),
                (Event::Limit, 12)
            ]
        );
        assert_eq!(events[0].0, Event::Trace);
        assert_eq!(records[0].note.as_deref(), Some("poll"));
    }

    #[test]
    fn a_successor_goes_on_in_the_same_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("trace");
        for appends in [false, true] {
            Recorder::create(&path, 9, appends, Side::Server, "event").unwrap();
        }
        let records = read(std::fs::read(&path).unwrap().as_slice()).unwrap();
        assert_eq!(records.len(), 2);
    }
}
