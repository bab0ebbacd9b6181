//! Ranges of bytes (RFC 9110 §14).

/// What part of a file is to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// All of it: 200.
    Whole,
    /// The bytes from `first` to `last`, both included and both inside the file: 206.
    Bytes {
        /// Position of the first byte, from 0.
        first: u64,
        /// Position of the last.
        last: u64,
    },
    /// None of the bytes asked for exist: 416.
    Unsatisfiable,
}

/// A range as the client wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spec {
    /// `first-last` or `first-`.
    From { first: u64, last: Option<u64> },
    /// `-length`: the last bytes.
    Suffix { length: u64 },
}

impl Part {
    /// What the value of a Range field asks for in a file of `size` bytes.
    ///
    /// What is malformed, in another unit, or more than one range is ignored, and the answer is
    /// the whole file, as RFC 9110 §14.2 allows for every Range. Several ranges would need a
    /// multipart body, which no media player or download manager asks for, and invite abuse:
    /// a few hundred overlapping ones once made Apache build gigabytes (CVE-2011-3192).
    pub(super) fn select(range: &[u8], size: u64) -> Self {
        match Spec::parse(range) {
            None => Self::Whole,
            Some(Spec::From { first, .. }) if first >= size => Self::Unsatisfiable,
            Some(Spec::From { first, last }) => Self::Bytes {
                first,
                last: last.unwrap_or(u64::MAX).min(size - 1),
            },
            Some(Spec::Suffix { length: 0 }) => Self::Unsatisfiable,
            // An empty file has a suffix of any length, all of it, for which Content-Range has no
            // notation.
            Some(Spec::Suffix { .. }) if size == 0 => Self::Whole,
            Some(Spec::Suffix { length }) => Self::Bytes {
                first: size.saturating_sub(length),
                last: size - 1,
            },
        }
    }
}

impl Spec {
    /// `bytes=` and one range. The name of the unit is case-insensitive (RFC 9110 §14.1).
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

/// One or more digits. A number beyond 64 bits is beyond every file, as 64 bits' greatest is.
fn position(digits: &str) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
#[path = "range_tests.rs"]
mod tests;
