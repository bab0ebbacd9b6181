//! Keys, from the bytes that a terminal sends. Pure.
//!
//! An arrow key is a sequence of bytes that begins with Escape, and the Escape key is that byte
//! alone. Only time tells the two apart: if no byte follows within 100 ms, the key was Escape.

/// Escape, the first byte of every sequence.
const ESC: u8 = 0x1b;
/// The byte of Ctrl-C, which a terminal in raw mode sends instead of a signal.
const CTRL_C: u8 = 0x03;
/// Longer than the sequence of any key. A longer one is noise and is dropped.
const SEQUENCE_LEN_MAX: usize = 32;

/// A key that the view can use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    /// A letter, a digit, a sign or the space bar, with or without Alt.
    Char(char),
    /// Ctrl-C.
    Interrupt,
    Escape,
    Up,
    Down,
    PageUp,
    PageDown,
    Home,
    End,
}

/// Assembles keys from bytes. A sequence may arrive in pieces.
#[derive(Debug, Default)]
pub(super) struct Keys {
    /// The bytes of a sequence that is not complete yet.
    pending: Vec<u8>,
}

impl Keys {
    /// The keys that these bytes complete.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Vec<Key> {
        bytes.iter().filter_map(|&byte| self.push(byte)).collect()
    }

    /// Ends a sequence to which no further byte has come in time. A single Escape was that key; the
    /// beginning of any other sequence is dropped.
    pub(super) fn time_out(&mut self) -> Option<Key> {
        let pending = std::mem::take(&mut self.pending);
        (pending == [ESC]).then_some(Key::Escape)
    }

    fn push(&mut self, byte: u8) -> Option<Key> {
        self.pending.push(byte);
        let key = match self.pending[..] {
            // A second Escape: the first was the key.
            [ESC, ESC] => {
                self.pending.pop();
                return Some(Key::Escape);
            }
            [ESC] | [ESC, b'[' | b'O'] => return None,
            [ESC, b'O', last] => cursor_key(last),
            [ESC, b'[', ref parameters @ .., last] => match last {
                // Parameter bytes and intermediate bytes (ECMA-48, 5.4).
                b' '..=b'?' if self.pending.len() < SEQUENCE_LEN_MAX => return None,
                b'~' => numbered_key(parameters),
                _ => cursor_key(last),
            },
            // Alt together with a key.
            [ESC, byte] => plain_key(byte),
            _ => plain_key(byte),
        };
        self.pending.clear();
        key
    }
}

fn plain_key(byte: u8) -> Option<Key> {
    match byte {
        CTRL_C => Some(Key::Interrupt),
        b' '..=b'~' => Some(Key::Char(char::from(byte))),
        _ => None,
    }
}

/// The key of a sequence that ends in a letter.
fn cursor_key(last: u8) -> Option<Key> {
    match last {
        b'A' => Some(Key::Up),
        b'B' => Some(Key::Down),
        b'H' => Some(Key::Home),
        b'F' => Some(Key::End),
        _ => None,
    }
}

/// The key of a sequence that ends in a tilde: its number. `5;2` is key 5 with Shift.
fn numbered_key(parameters: &[u8]) -> Option<Key> {
    let number = parameters.split(|&byte| byte == b';').next();
    match number.unwrap_or_default() {
        b"1" | b"7" => Some(Key::Home),
        b"4" | b"8" => Some(Key::End),
        b"5" => Some(Key::PageUp),
        b"6" => Some(Key::PageDown),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(bytes: &[u8]) -> Vec<Key> {
        Keys::default().take(bytes)
    }

    #[test]
    fn sequences_are_keys() {
        let cases: [(&[u8], &[Key]); 12] = [
            (b"qP ", &[Key::Char('q'), Key::Char('P'), Key::Char(' ')]),
            (b"\x03", &[Key::Interrupt]),
            (b"\x1b[A\x1b[B", &[Key::Up, Key::Down]),
            (b"\x1bOA\x1bOF", &[Key::Up, Key::End]),
            (b"\x1b[1;5A", &[Key::Up]),
            (b"\x1b[H\x1b[1~\x1b[7~", &[Key::Home; 3]),
            (b"\x1b[F\x1b[4~\x1b[8~", &[Key::End; 3]),
            (b"\x1b[5~\x1b[6;2~", &[Key::PageUp, Key::PageDown]),
            (b"\x1bk", &[Key::Char('k')]),
            (b"\x1b\x1b[A", &[Key::Escape, Key::Up]),
            (b"\x1b[200~\x1b[M\x1b[12;3R", &[]),
            ("é\t\r\x00".as_bytes(), &[]),
        ];
        for (bytes, expected) in cases {
            assert_eq!(keys(bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    fn a_sequence_may_arrive_byte_by_byte() {
        let mut keys = Keys::default();
        let sequence = b"\x1b[6~";
        let found: Vec<Key> = sequence.iter().flat_map(|&it| keys.take(&[it])).collect();
        assert_eq!(found, [Key::PageDown]);
        assert_eq!(keys.time_out(), None);
    }

    #[test]
    fn an_incomplete_sequence_is_dropped_after_a_moment() {
        for (begun, meant) in [
            (&b"\x1b"[..], Some(Key::Escape)),
            (b"\x1b[", None),
            (b"\x1bO", None),
            (b"\x1b[1;", None),
        ] {
            let mut keys = Keys::default();
            assert_eq!(keys.take(begun), []);
            assert_eq!(keys.time_out(), meant, "{begun:?}");
            assert_eq!(keys.time_out(), None);
            assert_eq!(keys.take(b"q"), [Key::Char('q')], "{begun:?}");
        }
    }

    #[test]
    fn no_sequence_is_collected_for_ever() {
        let mut keys = Keys::default();
        keys.take(b"\x1b[");
        for _ in 0..1000 {
            keys.take(b"1");
            assert!(keys.pending.len() <= SEQUENCE_LEN_MAX);
        }
    }
}
