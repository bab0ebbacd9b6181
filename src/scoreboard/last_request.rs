//! The last request of a record: a request line of eight words that have to be read together.
//!
//! A single word is always whole; eight words may be read while they are being written. So a
//! number stands before them that is odd while the writer writes (a *seqlock*). A reader that finds
//! the number odd, or changed after it has read, tries again, a few times and no more: a writer
//! that was killed meanwhile leaves the number odd for ever, and must not block a reader.

use std::hint::spin_loop;
use std::ops::Range;
use std::sync::atomic::{
    AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
    fence,
};

/// Bytes of a request line that are kept.
pub const LINE_BYTES_MAX: usize = 64;

/// The word of a record that holds the number. The client's descriptor and the text follow.
pub(super) const START: usize = 10;
const NUMBER: usize = 0;
const CLIENT: usize = 1;
const TEXT: Range<usize> = 2..2 + LINE_BYTES_MAX / 8;
/// Words from the number to the end of the text.
pub(super) const WORDS: usize = TEXT.end;

/// How often a reader tries. A writer needs some twenty instructions. If it was interrupted or
/// killed meanwhile, waiting longer would not help.
const TRIES: usize = 32;

/// The last request that a worker has begun to answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LastRequest {
    /// It has not begun to answer any.
    Nothing,
    /// The worker was writing at every try, or was killed while it wrote.
    Torn,
    /// The request with this line, from this client.
    Request {
        /// The start of the request line.
        line: Vec<u8>,
        /// The client's descriptor in the worker's process.
        client: Option<i32>,
    },
}

impl LastRequest {
    /// The client's descriptor in the worker's process, if that is known.
    pub fn client(&self) -> Option<i32> {
        match self {
            Self::Request { client, .. } => *client,
            Self::Nothing | Self::Torn => None,
        }
    }
}

/// A request line as text for people and logs. Control characters, bytes that are not ASCII and
/// the backslash become escapes (`\x1b`, `\\`), so that no client can send commands to a terminal.
/// Quotation marks are kept.
pub fn printable(line: &[u8]) -> String {
    let escape = |&byte: &u8| -> String {
        match byte {
            b'"' | b'\'' => char::from(byte).into(),
            _ => byte.escape_ascii().to_string(),
        }
    };
    line.iter().map(escape).collect()
}

/// Writes a request line. Only the thread that has the slot may write. It never waits.
// ANCHOR: write
pub(super) fn write(words: &[AtomicU64], line: &[u8], client: Option<i32>) {
    let odd = words[NUMBER].load(Relaxed) | 1;
    words[NUMBER].store(odd, Relaxed);
    // No reader may see the text below before it sees the odd number.
    fence(Release);
    words[CLIENT].store(client.map_or(0, |fd| fd as u64 + 1), Relaxed);
    let mut text = [0; LINE_BYTES_MAX];
    let kept = line.len().min(LINE_BYTES_MAX);
    text[..kept].copy_from_slice(&line[..kept]);
    for (word, bytes) in words[TEXT].iter().zip(text.as_chunks().0) {
        word.store(u64::from_ne_bytes(*bytes), Relaxed);
    }
    words[NUMBER].store(odd.wrapping_add(1), Release);
}
// ANCHOR_END: write

/// Reads the words that `load` gives.
// ANCHOR: read
pub(super) fn read(load: impl Fn(usize) -> u64) -> LastRequest {
    for _ in 0..TRIES {
        let before = load(NUMBER);
        fence(Acquire);
        let client = load(CLIENT);
        let text = TEXT.map(&load).flat_map(u64::to_ne_bytes);
        let text: Vec<u8> = text.take_while(|&byte| byte != 0).collect();
        fence(Acquire);
        match load(NUMBER) {
            0 => return LastRequest::Nothing,
            after if after == before && before.is_multiple_of(2) => {
                let client = client.checked_sub(1).map(|fd| fd as i32);
                return LastRequest::Request { line: text, client };
            }
            _ => spin_loop(),
        }
    }
    LastRequest::Torn
}
// ANCHOR_END: read

/// To be called by a worker that takes a slot over. If the last one was killed while it wrote, the
/// text is erased: the next even number would declare it whole.
pub(super) fn mend(words: &[AtomicU64]) {
    if words[NUMBER].load(Relaxed) % 2 == 1 {
        write(words, b"", None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;
    use std::thread;

    fn words() -> [AtomicU64; WORDS] {
        std::array::from_fn(|_| AtomicU64::new(0))
    }

    fn look(words: &[AtomicU64]) -> LastRequest {
        read(|index| words[index].load(Relaxed))
    }

    #[test]
    fn a_line_is_shown_as_it_is_except_for_control_characters() {
        let line = b"GET /?a='b'&\"c\" HTTP/1.1";
        assert_eq!(printable(line), "GET /?a='b'&\"c\" HTTP/1.1");
        assert_eq!(printable(b"\x1b[2J\n\\\xff"), r"\x1b[2J\n\\\xff");
    }

    #[test]
    fn a_reader_sees_the_last_written_line() {
        let words = words();
        assert_eq!(look(&words), LastRequest::Nothing);
        for (line, client) in [("GET / HTTP/1.1", Some(0)), ("", None), ("x", Some(7))] {
            write(&words, line.as_bytes(), client);
            let line = line.as_bytes().to_vec();
            assert_eq!(look(&words), LastRequest::Request { line, client });
        }
        write(&words, &[b'y'; 100], None);
        let line = vec![b'y'; LINE_BYTES_MAX];
        assert_eq!(look(&words), LastRequest::Request { line, client: None });
    }

    #[test]
    fn a_killed_writer_blocks_no_reader_and_its_successor_mends_the_record() {
        let words = words();
        write(&words, b"GET /old", Some(5));
        words[NUMBER].fetch_add(1, Relaxed);
        words[TEXT.start].store(u64::from_ne_bytes(*b"GET /hal"), Relaxed);
        assert_eq!(look(&words), LastRequest::Torn);
        mend(&words);
        let (line, client) = (Vec::new(), None);
        assert_eq!(look(&words), LastRequest::Request { line, client });
        write(&words, b"GET /new", Some(6));
        mend(&words);
        let (line, client) = (b"GET /new".to_vec(), Some(6));
        assert_eq!(look(&words), LastRequest::Request { line, client });
    }

    /// Each line repeats one letter, and its length is also written as its client's number.
    #[test]
    fn no_reader_ever_sees_parts_of_two_lines() {
        let (words, done) = (words(), AtomicBool::new(false));
        let mut whole = 0u32;
        thread::scope(|scope| {
            scope.spawn(|| {
                for round in 0..200_000usize {
                    let length = 1 + round * 7 % LINE_BYTES_MAX;
                    let letter = b'a' + (length % 26) as u8;
                    write(
                        &words,
                        &[letter; LINE_BYTES_MAX][..length],
                        Some(length as i32),
                    );
                }
                done.store(true, Relaxed);
            });
            while !done.load(Relaxed) {
                if let LastRequest::Request { line, client } = look(&words) {
                    let length = client.unwrap() as usize;
                    assert_eq!(line, vec![b'a' + (length % 26) as u8; length]);
                    whole += 1;
                }
            }
        });
        assert!(whole > 0, "the reader saw no line at all");
    }
}
