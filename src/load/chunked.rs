//! The chunked transfer coding, decoded for its length alone (RFC 9112 section 7.1).

use super::malformed::Malformed;

/// How far a chunked body has come. Fed slices of any size, it needs no buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chunked {
    /// In the digits of a chunk's size; `digits` counts them.
    Size { bytes: u64, digits: u8 },
    /// After the digits, up to the line's end: an extension, which is skipped.
    Extension { bytes: u64 },
    /// In a chunk's data.
    Data { bytes: u64 },
    /// Between a chunk's data and the next size: CR LF.
    DataEnd { cr: bool },
    /// In the trailer section; `line` counts the bytes of the current line.
    Trailer { line: u32 },
    /// The last line has ended.
    Done,
}

/// Enough for 2^60 bytes; more digits would overflow.
const DIGITS_MAX: u8 = 15;
/// A longer trailer line is refused.
const TRAILER_LINE_BYTES_MAX: u32 = 16 * 1024;

const MALFORMED: Malformed = Malformed {
    reason: "the chunked body is malformed",
};

impl Chunked {
    pub(super) const START: Self = Self::Size {
        bytes: 0,
        digits: 0,
    };

    /// Takes what it can of `bytes`; returns how many bytes it took (all of them, unless the body
    /// ended within) and how many of these were data.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Result<(usize, u64), Malformed> {
        let (mut at, mut data) = (0, 0);
        while at < bytes.len() && *self != Self::Done {
            if let Self::Data { bytes: left } = *self {
                let now = left.min((bytes.len() - at) as u64);
                at += now as usize;
                data += now;
                *self = match left - now {
                    0 => Self::DataEnd { cr: false },
                    bytes => Self::Data { bytes },
                };
            } else {
                *self = self.after(bytes[at])?;
                at += 1;
            }
        }
        Ok((at, data))
    }

    /// The state after one byte that is not data.
    fn after(self, byte: u8) -> Result<Self, Malformed> {
        Ok(match (self, byte) {
            (Self::Size { digits: 0, .. }, b) if !b.is_ascii_hexdigit() => return Err(MALFORMED),
            (Self::Size { bytes, .. } | Self::Extension { bytes }, b'\n') => match bytes {
                0 => Self::Trailer { line: 0 },
                bytes => Self::Data { bytes },
            },
            (Self::Size { bytes, digits }, b) if b.is_ascii_hexdigit() && digits < DIGITS_MAX => {
                let digit = (b as char).to_digit(16).map_or(0, u64::from);
                Self::Size {
                    bytes: bytes * 16 + digit,
                    digits: digits + 1,
                }
            }
            (Self::Size { bytes, .. }, b'\r' | b';' | b' ' | b'\t') => Self::Extension { bytes },
            (Self::Extension { bytes }, _) => Self::Extension { bytes },
            (Self::DataEnd { cr: false }, b'\r') => Self::DataEnd { cr: true },
            (Self::DataEnd { cr: true }, b'\n') => Self::START,
            (Self::Trailer { line: 0 }, b'\n') => Self::Done,
            (Self::Trailer { .. }, b'\n') => Self::Trailer { line: 0 },
            (Self::Trailer { line }, b'\r') => Self::Trailer { line },
            (Self::Trailer { line }, _) if line < TRAILER_LINE_BYTES_MAX => {
                Self::Trailer { line: line + 1 }
            }
            _ => return Err(MALFORMED),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(bytes: &[u8]) -> Result<(Chunked, usize, u64), Malformed> {
        let mut chunked = Chunked::START;
        let (taken, data) = chunked.feed(bytes)?;
        Ok((chunked, taken, data))
    }

    #[test]
    fn whole_bodies_end_where_they_should() {
        for (body, data) in [
            ("0\r\n\r\n", 0),
            ("5\r\nhello\r\n0\r\n\r\n", 5),
            (
                "A;name=\"v\"\r\n0123456789\r\n0\r\nX: y\r\nZ: w\r\n\r\n",
                10,
            ),
            ("000f \r\n123456789012345\r\n1\r\n!\r\n00\r\n\r\n", 16),
        ] {
            let with_surplus = [body.as_bytes(), b"HTTP"].concat();
            assert_eq!(
                decode(&with_surplus),
                Ok((Chunked::Done, body.len(), data)),
                "{body:?}"
            );
        }
    }

    #[test]
    fn malformed_chunks_are_refused() {
        let endless = "f".repeat(16);
        for body in [
            "\r\n",
            "x\r\n",
            "-1\r\n",
            "5\r\nhelloX",
            "5\r\nhello\rX",
            "5x\r\n",
            &endless,
        ] {
            assert_eq!(decode(body.as_bytes()), Err(MALFORMED), "{body:?}");
        }
    }
}
