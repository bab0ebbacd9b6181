//! A C library function that is not thread-safe, and is left so on purpose.
//!
//! `asctime(3)` returns a pointer to a buffer of the library's own, one for the whole process. What
//! it says there holds until somebody calls it again, and who that may be a caller cannot know.
//! `asctime_r`, which takes the caller's buffer, is the cure; this module is the illness.

use std::ffi::CStr;
use std::ptr::NonNull;
use std::sync::{Mutex, MutexGuard, PoisonError};

// SAFETY: the name and the signature are those of asctime(3) in C.
unsafe extern "C" {
    /// `asctime(3)`.
    fn asctime(time: *const libc::tm) -> *mut libc::c_char;
}

/// Held while the library writes to its buffer, and while somebody reads it.
///
/// It keeps this program within the rules: unsynchronised access to one memory is a data race, and
/// after that nothing at all is certain. It does not make the answers right. Real code has no such
/// lock, and may read half of one text and half of another as well.
static BUFFER: Mutex<()> = Mutex::new(());

/// Where a text is, or was: in a buffer that the next call of [`utc`] overwrites, whoever makes it.
pub struct StaticText {
    start: NonNull<libc::c_char>,
}

/// `asctime(gmtime(seconds))`: that moment in universal time, as in `Sun Sep 16 01:03:52 1973`,
/// with a line feed behind it.
///
/// `None` where the library cannot say it, as beyond the year 9999.
// ANCHOR: asctime
pub fn utc(seconds: i64) -> Option<StaticText> {
    let _writing = buffer();
    // SAFETY: the argument outlives the call. The result is in a static
    // buffer, too, and the lock keeps others from writing to it.
    let time = NonNull::new(unsafe { libc::gmtime(&raw const seconds) })?;
    // SAFETY: gmtime has filled the struct, and nobody else can have
    // touched it since.
    let text = NonNull::new(unsafe { asctime(time.as_ptr()) })?;
    Some(StaticText { start: text })
}

impl StaticText {
    /// What is in the buffer *now*.
    pub fn read(&self) -> String {
        let _reading = buffer();
        // SAFETY: the buffer is static, and whatever asctime left there
        // last ends with a NUL; the lock keeps everybody from writing.
        let text = unsafe { CStr::from_ptr(self.start.as_ptr()) };
        text.to_string_lossy().into_owned()
    }
}
// ANCHOR_END: asctime

fn buffer() -> MutexGuard<'static, ()> {
    // It guards no state of ours that a panic could have broken.
    BUFFER.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_call_overwrites_the_first_result() {
        // The only test of this process that calls it, so nobody else interferes.
        let first = utc(117_000_000).unwrap();
        assert_eq!(first.read(), "Sun Sep 16 04:00:00 1973\n");
        let second = utc(0).unwrap();
        assert_eq!(second.read(), "Thu Jan  1 00:00:00 1970\n");
        assert_eq!(first.read(), second.read());
        assert!(utc(i64::MAX).is_none());
    }
}
