//! The value of the Date field. The caller passes in the time: this room reads no clock.

use std::fmt::Write;
use std::time::SystemTime;

/// An IMF-fixdate such as `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 §5.6.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Date([u8; Date::LENGTH]);

impl Date {
    /// Bytes of every IMF-fixdate.
    const LENGTH: usize = 29;

    /// Renders a time, to the second.
    pub fn at(time: SystemTime) -> Self {
        let mut text = Fixed {
            bytes: [b' '; Self::LENGTH],
            filled: 0,
        };
        // The formatter writes exactly 29 bytes for every year that it supports, so the buffer
        // never overflows.
        let _ = write!(text, "{}", httpdate::HttpDate::from(time));
        Self(text.bytes)
    }

    /// The 29 bytes that follow `Date: `.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// A buffer on the stack: rendering a date allocates nothing.
struct Fixed {
    bytes: [u8; Date::LENGTH],
    filled: usize,
}

impl Write for Fixed {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let end = self.filled + text.len();
        let room = self
            .bytes
            .get_mut(self.filled..end)
            .ok_or(std::fmt::Error)?;
        room.copy_from_slice(text.as_bytes());
        self.filled = end;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, UNIX_EPOCH};

    #[test]
    fn renders_the_date_of_the_specification() {
        let date = Date::at(UNIX_EPOCH + Duration::from_secs(784_111_777));
        assert_eq!(date.as_bytes(), b"Sun, 06 Nov 1994 08:49:37 GMT");
    }
}
