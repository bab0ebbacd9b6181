//! Which version of a file this is (RFC 9110 §8.8).

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use httpdate::HttpDate;

/// The validators of a file: they differ between two versions of it.
#[derive(Debug, Clone)]
pub(super) struct Validators {
    tag: String,
    /// In whole seconds, as HTTP dates are.
    modified: SystemTime,
    settled: bool,
}

impl Validators {
    /// The validators of an open file at the time `now`.
    pub(super) fn new(metadata: &Metadata, now: SystemTime) -> Self {
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

    /// `tag` is quoted. A time before 1970 counts as 1970, where HTTP dates of this server begin. A
    /// time in the future counts as now: a response must not claim that its content was modified
    /// after it was sent (RFC 9110 §8.8.2.1).
    pub(super) fn from_parts(tag: String, modified: SystemTime, now: SystemTime) -> Self {
        let modified = whole_seconds(modified.min(now));
        Self {
            tag,
            modified,
            settled: whole_seconds(now) > modified + SECOND,
        }
    }

    /// The entity tag, quoted. It is a strong one: the time of modification in nanoseconds, the
    /// size or the inode number changes with the content, whether a program writes the file in
    /// place or replaces it.
    ///
    /// File systems miss two cases: two writes of the same length within one tick of the kernel's
    /// clock (a few milliseconds), and a modification time that a program sets back.
    pub(super) fn tag(&self) -> &str {
        &self.tag
    }

    /// The time of the last modification, in whole seconds.
    pub(super) fn modified(&self) -> SystemTime {
        self.modified
    }

    /// The value of the Last-Modified field.
    pub(super) fn last_modified(&self) -> String {
        HttpDate::from(self.modified).to_string()
    }

    /// Whether the date names one version alone. Within the second of the last modification,
    /// another version could still get the same date. The kernel takes the time of a modification
    /// from a clock that lags up to a tick behind, so one more whole second has to pass.
    pub(super) fn is_settled(&self) -> bool {
        self.settled
    }
}

const SECOND: Duration = Duration::from_secs(1);

/// The time without its fraction of a second; 1970 for an earlier time.
fn whole_seconds(time: SystemTime) -> SystemTime {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    UNIX_EPOCH + Duration::from_secs(since.as_secs())
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
            (at(784_111_777, 999_999_999), at(784_111_777, 0)),
            (at(1_000_000_000, 400), at(1_000_000_000, 0)),
            (at(1_000_000_007, 0), at(1_000_000_000, 0)),
            (at(300_000_000_000, 0), at(1_000_000_000, 0)),
            (UNIX_EPOCH - SECOND, UNIX_EPOCH),
        ] {
            assert_eq!(validators(modified, now).modified(), expected);
        }
        let date = validators(at(784_111_777, 1), now).last_modified();
        assert_eq!(date, "Sun, 06 Nov 1994 08:49:37 GMT");
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
