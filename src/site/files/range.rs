//! Ranges of bytes (RFC 9110 §14).

/// The part of a file to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// The whole file: 200.
    Whole,
    /// The bytes from `first` to `last`, both included and both inside the file: 206.
    Bytes {
        /// Position of the first byte, from 0.
        first: u64,
        /// Position of the last byte.
        last: u64,
    },
    /// The file has none of the requested bytes: 416.
    Unsatisfiable,
}

/// A range, as the client wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spec {
    /// `first-last`, or `first-` for all bytes from there on.
    From { first: u64, last: Option<u64> },
    /// `-length`: the last bytes.
    Suffix { length: u64 },
}

impl Part {
    /// The part of a file of `size` bytes that the value of a Range field selects.
    ///
    /// A malformed range, another unit and a list of ranges are ignored: the client gets the whole
    /// file, as RFC 9110 §14.2 allows for every Range. A list would need a multipart body, which no
    /// media player or download manager asks for. It also invites abuse: a few hundred overlapping
    /// ranges once made Apache build gigabytes (CVE-2011-3192).
    pub(super) fn select(range: &[u8], size: u64) -> Self {
        match Spec::parse(range) {
            None => Self::Whole,
            Some(Spec::From { first, .. }) if first >= size => Self::Unsatisfiable,
            Some(Spec::From { first, last }) => Self::Bytes {
                first,
                last: last.unwrap_or(u64::MAX).min(size - 1),
            },
            Some(Spec::Suffix { length: 0 }) => Self::Unsatisfiable,
            // The suffix of an empty file is the whole, empty file; Content-Range cannot express
            // an empty range.
            Some(Spec::Suffix { .. }) if size == 0 => Self::Whole,
            Some(Spec::Suffix { length }) => Self::Bytes {
                first: size.saturating_sub(length),
                last: size - 1,
            },
        }
    }
}

impl Spec {
    /// Parses `bytes=` and one range. The unit is case-insensitive (RFC 9110 §14.1).
    fn parse(range: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(range).ok()?;
        let (unit, range) = text.split_once('=')?;
        let (first, last) = range.split_once('-')?;
        if !unit.eq_ignore_ascii_case("bytes") {
            return None;
        }
        match (first, last) {
            ("", length) => Some(Self::Suffix {
                length: position(length)?,
            }),
            (first, "") => Some(Self::From {
                first: position(first)?,
                last: None,
            }),
            (first, last) => {
                let (first, last) = (position(first)?, position(last)?);
                (first <= last).then_some(Self::From {
                    first,
                    last: Some(last),
                })
            }
        }
    }
}

/// Parses one or more digits. A number of more than 64 bits becomes the largest of 64 bits: both
/// lie behind the end of every file.
fn position(digits: &str) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
#[path = "range_tests.rs"]
mod tests;
