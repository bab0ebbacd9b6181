//! Which version of a file this is (RFC 9110 §8.8).

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use httpdate::HttpDate;

/// The validators of a file: they differ between two versions of it.
#[derive(Debug, Clone)]
pub(in crate::site) struct Validators {
    tag: String,
    /// In whole seconds, as HTTP dates are; `None` before 1970.
    modified: Option<SystemTime>,
    is_from_the_future: bool,
    is_settled: bool,
}

impl Validators {
    /// The validators of an open file at the time `now`.
    pub(in crate::site) fn new(metadata: &Metadata, now: SystemTime) -> Self {
        let nanoseconds =
            i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec());
        let tag = format!(
            "\"{nanoseconds:x}-{:x}-{:x}\"",
            metadata.size(),
            metadata.ino()
        );
        let modified = metadata.modified().unwrap_or(UNIX_EPOCH);
        Self::from_parts(tag, modified, now)
    }

    /// `tag` is quoted. HTTP dates of this server begin in 1970, so an earlier time has no date: it
    /// would share one with all other earlier times. A time in the future counts as now: a response
    /// must not claim that its content was modified after it was sent (RFC 9110 §8.8.2.1).
    pub(super) fn from_parts(tag: String, modified: SystemTime, now: SystemTime) -> Self {
        let date = whole_seconds(modified.min(now));
        let is_over = |date| whole_seconds(now).is_some_and(|now| now > date + SECOND);
        Self {
            tag,
            modified: date,
            is_from_the_future: modified > now,
            is_settled: date.is_some_and(is_over),
        }
    }

    /// The entity tag, quoted. It is a strong one: the time of modification in nanoseconds, the
    /// size or the inode number changes with the content, whether a program writes the file in
    /// place or replaces it.
    ///
    /// File systems miss two cases: two writes of the same length within one tick of the kernel's
    /// clock (a few milliseconds), and a modification time that a program sets back.
    pub(in crate::site) fn tag(&self) -> &str {
        &self.tag
    }

    /// The time of the last modification, in whole seconds; `None` before 1970.
    pub(super) fn modified(&self) -> Option<SystemTime> {
        self.modified
    }

    /// Whether the file claims to have been modified in the future.
    pub(super) fn is_from_the_future(&self) -> bool {
        self.is_from_the_future
    }

    /// The value of the Last-Modified field, if there is to be one.
    pub(in crate::site) fn last_modified(&self) -> Option<String> {
        let modified = self.modified?;
        Some(HttpDate::from(modified).to_string())
    }

    /// Whether the date names one version alone. Within the second of the last modification,
    /// another version could still get the same date. The kernel takes the time of a modification
    /// from a clock that lags up to a tick behind, so one more whole second has to pass.
    pub(super) fn is_settled(&self) -> bool {
        self.is_settled
    }
}

const SECOND: Duration = Duration::from_secs(1);

/// The time without its fraction of a second; `None` before 1970.
fn whole_seconds(time: SystemTime) -> Option<SystemTime> {
    let since = time.duration_since(UNIX_EPOCH).ok()?;
    Some(UNIX_EPOCH + Duration::from_secs(since.as_secs()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, File};

    fn at(seconds: u64, nanoseconds: u32) -> SystemTime {
        UNIX_EPOCH + Duration::new(seconds, nanoseconds)
    }

    fn validators(modified: SystemTime, now: SystemTime) -> Validators {
        Validators::from_parts("\"a\"".to_owned(), modified, now)
    }

    #[test]
    fn dates_are_whole_seconds_between_1970_and_now() {
        let now = at(1_000_000_000, 500);
        for (modified, expected) in [
            (at(784_111_777, 999_999_999), Some(at(784_111_777, 0))),
            (at(1_000_000_000, 400), Some(at(1_000_000_000, 0))),
            (at(1_000_000_007, 0), Some(at(1_000_000_000, 0))),
            (at(300_000_000_000, 0), Some(at(1_000_000_000, 0))),
            (UNIX_EPOCH, Some(UNIX_EPOCH)),
            (UNIX_EPOCH - Duration::from_nanos(1), None),
            (UNIX_EPOCH - 100_000 * SECOND, None),
        ] {
            let validators = validators(modified, now);
            assert_eq!(validators.modified(), expected);
            assert_eq!(validators.last_modified().is_some(), expected.is_some());
        }
        let date = validators(at(784_111_777, 1), now).last_modified();
        assert_eq!(date.as_deref(), Some("Sun, 06 Nov 1994 08:49:37 GMT"));
    }

    #[test]
    fn a_date_is_settled_when_its_second_is_over() {
        let modified = at(1_000, 900_000_000);
        assert!(!validators(modified, at(1_000, 999_999_999)).is_settled());
        assert!(!validators(modified, at(1_001, 999_999_999)).is_settled());
        assert!(validators(modified, at(1_002, 0)).is_settled());
    }

    #[test]
    fn the_tag_changes_with_time_size_and_inode() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        let file = File::create(&path).unwrap();
        let tag = || {
            let metadata = fs::metadata(&path).unwrap();
            Validators::new(&metadata, SystemTime::now())
                .tag()
                .to_owned()
        };
        file.set_modified(at(1_000, 1)).unwrap();
        let mut tags = vec![tag()];
        file.set_modified(at(1_000, 2)).unwrap();
        tags.push(tag());
        file.set_len(1).unwrap();
        file.set_modified(at(1_000, 2)).unwrap();
        tags.push(tag());
        let other = File::create(directory.path().join("other")).unwrap();
        other.set_len(1).unwrap();
        other.set_modified(at(1_000, 2)).unwrap();
        fs::rename(directory.path().join("other"), &path).unwrap();
        tags.push(tag());
        assert!(
            tags.iter()
                .all(|tag| tag.starts_with('"') && tag.ends_with('"'))
        );
        tags.sort();
        tags.dedup();
        assert_eq!(tags.len(), 4);
    }
}
