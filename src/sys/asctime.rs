//! A C library function that is not thread-safe, and is left so on purpose.
//!
//! `asctime(3)` returns a pointer to a static buffer, one for the whole process. The text in it
//! holds until the next call, which another thread may make at any moment. `asctime_r`, which
//! writes to the caller's buffer, does not have this fault; this module shows the fault.

use std::ffi::CStr;
use std::ptr::NonNull;
use std::sync::{Mutex, MutexGuard, PoisonError};

// SAFETY: the name and the signature are those of asctime(3) in C.
unsafe extern "C" {
    /// `asctime(3)`.
    fn asctime(time: *const libc::tm) -> *mut libc::c_char;
}

/// Held while the library writes to its buffer, and while a thread reads it.
///
/// Without it, two threads would access the buffer unsynchronised, which is a data race: undefined
/// behaviour. It does not make the answers right. Real code has no such lock, and may also read
/// half of one text and half of another.
static BUFFER: Mutex<()> = Mutex::new(());

/// Where a text is, or was: in a buffer that the next call of [`utc`] overwrites, from any thread.
pub struct StaticText {
    start: NonNull<libc::c_char>,
}

/// `asctime(gmtime(seconds))`: that moment in universal time, as in `Sun Sep 16 01:03:52 1973`,
/// with a line feed behind it.
///
/// `None` where the library has no text for it, as beyond the year 9999.
// ANCHOR: asctime
pub fn utc(seconds: i64) -> Option<StaticText> {
    let _writing = buffer();
    // SAFETY: the argument outlives the call. The result is in a static
    // buffer, too; the lock keeps other threads from writing to it.
    let time = NonNull::new(unsafe { libc::gmtime(&raw const seconds) })?;
    // SAFETY: gmtime has filled the struct, and the lock has kept other
    // threads from it since.
    let text = NonNull::new(unsafe { asctime(time.as_ptr()) })?;
    Some(StaticText { start: text })
}

impl StaticText {
    /// What is in the buffer *now*.
    pub fn read(&self) -> String {
        let _reading = buffer();
        // SAFETY: the buffer is static, and the last text that asctime
        // wrote ends with a NUL; the lock keeps threads from writing.
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
        // No other test of this process calls it.
        let first = utc(117_000_000).unwrap();
        assert_eq!(first.read(), "Sun Sep 16 04:00:00 1973\n");
        let second = utc(0).unwrap();
        assert_eq!(second.read(), "Thu Jan  1 00:00:00 1970\n");
        assert_eq!(first.read(), second.read());
        assert!(utc(i64::MAX).is_none());
    }
}
