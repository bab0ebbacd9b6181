//! The part of a terminal that the live view occupies.

use std::io::{self, Write};

/// The lines that a live view has on the terminal. The cursor stays behind the last one.
#[derive(Default)]
pub(super) struct Screen {
    lines: usize,
}

impl Screen {
    /// Replaces what is there. An empty text leaves nothing behind.
    pub(super) fn draw(&mut self, text: &str) {
        let frame = self.frame(text);
        // A terminal that has gone is no reason to end the run.
        let _ = io::stderr().write_all(frame.as_bytes());
    }

    /// To the first line's beginning, clear from there on, and the new lines (ECMA-48: CUU, ED).
    fn frame(&mut self, text: &str) -> String {
        let up = match self.lines {
            0 | 1 => String::new(),
            lines => format!("\x1b[{}A", lines - 1),
        };
        self.lines = text.lines().count();
        format!("\r{up}\x1b[J{}", text.replace('\n', "\r\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_replaces_the_one_before_and_an_empty_one_leaves_nothing() {
        let mut screen = Screen::default();
        assert_eq!(screen.frame("a\nb\nc"), "\r\x1b[Ja\r\nb\r\nc");
        assert_eq!(screen.frame("d"), "\r\x1b[2A\x1b[Jd");
        assert_eq!(screen.frame(""), "\r\x1b[J");
    }
}
